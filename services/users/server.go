package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Limits of one connection. Without them a peer that sends slowly holds a connection for good.
const (
	readHeaderLimit = 5 * time.Second
	readLimit       = 15 * time.Second
	writeLimit      = 30 * time.Second
	idleLimit       = 2 * time.Minute
	headerBytes     = 64 << 10
)

// pong is the answer of /ping.
type pong struct {
	Message string `json:"message"`
	Version string `json:"version"`
	GOARCH  string `json:"goarch"`
}

func newServer(logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           newRouter(logger),
		ReadHeaderTimeout: readHeaderLimit,
		ReadTimeout:       readLimit,
		WriteTimeout:      writeLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

func newRouter(logger *slog.Logger) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	measured := newMetrics()
	// What recovers stands innermost: a panic is still logged and counted, as the 500 that the client got.
	router.Use(logRequests(logger), measured.count, recoverPanics(logger))
	router.GET("/ping", func(c *gin.Context) {
		c.JSON(http.StatusOK, pong{Message: "pong", Version: version, GOARCH: runtime.GOARCH})
	})
	router.GET("/healthz", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "ok"}) })
	router.GET("/metrics", gin.WrapH(promhttp.HandlerFor(measured.registry, promhttp.HandlerOpts{})))
	return router
}

func logRequests(logger *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		logger.LogAttrs(c.Request.Context(), slog.LevelInfo, "request",
			slog.String("method", c.Request.Method),
			slog.String("path", c.Request.URL.Path),
			slog.Int("status", c.Writer.Status()),
			slog.Float64("seconds", time.Since(began).Seconds()),
			slog.String("peer", c.Request.RemoteAddr))
	}
}

func recoverPanics(logger *slog.Logger) gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, cause any) {
		logger.Error("panic", "path", c.Request.URL.Path, "cause", fmt.Sprint(cause))
		c.AbortWithStatus(http.StatusInternalServerError)
	})
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
