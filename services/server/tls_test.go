package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io/ioutil"
	"net/http"
	"strings"
	"testing"
	"time"

	"runbook.example/services/certtest"
)

// client trusts the authority, and shows the certificate of that name where one is given.
func client(t *testing.T, a *certtest.Authority, name string) *http.Client {
	t.Helper()
	pem, err := ioutil.ReadFile(a.File("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(pem)
	if name != "" {
		own, err := tls.LoadX509KeyPair(a.File(name+".crt"), a.File(name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 10 * time.Second}
}

func TestTLSOnRequestLetsInWhomItShould(t *testing.T) {
	a, stranger := certtest.New(t), certtest.New(t)
	a.Issue(t, "server", x509.ExtKeyUsageServerAuth)
	a.Issue(t, "client", x509.ExtKeyUsageClientAuth)
	stranger.Issue(t, "client", x509.ExtKeyUsageClientAuth)
	own := []string{"-listen", "127.0.0.1:0", "-tls-cert", a.File("server.crt"), "-tls-key", a.File("server.key")}
	for _, c := range []struct {
		name    string
		args    []string
		client  *http.Client
		refused string // empty: let in
	}{
		{"anybody", own, client(t, a, ""), ""},
		{"a stranger's authority", own, client(t, stranger, ""), "certificate signed by unknown authority"},
		{"a client with a certificate", append(own, "-tls-client-ca", a.File("ca.crt")), client(t, a, "client"), ""},
		{"a client without one", append(own, "-tls-client-ca", a.File("ca.crt")), client(t, a, ""), "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			until, stop := context.WithCancel(context.Background())
			log, exit := &lines{}, make(chan int, 1)
			go func() { exit <- run(until, "1.2.3", pinger, c.args, log, log) }()
			answer, err := c.client.Get("https://" + log.address(t) + "/ping")
			switch {
			case c.refused == "" && (err != nil || answer.StatusCode != 200):
				t.Errorf("%v, %v", answer, err)
			case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
				t.Errorf("it was let in: %v, %v", answer, err)
			}
			if answer != nil {
				answer.Body.Close()
			}
			stop()
			if code := ended(t, exit, log); code != 0 || !strings.Contains(log.String(), `"tls":true`) {
				t.Errorf("exit code %d: %s", code, log)
			}
		})
	}
}
