// Package formtest holds what every form of the user service has to do, whatever its framework.
package formtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
	"runbook.example/services/server"
)

const version = "1.2.3"

// Run holds a form to all of it.
func Run(t *testing.T, form server.Router) {
	t.Run("ping says version and architecture", func(t *testing.T) { ping(t, form) })
	t.Run("users are created, read, listed and deleted", func(t *testing.T) { lifeOfAUser(t, form) })
	t.Run("a list comes in pages", func(t *testing.T) { pages(t, form) })
	t.Run("changes are streamed, and a stop ends the streams", func(t *testing.T) { watched(t, form) })
	t.Run("a client's request id is kept where it is one", func(t *testing.T) { requestID(t, form) })
	t.Run("without a store users are answered 503 with what to configure", func(t *testing.T) { withoutAStore(t, form) })
	t.Run("what a client gets wrong is refused", func(t *testing.T) { refused(t, form) })
	t.Run("a store that fails is the service's matter", func(t *testing.T) { failing(t, form) })
	t.Run("metrics count by route and never by what a client invents", func(t *testing.T) { metrics(t, form) })
	t.Run("a request is one line of JSON", func(t *testing.T) { oneLine(t, form) })
}

// Quiet is a log that nobody reads.
func Quiet() *jsonlog.Logger { return jsonlog.New(io.Discard) }

// Ask sends one request to a handler.
func Ask(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer
}

func routes(form server.Router, store core.Store) http.Handler {
	return core.WithRequestID(form(core.NewApp(version, store), Quiet()))
}

func expect(t *testing.T, handler http.Handler, method, path, body string, status int, said string) {
	t.Helper()
	answer := Ask(handler, method, path, body)
	if answer.Code != status || !strings.Contains(answer.Body.String(), said) {
		t.Errorf("%s %s: status %d, want %d with %q: %s", method, path, answer.Code, status, said, answer.Body)
	}
	if status != http.StatusNoContent && !strings.HasPrefix(answer.Header().Get("Content-Type"), "application/json") &&
		strings.HasPrefix(path, "/users") && status != http.StatusNotFound {
		t.Errorf("%s %s: no JSON but %s", method, path, answer.Header().Get("Content-Type"))
	}
}

func ping(t *testing.T, form server.Router) {
	answer := Ask(routes(form, nil), "GET", "/ping", "")
	var got core.Pong
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != 200 {
		t.Fatalf("status %d, %v: %s", answer.Code, err, answer.Body)
	}
	if want := (core.Pong{Message: "pong", Version: version, GOARCH: runtime.GOARCH}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func lifeOfAUser(t *testing.T, form server.Router) {
	handler := routes(form, &Memory{})
	expect(t, handler, "GET", "/readyz", "", 200, `"ready"`)
	expect(t, handler, "GET", "/users", "", 200, `"users":[]`)
	expect(t, handler, "POST", "/users", `{"id":"b","name":"Bo","email":"bo@example.com"}`, 201, `"id":"b"`)
	expect(t, handler, "POST", "/users", `{"id":"b","name":"Another"}`, 409, "already")
	expect(t, handler, "GET", "/users/b", "", 200, `"email":"bo@example.com"`)
	expect(t, handler, "POST", "/users", `{"id":"a","name":"Ay"}`, 201, "Ay")
	expect(t, handler, "GET", "/users", "", 200, `{"users":[{"id":"a","name":"Ay"},{"id":"b"`)
	expect(t, handler, "DELETE", "/users/b", "", 204, "")
	expect(t, handler, "DELETE", "/users/b", "", 404, "no such user")
	expect(t, handler, "GET", "/users/b", "", 404, "no such user")
	var made core.User
	if err := json.Unmarshal(Ask(handler, "POST", "/users", `{"name":"No id"}`).Body.Bytes(), &made); err != nil || len(made.ID) != 32 {
		t.Errorf("an id was to be made: %+v, %v", made, err)
	}
}

func pages(t *testing.T, form server.Router) {
	handler := routes(form, &Memory{})
	for _, id := range []string{"c", "a", "b"} {
		expect(t, handler, "POST", "/users", `{"id":"`+id+`","name":"Ay"}`, 201, "")
	}
	expect(t, handler, "GET", "/users?limit=2", "", 200, `{"id":"b","name":"Ay"}],"more":true,"next":"b","revision":3}`)
	expect(t, handler, "GET", "/users?limit=2&after=b", "", 200, `{"users":[{"id":"c","name":"Ay"}],"more":false,"revision":3}`)
	expect(t, handler, "GET", "/users?after=c", "", 200, `"users":[]`)
	for _, wrong := range []string{"limit=0", "limit=101", "limit=many", "limit=-1"} {
		expect(t, handler, "GET", "/users?"+wrong, "", 400, "1 to 100")
	}
	expect(t, handler, "GET", "/users?after=../etc", "", 400, "after: an id holds")
}

func requestID(t *testing.T, form server.Router) {
	handler := routes(form, nil)
	for given, kept := range map[string]bool{
		"abc-1.2_3": true, "": false, "two words": false, "new\nline": false, strings.Repeat("a", 65): false,
	} {
		request, answer := httptest.NewRequest("GET", "/ping", nil), httptest.NewRecorder()
		request.Header.Set(core.RequestIDHeader, given)
		handler.ServeHTTP(answer, request)
		if got := answer.Header().Get(core.RequestIDHeader); got == "" || (got == given) != kept {
			t.Errorf("%q came back as %q", given, got)
		}
	}
}

func withoutAStore(t *testing.T, form server.Router) {
	handler := routes(form, nil)
	expect(t, handler, "GET", "/healthz", "", 200, "ok")
	for _, c := range [][2]string{{"GET", "/readyz"}, {"GET", "/users"}, {"GET", "/watch/users"}, {"GET", "/users/a"}, {"DELETE", "/users/a"}} {
		expect(t, handler, c[0], c[1], "", 503, "USERS_ETCD_ENDPOINTS")
	}
	expect(t, handler, "POST", "/users", `{"name":"Ay"}`, 503, "-etcd-ca")
}

func refused(t *testing.T, form server.Router) {
	handler := routes(form, &Memory{})
	for _, c := range []struct {
		body   string
		status int
		said   string
	}{
		{`{"name":""}`, 400, "a user has a name"},
		{`{`, 400, "not a user as JSON"},
		{`{"name":"Ay","admin":true}`, 400, "unknown field"},
		{`{"name":"Ay"}{"name":"Bo"}`, 400, "more than one"},
		{`{"id":"../etc","name":"Ay"}`, 400, "letters, digits"},
		{`{"name":"A\u0000y"}`, 400, "no printable text"},
		{`{"name":"` + strings.Repeat("a", core.NameBytes+1) + `"}`, 400, "at most 200"},
		{`{"name":"` + strings.Repeat("a", core.BodyBytes) + `"}`, 413, "too large"},
	} {
		expect(t, handler, "POST", "/users", c.body, c.status, c.said)
	}
	expect(t, handler, "GET", "/users/"+strings.Repeat("a", core.IDBytes+1), "", 400, "1 to 64")
	expect(t, handler, "POST", "/ping", "", 405, "")
	expect(t, handler, "GET", "/nowhere", "", 404, "")
}

func failing(t *testing.T, form server.Router) {
	handler := routes(form, &Memory{Broken: errors.New("dial 192.0.2.1: a secret of the network")})
	answer := Ask(handler, "GET", "/users", "")
	if answer.Code != 503 || strings.Contains(answer.Body.String(), "192.0.2.1") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
	expect(t, handler, "GET", "/readyz", "", 503, "cannot be asked")
	expect(t, handler, "GET", "/healthz", "", 200, "ok")
	late := routes(form, &Memory{Broken: context.DeadlineExceeded})
	expect(t, late, "GET", "/users", "", 504, "in time")
}

func metrics(t *testing.T, form server.Router) {
	handler := routes(form, &Memory{})
	for _, path := range []string{"/ping", "/ping", "/invented/1", "/invented/2", "/users/nobody"} {
		Ask(handler, "GET", path, "")
	}
	Ask(handler, "INVENTED", "/ping", "")
	text := Ask(handler, "GET", "/metrics", "").Body.String()
	for _, want := range []string{
		`http_requests_total{method="GET",route="/ping",status="200"} 2`,
		`http_requests_total{method="GET",route="/users/:id",status="404"} 1`,
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
	if strings.Contains(text, "nvented") || strings.Contains(text, "INVENTED") || strings.Contains(text, "nobody") {
		t.Errorf("a client's own word became a label:\n%s", text)
	}
}

func oneLine(t *testing.T, form server.Router) {
	var log bytes.Buffer
	handler := core.WithRequestID(form(core.NewApp(version, nil), jsonlog.New(&log)))
	answer := Ask(handler, "GET", "/ping?token=hidden", "")
	var line map[string]interface{}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	if line["path"] != "/ping" || line["status"] != float64(200) || line["method"] != "GET" {
		t.Errorf("got %v", line)
	}
	if id := answer.Header().Get(core.RequestIDHeader); len(id) != 16 || line["request_id"] != id {
		t.Errorf("the client was told %q: %v", id, line)
	}
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("the query is in the log: %s", &log)
	}
}

// PanicIsAnswered500AndLogged takes a handler one of whose routes, /broken, panics with "on purpose".
func PanicIsAnswered500AndLogged(t *testing.T, handler http.Handler, log *bytes.Buffer) {
	t.Helper()
	if answer := Ask(handler, "GET", "/broken", ""); answer.Code != 500 || strings.Contains(answer.Body.String(), "purpose") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
	for _, want := range []string{`"cause":"on purpose"`, `"status":500`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log: %s", want, log)
		}
	}
	if text := Ask(handler, "GET", "/metrics", "").Body.String(); !strings.Contains(text, `route="/broken",status="500"} 1`) {
		t.Errorf("not counted: %s", text)
	}
}
