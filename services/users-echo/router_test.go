package main

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/labstack/echo/v4"

	"runbook.example/services/core"
	"runbook.example/services/formtest"
)

func TestTheEchoForm(t *testing.T) { formtest.Run(t, newRouter) }

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	var log bytes.Buffer
	router := newRouter(core.NewApp(version, nil), slog.New(slog.NewJSONHandler(&log, nil)))
	router.(*echo.Echo).GET("/broken", func(echo.Context) error { panic("on purpose") })
	formtest.PanicIsAnswered500AndLogged(t, router, &log)
}
