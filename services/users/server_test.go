package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func asked(t *testing.T, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(method, path, nil))
	return answer
}

func quiet() *slog.Logger { return slog.New(slog.NewJSONHandler(io.Discard, nil)) }

func TestPingSaysVersionAndArchitecture(t *testing.T) {
	answer := asked(t, newRouter(quiet()), "GET", "/ping")
	var got pong
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != 200 {
		t.Fatalf("status %d, %v: %s", answer.Code, err, answer.Body)
	}
	if want := (pong{"pong", version, runtime.GOARCH}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatusOfEveryRoute(t *testing.T) {
	router := newRouter(quiet())
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/ping", 200},
		{"GET", "/healthz", 200},
		{"GET", "/metrics", 200},
		{"POST", "/ping", 405},
		{"GET", "/nowhere", 404},
	} {
		if answer := asked(t, router, c.method, c.path); answer.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, answer.Code, c.status)
		}
	}
}

func TestMetricsCountByRouteAndNeverByWhatAClientInvents(t *testing.T) {
	router := newRouter(quiet())
	for _, path := range []string{"/ping", "/ping", "/invented/1", "/invented/2"} {
		asked(t, router, "GET", path)
	}
	asked(t, router, "INVENTED", "/ping")
	text := asked(t, router, "GET", "/metrics").Body.String()
	for _, want := range []string{
		`http_requests_total{method="GET",route="/ping",status="200"} 2`,
		`http_requests_total{method="any",route="none",status="404"} 2`,
		`http_requests_total{method="any",route="none",status="405"} 1`,
		`http_request_duration_seconds_count{method="GET",route="/ping"} 2`,
		`users_build_info{version="` + version + `"} 1`,
		"go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "nvented") || strings.Contains(text, "INVENTED") {
		t.Errorf("a client's own word became a label:\n%s", text)
	}
}

func TestARequestIsOneLineOfJSON(t *testing.T) {
	var log bytes.Buffer
	asked(t, newRouter(slog.New(slog.NewJSONHandler(&log, nil))), "GET", "/ping?token=hidden")
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	if line["path"] != "/ping" || line["status"] != float64(200) || line["method"] != "GET" {
		t.Errorf("got %v", line)
	}
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("the query is in the log: %s", &log)
	}
}

func TestAPanicIsAnswered500AndLogged(t *testing.T) {
	var log bytes.Buffer
	router := newRouter(slog.New(slog.NewJSONHandler(&log, nil)))
	router.(*gin.Engine).GET("/broken", func(*gin.Context) { panic("on purpose") })
	if answer := asked(t, router, "GET", "/broken"); answer.Code != 500 {
		t.Errorf("status %d", answer.Code)
	}
	for _, want := range []string{`"cause":"on purpose"`, `"status":500`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log: %s", want, &log)
		}
	}
	metrics := asked(t, router, "GET", "/metrics").Body.String()
	if !strings.Contains(metrics, `route="/broken",status="500"} 1`) {
		t.Errorf("not counted: %s", metrics)
	}
}
