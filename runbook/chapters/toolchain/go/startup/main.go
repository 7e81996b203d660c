// Command startup starts copies of itself and says when each came to its package's init, to main, and to its end, by
// the machine's monotonic clock; or it starts one copy and shows which system calls that made.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	copyOf = "RUNBOOK_STARTUP_COPY"
	lines  = 400 // of system calls: a start makes some hundred
)

var began = now() // as soon as the runtime lets a package do anything

// now is CLOCK_MONOTONIC in nanoseconds, the same for all processes.
func now() int64 {
	var at syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&at)), 0)
	return at.Nano()
}

func main() {
	inMain := now()
	if os.Getenv(copyOf) != "" {
		fmt.Println(began, inMain)
		return
	}
	if len(os.Args) != 3 {
		fail("usage: startup runs COUNT | startup calls emulator|strace")
	}
	switch os.Args[1] {
	case "runs":
		count, err := strconv.Atoi(os.Args[2])
		if err != nil || count < 1 || count > 1000 {
			fail("a count from 1 to 1000")
		}
		for n := 0; n < count; n++ {
			oneRun()
		}
		traced()
	case "calls":
		calls(os.Args[2])
	default:
		fail("runs or calls")
	}
}

// oneRun prints the nanoseconds from just before the start of a copy to its init, its main and its end.
func oneRun() {
	copied := another()
	start := now()
	out, err := copied.Output()
	end := now()
	var init, main int64
	if err == nil {
		_, err = fmt.Sscan(string(out), &init, &main)
	}
	if err != nil {
		fail("a copy did not start: " + err.Error())
	}
	fmt.Println("run", init-start, main-start, end-start)
}

// traced prints what the runtime itself says of the milliseconds before each package's init.
func traced() {
	copied := another("GODEBUG=inittrace=1")
	var said bytes.Buffer
	copied.Stderr = &said
	if copied.Run() != nil {
		return
	}
	for _, line := range strings.Split(said.String(), "\n") {
		if strings.HasPrefix(line, "init ") {
			fmt.Println("trace", line)
		}
	}
}

// calls starts a copy under the emulator's own trace, which the kernel's emulator writes, or under strace.
func calls(by string) {
	copied := another("QEMU_STRACE=1")
	if by == "strace" {
		copied = exec.Command("strace", "-f", os.Args[0])
		copied.Env = append(os.Environ(), copyOf+"=1")
	}
	var said bytes.Buffer
	copied.Stderr = &said
	if err := copied.Run(); err != nil {
		fail("a copy could not be traced: " + err.Error())
	}
	for n, line := range strings.Split(said.String(), "\n") {
		if n == lines {
			break
		}
		fmt.Println("call", line)
	}
}

func another(environment ...string) *exec.Cmd {
	copied := exec.Command(os.Args[0])
	copied.Env = append(append(os.Environ(), copyOf+"=1"), environment...)
	return copied
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
