// sm2 makes a key for SM2 and signs with it (GB/T 32918.2, SM3, the default identity 1234567812345678). It runs on the
// machine of the runbook only: a key never travels.
//
//	sm2 new KEYFILE          writes a private key (PKCS 8, mode 0600) to a file that is not there yet, prints the public one
//	sm2 sign KEYFILE <MESSAGE  prints the signature: DER, in base64
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sm2 new|sign KEYFILE")
		os.Exit(2)
	}
	do := map[string]func(string) error{"new": create, "sign": sign}[os.Args[1]]
	if do == nil {
		fmt.Fprintf(os.Stderr, "sm2: no verb %q\n", os.Args[1])
		os.Exit(2)
	}
	if err := do(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sm2:", err)
		os.Exit(1)
	}
}

func create(path string) error {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	private, err := smx509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	public, err := smx509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: private}); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return pem.Encode(os.Stdout, &pem.Block{Type: "PUBLIC KEY", Bytes: public})
}

func sign(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return errors.New("the key's file holds no PEM")
	}
	parsed, err := smx509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return errors.New("the key's file holds no PKCS 8 private key")
	}
	key, ok := parsed.(*sm2.PrivateKey)
	if !ok {
		return errors.New("the key is none of SM2")
	}
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	signature, err := key.Sign(rand.Reader, message, sm2.DefaultSM2SignerOpts)
	if err != nil {
		return err
	}
	_, err = fmt.Println(base64.StdEncoding.EncodeToString(signature))
	return err
}
