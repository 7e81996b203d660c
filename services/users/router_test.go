package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/gin-gonic/gin"

	"runbook.example/services/core"
	"runbook.example/services/formtest"
)

func TestTheGinForm(t *testing.T) { formtest.Run(t, newRouter) }

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	var log bytes.Buffer
	router := newRouter(core.NewApp(version, nil), slog.New(slog.NewJSONHandler(&log, nil)))
	router.(*gin.Engine).GET("/broken", func(*gin.Context) { panic("on purpose") })
	formtest.PanicIsAnswered500AndLogged(t, router, &log)
}
