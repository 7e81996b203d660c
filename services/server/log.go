package server

import (
	"fmt"
	"net/http"
	"time"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
)

// LogRequest writes the one line of a request. The query is left out: it may hold what nobody else should read.
func LogRequest(logger *jsonlog.Logger, request *http.Request, status int, took time.Duration) {
	logger.Info("request", "method", request.Method, "path", request.URL.Path, "status", status, "seconds", took,
		"peer", request.RemoteAddr, "request_id", core.RequestID(request.Context()))
}

// LogPanic writes what a handler stumbled over; the client gets a 500 and no word of it.
func LogPanic(logger *jsonlog.Logger, request *http.Request, cause interface{}) {
	logger.Error("panic", "path", request.URL.Path, "cause", fmt.Sprint(cause),
		"request_id", core.RequestID(request.Context()))
}
