package core

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// RequestIDHeader carries what ties the lines of several services about one request together.
const RequestIDHeader = "X-Request-Id"

const requestIDBytes = 64 // of a client's own id; a longer one is replaced

type requestIDKey struct{}

// WithRequestID takes the client's id where it is one, makes another where not, and sends it back with the answer.
func WithRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		id := request.Header.Get(RequestIDHeader)
		if !isRequestID(id) {
			id = newRequestID()
		}
		answer.Header().Set(RequestIDHeader, id)
		next.ServeHTTP(answer, request.WithContext(context.WithValue(request.Context(), requestIDKey{}, id)))
	})
}

// RequestID is the id of the request that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// isRequestID admits what can stand in a log and a header whatever reads them.
func isRequestID(id string) bool {
	if id == "" || len(id) > requestIDBytes {
		return false
	}
	for _, r := range id {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return true
}

func newRequestID() string {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "unknown" // the request is answered all the same
	}
	return hex.EncodeToString(random[:])
}
