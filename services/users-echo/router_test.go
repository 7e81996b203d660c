package main

import (
	"bytes"
	"testing"

	"github.com/labstack/echo/v4"

	"runbook.example/services/core"
	"runbook.example/services/formtest"
	"runbook.example/services/jsonlog"
)

func TestTheEchoForm(t *testing.T) { formtest.Run(t, newRouter) }

func BenchmarkTheEchoForm(b *testing.B) { formtest.Bench(b, newRouter) }

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	var log bytes.Buffer
	router := newRouter(core.NewApp(version, nil), jsonlog.New(&log))
	router.(*echo.Echo).GET("/broken", func(echo.Context) error { panic("on purpose") })
	formtest.PanicIsAnswered500AndLogged(t, router, &log)
}
