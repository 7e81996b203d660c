package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"

	"runbook.example/services/jsonlog"
)

// Limits of one connection. Without them a peer that sends slowly holds a connection for good.
const (
	readHeaderLimit = 5 * time.Second
	readLimit       = 15 * time.Second
	writeLimit      = 30 * time.Second // more than core.WatchFor
	idleLimit       = 2 * time.Minute
	headerBytes     = 64 << 10
)

func newServer(handler http.Handler, secured *tls.Config, logger *jsonlog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         secured,
		ReadHeaderTimeout: readHeaderLimit,
		ReadTimeout:       readLimit,
		WriteTimeout:      writeLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          logger.Warnings(),
	}
}

// serve answers on listener until asked is done, then lets requests under way finish for at most drain.
// An orderly stop is no error.
func serve(asked context.Context, listener net.Listener, server *http.Server, drain time.Duration,
	logger *jsonlog.Logger) error {
	ended, secured := make(chan error, 1), server.TLSConfig != nil
	go func() {
		if secured {
			ended <- server.ServeTLS(listener, "", "") // the certificates are in the configuration
		} else {
			ended <- server.Serve(listener)
		}
	}()
	logger.Info("listening", "address", listener.Addr().String(), "tls", secured,
		"goarch", runtime.GOARCH, "go", runtime.Version())

	select {
	case err := <-ended:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-asked.Done():
	}
	logger.Info("stopping", "drain_seconds", drain)
	limit, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		_ = server.Close() // what it could say is said already
		return fmt.Errorf("requests still under way after %s: %w", drain, err)
	}
	logger.Info("stopped")
	return nil
}
