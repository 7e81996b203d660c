package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
)

func quiet() *jsonlog.Logger { return jsonlog.New(io.Discard) }

// pinger is the least router there is.
func pinger(app *core.App, _ *jsonlog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		status, _ := app.Ping()
		w.WriteHeader(status)
	})
}

// lines is a log that a test may read while the server writes it.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// address waits for the line that says where the server listens.
func (l *lines) address(t *testing.T) string {
	t.Helper()
	for tries := 0; tries < 2000; tries++ { // 10 s
		for _, text := range strings.Split(l.String(), "\n") {
			var line struct{ Msg, Address string }
			if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "listening" {
				return line.Address
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("it never said that it listens: %s", l)
	return ""
}

func ended(t *testing.T, exit <-chan int, log *lines) int {
	t.Helper()
	select {
	case code := <-exit:
		return code
	case <-time.After(20 * time.Second):
		t.Fatalf("still running: %s", log)
		return -1
	}
}

func TestSIGTERMStopsTheServerInOrder(t *testing.T) {
	until, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log, exit := &lines{}, make(chan int, 1)
	go func() { exit <- run(until, "1.2.3", pinger, []string{"-listen", "127.0.0.1:0"}, log, log) }()
	address := log.address(t)

	answer, err := http.Get("http://" + address + "/ping")
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := ended(t, exit, log); code != 0 || !strings.Contains(log.String(), `"msg":"stopped"`) {
		t.Errorf("exit code %d: %s", code, log)
	}
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Errorf("%s still accepts connections", address)
	}
}

// slow is a server whose one request lasts until the test lets it end.
func slow(t *testing.T, drain time.Duration) (stop func(), let func(), answered, served chan error) {
	t.Helper()
	began, release, once := make(chan struct{}), make(chan struct{}), &sync.Once{}
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-release
		w.WriteHeader(http.StatusOK)
	}), nil, quiet())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	until, stop := context.WithCancel(context.Background())
	answered, served = make(chan error, 1), make(chan error, 1)
	go func() { served <- serve(until, listener, server, drain, quiet()) }()
	go func() {
		answer, err := http.Get("http://" + listener.Addr().String())
		if err == nil {
			err = answer.Body.Close()
		}
		answered <- err
	}()
	select {
	case <-began:
	case <-time.After(10 * time.Second):
		t.Fatal("the request never arrived")
	}
	return stop, func() { once.Do(func() { close(release) }) }, answered, served
}

func TestARequestUnderWayIsAnsweredBeforeTheStop(t *testing.T) {
	stop, let, answered, served := slow(t, 10*time.Second)
	stop()
	select {
	case err := <-served:
		t.Fatalf("stopped with a request under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	let()
	if err := <-answered; err != nil {
		t.Errorf("the request was cut: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("an orderly stop is no error: %v", err)
	}
}

func TestAStopDoesNotWaitForever(t *testing.T) {
	stop, let, _, served := slow(t, 50*time.Millisecond)
	defer let()
	stop()
	select {
	case err := <-served:
		if err == nil || !strings.Contains(err.Error(), "still under way") {
			t.Errorf("it does not say that a request was cut: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("still waiting for the request")
	}
}

func TestWrongUseAndATakenPortAreSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := os.Setenv("USERS_LISTEN", taken.Addr().String()); err != nil { // t.Setenv is younger than Go 1.16
		t.Fatal(err)
	}
	defer os.Unsetenv("USERS_LISTEN")
	for _, c := range []struct {
		name string
		args []string
		code int
		said string
	}{
		{"unknown flag", []string{"-nonsense"}, exitUsage, "-nonsense"},
		{"argument", []string{"extra"}, exitUsage, "extra"},
		{"taken port, from the environment", nil, exitFailed, "address already in use"},
		{"version", []string{"-version"}, 0, "users 1.2.3 "},
		{"help", []string{"-help"}, 0, "USERS_LISTEN"},
		{"etcd without certificates", []string{"-etcd-endpoints", "https://192.0.2.1:2379"}, exitFailed, "-etcd-ca"},
		{"a certificate without its key", []string{"-tls-cert", "own.crt"}, exitFailed, "-tls-key"},
		{"clients' authority alone", []string{"-tls-client-ca", "ca.crt"}, exitFailed, "-tls-key"},
		{"no such certificate", []string{"-tls-cert", "/nowhere", "-tls-key", "/nowhere"}, exitFailed, "no such file"},
		{"etcd in the open", []string{"-etcd-endpoints", "http://192.0.2.1:2379"}, exitFailed, "no https:// address"},
	} {
		log := &lines{}
		code := run(context.Background(), "1.2.3", pinger, c.args, log, log)
		if code != c.code || !strings.Contains(log.String(), c.said) {
			t.Errorf("%s: exit code %d, want %d with %q: %s", c.name, code, c.code, c.said, log)
		}
	}
}

func TestAStreamEndsByItselfBeforeTheServerCutsIt(t *testing.T) {
	if core.WatchFor+core.StoreLimit >= writeLimit {
		t.Errorf("a stream of %s, begun within %s, is cut after %s", core.WatchFor, core.StoreLimit, writeLimit)
	}
}
