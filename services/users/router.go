package main

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
	"runbook.example/services/server"
)

func newRouter(app *core.App, logger *jsonlog.Logger) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.HandleMethodNotAllowed = true
	// What recovers stands innermost: a panic is still logged and counted, as the 500 that the client got.
	router.Use(measure(app, logger), recoverPanics(logger))
	router.GET("/ping", func(c *gin.Context) { answer(c)(app.Ping()) })
	router.GET("/healthz", func(c *gin.Context) { answer(c)(app.Health()) })
	router.GET("/readyz", func(c *gin.Context) { answer(c)(app.Ready(c.Request.Context())) })
	router.GET("/metrics", gin.WrapH(app.Metrics.Handler()))
	router.POST("/users", func(c *gin.Context) { answer(c)(app.Users.Create(c.Request.Context(), c.Request.Body)) })
	router.GET("/users", func(c *gin.Context) { answer(c)(app.Users.List(c.Request.Context(), c.Request.URL.Query())) })
	router.GET("/users/:id", func(c *gin.Context) { answer(c)(app.Users.Read(c.Request.Context(), c.Param("id"))) })
	router.DELETE("/users/:id", func(c *gin.Context) { answer(c)(app.Users.Delete(c.Request.Context(), c.Param("id"))) })
	router.GET("/watch/users", gin.WrapH(app.Watches))
	return router
}

// answer sends a status and a body as JSON; nil is no body.
func answer(c *gin.Context) func(int, interface{}) {
	return func(status int, body interface{}) {
		if body == nil {
			c.Status(status)
			return
		}
		c.JSON(status, body)
	}
}

func measure(app *core.App, logger *jsonlog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		began := time.Now()
		c.Next()
		took := time.Since(began)
		app.Metrics.Count(c.Request.Method, c.FullPath(), c.Writer.Status(), took)
		server.LogRequest(logger, c.Request, c.Writer.Status(), took)
	}
}

func recoverPanics(logger *jsonlog.Logger) gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, cause interface{}) {
		server.LogPanic(logger, c.Request, cause)
		c.AbortWithStatus(http.StatusInternalServerError)
	})
}
