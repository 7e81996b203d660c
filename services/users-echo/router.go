package main

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
	"runbook.example/services/server"
)

func newRouter(app *core.App, logger *jsonlog.Logger) http.Handler {
	router := echo.New()
	// What recovers stands innermost: a panic is still logged and counted, as the 500 that the client got.
	router.Use(measure(app, logger), recoverPanics(logger))
	router.GET("/ping", func(c echo.Context) error { return answer(c)(app.Ping()) })
	router.GET("/healthz", func(c echo.Context) error { return answer(c)(app.Health()) })
	router.GET("/readyz", func(c echo.Context) error { return answer(c)(app.Ready(c.Request().Context())) })
	router.GET("/metrics", echo.WrapHandler(app.Metrics.Handler()))
	router.POST("/users", func(c echo.Context) error {
		return answer(c)(app.Users.Create(c.Request().Context(), c.Request().Body))
	})
	router.GET("/users", func(c echo.Context) error {
		return answer(c)(app.Users.List(c.Request().Context(), c.QueryParams()))
	})
	router.GET("/users/:id", func(c echo.Context) error {
		return answer(c)(app.Users.Read(c.Request().Context(), c.Param("id")))
	})
	router.DELETE("/users/:id", func(c echo.Context) error {
		return answer(c)(app.Users.Delete(c.Request().Context(), c.Param("id")))
	})
	router.GET("/watch/users", echo.WrapHandler(app.Watches))
	return router
}

// answer sends a status and a body as JSON; nil is no body.
func answer(c echo.Context) func(int, interface{}) error {
	return func(status int, body interface{}) error {
		if body == nil {
			return c.NoContent(status)
		}
		return c.JSON(status, body)
	}
}

func measure(app *core.App, logger *jsonlog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err) // writes the answer, so that its status is known here
			}
			took, route := time.Since(began), c.Path()
			if status := c.Response().Status; err != nil && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
				route = "" // none of ours: the router itself refused it
			}
			app.Metrics.Count(c.Request().Method, route, c.Response().Status, took)
			server.LogRequest(logger, c.Request(), c.Response().Status, took)
			return nil
		}
	}
}

func recoverPanics(logger *jsonlog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				if cause := recover(); cause != nil {
					if cause == http.ErrAbortHandler {
						panic(cause)
					}
					server.LogPanic(logger, c.Request(), cause)
					err = echo.NewHTTPError(http.StatusInternalServerError)
				}
			}()
			return next(c)
		}
	}
}
