package formtest

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"runbook.example/services/core"
	"runbook.example/services/server"
)

// stream is an answer that goes on, read line by line.
type stream struct {
	t     *testing.T
	lines chan string
}

// open asks a real server, since only one can stream; last is the client's Last-Event-ID.
func open(t *testing.T, url, last string) *stream {
	t.Helper()
	request, err := http.NewRequest("GET", url+"/watch/users", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	s := &stream{t, make(chan string, 100)}
	go func() {
		defer close(s.lines)
		defer answer.Body.Close()
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	return s
}

// until returns what came up to and with a line.
func (s *stream) until(line string) string {
	s.t.Helper()
	var seen []string
	for {
		select {
		case got, more := <-s.lines:
			seen = append(seen, got)
			if got == line {
				return strings.Join(seen, "\n")
			}
			if !more {
				s.t.Fatalf("it ended before %q: %q", line, seen)
			}
		case <-time.After(10 * time.Second):
			s.t.Fatalf("%q never came: %q", line, seen)
		}
	}
}

// ends waits for the end of the answer.
func (s *stream) ends() {
	s.t.Helper()
	for limit := time.After(10 * time.Second); ; {
		select {
		case _, more := <-s.lines:
			if !more {
				return
			}
		case <-limit:
			s.t.Fatal("the stream goes on")
		}
	}
}

func watched(t *testing.T, form server.Router) {
	app := core.NewApp(version, &Memory{})
	handler := core.WithRequestID(form(app, Quiet()))
	real := httptest.NewServer(handler)
	defer real.Close()
	defer app.Stop() // else Close waits for the streams

	expect(t, handler, "POST", "/users", `{"id":"a","name":"Ay"}`, 201, "")
	first := open(t, real.URL, "")
	if start := first.until("id: 1"); !strings.Contains(start, "retry: ") {
		t.Errorf("it does not say when to come back: %s", start)
	}
	expect(t, handler, "POST", "/users", `{"id":"b","name":"Bo"}`, 201, "")
	expect(t, handler, "DELETE", "/users/a", "", 204, "")
	told := first.until(`data: {"id":"a","name":""}`)
	if want := "id: 2\nevent: created\ndata: {\"id\":\"b\",\"name\":\"Bo\"}\n\nid: 3\nevent: deleted"; !strings.Contains(told, want) {
		t.Errorf("no %q in %q", want, told)
	}
	// Who comes back is told what happened meanwhile, and what happened before no second time.
	if again := open(t, real.URL, "2").until(`data: {"id":"a","name":""}`); strings.Contains(again, "created") {
		t.Errorf("told twice: %s", again)
	}
	expect(t, handler, "GET", "/watch/users?after=99", "", 410, "list the users again")
	expect(t, handler, "GET", "/watch/users?after=soon", "", 400, "revisions")
	expect(t, handler, "GET", "/metrics", "", 200, "users_watches 2")

	app.Stop()
	first.ends()
	expect(t, handler, "GET", "/watch/users", "", 503, "about to stop")
	expect(t, handler, "GET", "/readyz", "", 503, "about to stop")
	expect(t, handler, "GET", "/healthz", "", 200, "ok")
	expect(t, handler, "GET", "/users/b", "", 200, "Bo")
}
