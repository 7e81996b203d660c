package main

import (
	"bytes"
	"testing"

	"github.com/gin-gonic/gin"

	"runbook.example/services/core"
	"runbook.example/services/formtest"
	"runbook.example/services/jsonlog"
)

func TestTheGinForm(t *testing.T) { formtest.Run(t, newRouter) }

func BenchmarkTheGinForm(b *testing.B) { formtest.Bench(b, newRouter) }

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	var log bytes.Buffer
	router := newRouter(core.NewApp(version, nil), jsonlog.New(&log))
	router.(*gin.Engine).GET("/broken", func(*gin.Context) { panic("on purpose") })
	formtest.PanicIsAnswered500AndLogged(t, router, &log)
}
