package core

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook.example/services/certtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buildEtcd compiles the very etcd that the runbook deploys, for this machine.
func buildEtcd(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "etcd")
	build := exec.Command(prepared(), "build", "-o", program, "go.etcd.io/etcd/server/v3")
	build.Dir = filepath.Join("..", "etcd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOROOT=")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("etcd could not be built: %v\n%s", err, said)
	}
	return program
}

// prepared is the Go that services/etcd asks for: what runs this test may be older.
func prepared() string {
	program, err := filepath.Abs(filepath.Join("..", "..", ".cache", "go", "bin", "go"))
	if _, missing := os.Stat(program); err != nil || missing != nil {
		program = filepath.Join(runtime.GOROOT(), "bin", "go")
	}
	return program
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// startEtcd returns the endpoint of a member on loopback, and what ends it.
func startEtcd(t testing.TB, a *certtest.Authority) (string, *exec.Cmd) {
	t.Helper()
	program, client, peer := buildEtcd(t), "https://"+freeAddress(t), "http://"+freeAddress(t)
	var log bytes.Buffer
	member := exec.Command(program, "--name=tests", "--data-dir="+filepath.Join(t.TempDir(), "data"),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=tests="+peer,
		"--cert-file="+a.File("server.crt"), "--key-file="+a.File("server.key"),
		"--trusted-ca-file="+a.File("ca.crt"), "--client-cert-auth", "--unsafe-no-fsync")
	member.Env = append(os.Environ(), "GOMAXPROCS=2", "GOMEMLIMIT=256MiB", "ETCD_UNSUPPORTED_ARCH="+runtime.GOARCH)
	member.Stdout, member.Stderr = &log, &log
	member.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with the test, however that ends
	must(t, member.Start())
	t.Cleanup(func() {
		_ = member.Process.Kill()
		_ = member.Wait()
		if t.Failed() {
			lines := strings.Split(log.String(), "\n")
			t.Log(strings.Join(lines[len(lines)-lesser(10, len(lines)):], "\n"))
		}
	})
	return client, member
}

func settings(a *certtest.Authority, endpoint, name string) EtcdSettings {
	return EtcdSettings{[]string{endpoint}, a.File("ca.crt"), a.File(name + ".crt"), a.File(name + ".key")}
}

func open(t testing.TB, wanted EtcdSettings) Store {
	t.Helper()
	store, err := OpenEtcd(wanted)
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// stopped waits until no thread of a process runs: a signal is sent before it is obeyed.
func stopped(t testing.TB, pid int) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		states, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		must(t, err)
		running := 0
		for _, one := range states {
			if text, _ := os.ReadFile(one); !strings.Contains(string(text), "State:\tT") {
				running++
			}
		}
		if running == 0 {
			return
		}
	}
	t.Fatalf("process %d does not stop", pid)
}

func ready(t testing.TB, store Store) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); store.Ready(within(t, time.Second)) != nil; {
		if time.Now().After(until) {
			t.Fatal("etcd never got ready")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func lesser(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func within(t testing.TB, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestUsersAreKeptInARealEtcdOverMutualTLS(t *testing.T) {
	a := certtest.New(t)
	a.Issue(t, "server", x509.ExtKeyUsageServerAuth)
	a.Issue(t, "client", x509.ExtKeyUsageClientAuth)
	endpoint, member := startEtcd(t, a)
	store := open(t, settings(a, endpoint, "client"))
	ready(t, store)
	ctx := within(t, 20*time.Second)

	for number := 3; number > 0; number-- {
		must(t, store.Create(ctx, User{ID: fmt.Sprint("u", number), Name: "Ay"}))
	}
	if err := store.Create(ctx, User{ID: "u1", Name: "Another"}); err != ErrExists {
		t.Errorf("a second u1: %v", err)
	}
	if user, err := store.Read(ctx, "u1"); err != nil || user != (User{ID: "u1", Name: "Ay"}) {
		t.Errorf("%+v, %v", user, err)
	}
	first, err := store.List(ctx, "", 2)
	if err != nil || len(first.Users) != 2 || first.Users[0].ID != "u1" || !first.More {
		t.Errorf("%+v, %v", first, err)
	}
	if rest, err := store.List(ctx, "u2", 2); err != nil || len(rest.Users) != 1 || rest.Users[0].ID != "u3" || rest.More {
		t.Errorf("%+v, %v", rest, err)
	}
	must(t, store.Delete(ctx, "u1"))
	if _, err := store.Read(ctx, "u1"); err != ErrNotFound {
		t.Errorf("a deleted user: %v", err)
	}
	if err := store.Delete(ctx, "u1"); err != ErrNotFound {
		t.Errorf("deleted twice: %v", err)
	}

	t.Run("what changes is told in its order, from any revision that is kept", func(t *testing.T) {
		watching(t, store, first.Revision)
	})
	t.Run("a stranger's certificate opens nothing", func(t *testing.T) {
		stranger := certtest.New(t)
		stranger.Issue(t, "client", x509.ExtKeyUsageClientAuth)
		wanted := settings(a, endpoint, "client")
		wanted.Cert, wanted.Key = stranger.File("client.crt"), stranger.File("client.key")
		if err := open(t, wanted).Ready(within(t, 2*time.Second)); err == nil {
			t.Error("it was let in")
		}
	})
	t.Run("a member that stops answering costs no more than the limit", func(t *testing.T) {
		must(t, member.Process.Signal(syscall.SIGSTOP))
		stopped(t, member.Process.Pid)
		defer func() { must(t, member.Process.Signal(syscall.SIGCONT)) }()
		began := time.Now()
		_, err := store.Read(within(t, 300*time.Millisecond), "u2")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// watching takes the revision behind which u1 was deleted.
func watching(t *testing.T, store Store, after int64) {
	ctx, told := within(t, 20*time.Second), make(chan Event, 10)
	began, ended := make(chan int64, 1), make(chan error, 1)
	go func() {
		ended <- store.Watch(ctx, after, func(start int64, events []Event) error {
			if len(events) == 0 {
				began <- start
			}
			for _, one := range events {
				told <- one
			}
			return nil
		})
	}()
	if start := <-began; start != after {
		t.Errorf("it starts behind %d", start)
	}
	client := store.(*etcdStore).client
	must(t, store.Create(ctx, User{ID: "u9", Name: "Nine"}))
	_, err := client.Put(ctx, prefix+"u9", `{"id":"u9","name":"By hand"}`)
	must(t, err)
	for number, want := range []Event{
		{after + 1, "deleted", User{ID: "u1"}},
		{after + 2, "created", User{ID: "u9", Name: "Nine"}},
		{after + 3, "changed", User{ID: "u9", Name: "By hand"}},
	} {
		select {
		case got := <-told:
			if got != want {
				t.Errorf("event %d: %+v, want %+v", number, got, want)
			}
		case err := <-ended:
			t.Fatal(err)
		}
	}

	stop := errors.New("enough")
	refuse := func(int64, []Event) error { return stop }
	if err := store.Watch(ctx, -1, refuse); err != stop {
		t.Errorf("a reader that had enough: %v", err)
	}
	_, err = client.Compact(ctx, after+2)
	must(t, err)
	for name, revision := range map[string]int64{"compacted": after, "never reached": after + 1000} {
		if err := store.Watch(ctx, revision, refuse); err != ErrForgotten {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkUsersInARealEtcd(b *testing.B) {
	a := certtest.New(b)
	a.Issue(b, "server", x509.ExtKeyUsageServerAuth)
	a.Issue(b, "client", x509.ExtKeyUsageClientAuth)
	endpoint, _ := startEtcd(b, a)
	store := open(b, settings(a, endpoint, "client"))
	ready(b, store)
	ctx := context.Background()
	must(b, store.Create(ctx, User{ID: "there", Name: "Ay"}))
	b.Run("create", func(b *testing.B) {
		for n := 0; n < b.N; n++ {
			id, err := newID()
			must(b, err)
			must(b, store.Create(ctx, User{ID: id, Name: "Ay"}))
		}
	})
	b.Run("read", func(b *testing.B) {
		for n := 0; n < b.N; n++ {
			_, err := store.Read(ctx, "there")
			must(b, err)
		}
	})
}

func TestSettingsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	a := certtest.New(t)
	a.Issue(t, "client", x509.ExtKeyUsageClientAuth)
	good := settings(a, "https://127.0.0.1:1", "client")
	for said, change := range map[string]func(*EtcdSettings){
		"no https:// address":   func(s *EtcdSettings) { s.Endpoints = []string{"http://127.0.0.1:1"} },
		"-etcd-ca":              func(s *EtcdSettings) { s.CA = "" },
		"no such file":          func(s *EtcdSettings) { s.Cert = "/nowhere" },
		"holds no certificate":  func(s *EtcdSettings) { s.CA = s.Key },
		"does not match public": func(s *EtcdSettings) { s.Key = a.File("ca.key") },
	} {
		wanted := good
		change(&wanted)
		if store, err := OpenEtcd(wanted); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%s: %v, %v", said, store, err)
		}
	}
	if store, err := OpenEtcd(EtcdSettings{}); store != nil || err != nil {
		t.Errorf("without endpoints: %v, %v", store, err)
	}
	if got := Endpoints(" https://a:1, ,https://b:2,"); len(got) != 2 || got[1] != "https://b:2" {
		t.Errorf("%q", got)
	}
}
