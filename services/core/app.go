package core

import (
	"net/http"
	"runtime"
)

// App is what a framework's router is made of.
type App struct {
	Version string
	Users   *Users
	Metrics *Metrics
}

// NewApp takes nil for a store that is not configured.
func NewApp(version string, store Store) *App {
	return &App{version, NewUsers(store), NewMetrics(version)}
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

// Health says that the process answers; whether users can be asked about is Users.Ready.
func (a *App) Health() (int, interface{}) {
	return http.StatusOK, map[string]string{"status": "ok"}
}
