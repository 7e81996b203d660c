package server

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// LogRequest writes the one line of a request. The query is left out: it may hold what nobody else should read.
func LogRequest(logger *slog.Logger, request *http.Request, status int, took time.Duration) {
	logger.LogAttrs(request.Context(), slog.LevelInfo, "request",
		slog.String("method", request.Method),
		slog.String("path", request.URL.Path),
		slog.Int("status", status),
		slog.Float64("seconds", took.Seconds()),
		slog.String("peer", request.RemoteAddr))
}

// LogPanic writes what a handler stumbled over; the client gets a 500 and no word of it.
func LogPanic(logger *slog.Logger, request *http.Request, cause interface{}) {
	logger.Error("panic", "path", request.URL.Path, "cause", fmt.Sprint(cause))
}
