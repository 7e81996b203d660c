// verify says whether a file is what somebody trusted has signed. It runs on the host that is to start the file, as a
// static binary that needs nothing there; it cannot sign, and holds no secret.
//
// Exit code 0: it is, and the line says who signed; 1: it is not, and the line says why; 2: wrong usage.
package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"runbook.example/services/signing/envelope"
)

const inline = "base64:"

func main() {
	trust := flag.String("trust", "", "the trusted keys: a file, or base64: and what would be in it")
	around := flag.String("envelope", "", "the envelope: likewise")
	name := flag.String("name", "", "how the statement calls the file")
	at := flag.String("at", "", "the moment at which keys and signature have to hold (RFC 3339); empty: now, by this host's clock")
	flag.Parse()
	if flag.NArg() != 1 || *trust == "" || *around == "" || *name == "" {
		fmt.Fprintln(os.Stderr, "usage: verify -trust FILE -envelope FILE -name NAME [-at TIME] FILE")
		os.Exit(2)
	}
	if err := check(*trust, *around, *name, *at, flag.Arg(0)); err != nil {
		fmt.Fprintf(os.Stderr, "refused: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("%s is what was signed\n", *name)
}

func check(trust, around, name, at, path string) error {
	moment := time.Now()
	if at != "" {
		var err error
		if moment, err = time.Parse(time.RFC3339, at); err != nil {
			return fmt.Errorf("-at: %w", err)
		}
	}
	keys, err := read(trust)
	if err != nil {
		return fmt.Errorf("the trusted keys cannot be read: %w", err)
	}
	text, err := read(around)
	if err != nil {
		return fmt.Errorf("no signature: %w", err)
	}
	subjects, err := envelope.Open(keys, text, moment)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return envelope.Match(subjects, name, file)
}

func read(what string) ([]byte, error) {
	if strings.HasPrefix(what, inline) {
		return base64.StdEncoding.DecodeString(what[len(inline):])
	}
	return os.ReadFile(what)
}
