package core

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// authority signs for 127.0.0.1 and for clients, and keeps all of it in one folder.
type authority struct {
	folder      string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{folder: t.TempDir()}
	a.certificate = &x509.Certificate{Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a.key, a.certificate = a.sign(t, "ca", a.certificate)
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.folder, name) }

func (a *authority) issue(t *testing.T, name string, uses ...x509.ExtKeyUsage) {
	t.Helper()
	a.sign(t, name, &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: uses,
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

func (a *authority) sign(t *testing.T, name string, wanted *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	a.serial++
	wanted.SerialNumber = big.NewInt(a.serial)
	wanted.NotBefore, wanted.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, wanted, a.certificate, &key.PublicKey, signer)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	write(t, a.file(name+".crt"), "CERTIFICATE", der)
	write(t, a.file(name+".key"), "EC PRIVATE KEY", secret)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return key, certificate
}

func write(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// buildEtcd compiles the very etcd that the runbook deploys, for this machine.
func buildEtcd(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "etcd")
	build := exec.Command(filepath.Join(runtime.GOROOT(), "bin", "go"), "build", "-o", program, "go.etcd.io/etcd/server/v3")
	build.Dir = filepath.Join("..", "etcd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("etcd could not be built: %v\n%s", err, said)
	}
	return program
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// startEtcd returns the endpoint of a member on loopback, and what ends it.
func startEtcd(t *testing.T, a *authority) (string, *exec.Cmd) {
	t.Helper()
	program, client, peer := buildEtcd(t), "https://"+freeAddress(t), "http://"+freeAddress(t)
	var log bytes.Buffer
	member := exec.Command(program, "--name=tests", "--data-dir="+filepath.Join(t.TempDir(), "data"),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=tests="+peer,
		"--cert-file="+a.file("server.crt"), "--key-file="+a.file("server.key"),
		"--trusted-ca-file="+a.file("ca.crt"), "--client-cert-auth", "--unsafe-no-fsync")
	member.Env = append(os.Environ(), "GOMAXPROCS=2", "GOMEMLIMIT=256MiB", "ETCD_UNSUPPORTED_ARCH="+runtime.GOARCH)
	member.Stdout, member.Stderr = &log, &log
	member.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it ends with the test, however that ends
	must(t, member.Start())
	t.Cleanup(func() {
		_ = member.Process.Kill()
		_ = member.Wait()
		if t.Failed() {
			lines := strings.Split(log.String(), "\n")
			t.Log(strings.Join(lines[max(0, len(lines)-10):], "\n"))
		}
	})
	return client, member
}

func settings(a *authority, endpoint, name string) EtcdSettings {
	return EtcdSettings{[]string{endpoint}, a.file("ca.crt"), a.file(name + ".crt"), a.file(name + ".key")}
}

func open(t *testing.T, wanted EtcdSettings) Store {
	t.Helper()
	store, err := OpenEtcd(wanted)
	must(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func within(t *testing.T, limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func TestUsersAreKeptInARealEtcdOverMutualTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue(t, "server", x509.ExtKeyUsageServerAuth)
	a.issue(t, "client", x509.ExtKeyUsageClientAuth)
	endpoint, member := startEtcd(t, a)
	store := open(t, settings(a, endpoint, "client"))
	until := time.Now().Add(20 * time.Second)
	for store.Ready(within(t, time.Second)) != nil {
		if time.Now().After(until) {
			t.Fatal("etcd never got ready")
		}
		time.Sleep(50 * time.Millisecond)
	}
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
	if users, more, err := store.List(ctx, 2); err != nil || len(users) != 2 || users[0].ID != "u1" || !more {
		t.Errorf("%+v, %v, %v", users, more, err)
	}
	must(t, store.Delete(ctx, "u1"))
	if _, err := store.Read(ctx, "u1"); err != ErrNotFound {
		t.Errorf("a deleted user: %v", err)
	}
	if err := store.Delete(ctx, "u1"); err != ErrNotFound {
		t.Errorf("deleted twice: %v", err)
	}

	t.Run("a stranger's certificate opens nothing", func(t *testing.T) {
		stranger := newAuthority(t)
		stranger.issue(t, "client", x509.ExtKeyUsageClientAuth)
		wanted := settings(a, endpoint, "client")
		wanted.Cert, wanted.Key = stranger.file("client.crt"), stranger.file("client.key")
		if err := open(t, wanted).Ready(within(t, 2*time.Second)); err == nil {
			t.Error("it was let in")
		}
	})
	t.Run("a member that stops answering costs no more than the limit", func(t *testing.T) {
		must(t, member.Process.Signal(syscall.SIGSTOP))
		defer func() { must(t, member.Process.Signal(syscall.SIGCONT)) }()
		began := time.Now()
		_, err := store.Read(within(t, 300*time.Millisecond), "u2")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestSettingsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	a := newAuthority(t)
	a.issue(t, "client", x509.ExtKeyUsageClientAuth)
	good := settings(a, "https://127.0.0.1:1", "client")
	for said, change := range map[string]func(*EtcdSettings){
		"no https:// address":   func(s *EtcdSettings) { s.Endpoints = []string{"http://127.0.0.1:1"} },
		"-etcd-ca":              func(s *EtcdSettings) { s.CA = "" },
		"no such file":          func(s *EtcdSettings) { s.Cert = "/nowhere" },
		"holds no certificate":  func(s *EtcdSettings) { s.CA = s.Key },
		"does not match public": func(s *EtcdSettings) { s.Key = a.file("ca.key") },
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
