package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"
)

// Limits of one connection. Without them a peer that sends slowly holds a connection for good.
const (
	readHeaderLimit = 5 * time.Second
	readLimit       = 15 * time.Second
	writeLimit      = 30 * time.Second
	idleLimit       = 2 * time.Minute
	headerBytes     = 64 << 10
)

func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderLimit,
		ReadTimeout:       readLimit,
		WriteTimeout:      writeLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// serve answers on listener until asked is done, then lets requests under way finish for at most drain.
// An orderly stop is no error.
func serve(asked context.Context, listener net.Listener, server *http.Server, drain time.Duration,
	logger *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	logger.Info("listening", "address", listener.Addr().String(), "goarch", runtime.GOARCH,
		"go", runtime.Version())

	select {
	case err := <-ended:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-asked.Done():
	}
	logger.Info("stopping", "drain_seconds", drain.Seconds())
	limit, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return errors.Join(fmt.Errorf("requests still under way after %s: %w", drain, err), server.Close())
	}
	logger.Info("stopped")
	return nil
}
