// Command hello says for what and by which Go it was compiled, and whether package net works: over loopback to itself,
// and in asking the kernel for its interfaces.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"
)

const limit = 10 * time.Second // an emulated host under load needs a tenth of one

func main() {
	fmt.Println(runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	if err := overLoopback(); err != nil {
		fmt.Println("net:", err)
		os.Exit(1)
	}
	interfaces, err := net.Interfaces()
	if err != nil {
		fmt.Println("net:", err)
		os.Exit(1)
	}
	fmt.Println("net works,", len(interfaces), "interfaces")
}

// overLoopback sends a word to itself by TCP.
func overLoopback() error {
	const word = "hello"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		came, err := listener.Accept()
		if err == nil {
			came.Write([]byte(word))
			came.Close()
		}
	}()
	to, err := net.DialTimeout("tcp", listener.Addr().String(), limit)
	if err != nil {
		return err
	}
	defer to.Close()
	to.SetDeadline(time.Now().Add(limit))
	got := make([]byte, len(word))
	if _, err := io.ReadFull(to, got); err != nil {
		return err
	}
	if string(got) != word {
		return fmt.Errorf("%q came instead of %q", got, word)
	}
	return nil
}
