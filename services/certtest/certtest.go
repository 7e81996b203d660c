// Package certtest makes certificates for tests: of an authority that lasts as long as they do.
package certtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs for 127.0.0.1 and for clients, and keeps all of it in one folder.
type Authority struct {
	folder      string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	serial      int64
}

// New makes the authority; its certificate is the file ca.crt.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{folder: t.TempDir()}
	a.certificate = &x509.Certificate{Subject: pkix.Name{CommonName: "tests"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a.key, a.certificate = a.sign(t, "ca", a.certificate)
	return a
}

// File is the path of a certificate, NAME.crt, or of its key, NAME.key.
func (a *Authority) File(name string) string { return filepath.Join(a.folder, name) }

// Issue signs a certificate for 127.0.0.1.
func (a *Authority) Issue(t testing.TB, name string, uses ...x509.ExtKeyUsage) {
	t.Helper()
	a.sign(t, name, &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: uses,
		KeyUsage: x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

func (a *Authority) sign(t testing.TB, name string, wanted *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate) {
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
	write(t, a.File(name+".crt"), "CERTIFICATE", der)
	write(t, a.File(name+".key"), "EC PRIVATE KEY", secret)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return key, certificate
}

func write(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
