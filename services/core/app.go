package core

import (
	"context"
	"net/http"
	"runtime"
)

// App is what a framework's router is made of.
type App struct {
	Version string
	Users   *Users
	Watches *Watches
	Metrics *Metrics
}

// NewApp takes nil for a store that is not configured.
func NewApp(version string, store Store) *App {
	metrics := NewMetrics(version)
	return &App{version, NewUsers(store), NewWatches(store, metrics.Watched), metrics}
}

// Stop is called before the server stops: it is no longer ready, and its streams end.
func (a *App) Stop() { a.Watches.Stop() }

// Ready says whether users can be asked about now. The process itself may be well all the same.
func (a *App) Ready(ctx context.Context) (int, interface{}) {
	if a.Watches.Stopping() {
		return http.StatusServiceUnavailable, Problem{errStopping.Error()}
	}
	return a.Users.Ready(ctx)
}

// Pong is the answer of /ping.
type Pong struct {
	Message string `json:"message"`
	Version string `json:"version"`
	GOARCH  string `json:"goarch"`
}

// Ping says who answers.
func (a *App) Ping() (int, interface{}) {
	return http.StatusOK, Pong{"pong", a.Version, runtime.GOARCH}
}

// Health says that the process answers; whether users can be asked about is Ready.
func (a *App) Health() (int, interface{}) {
	return http.StatusOK, map[string]string{"status": "ok"}
}
