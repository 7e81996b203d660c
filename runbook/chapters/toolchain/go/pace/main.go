// Command pace measures what Go's runtime costs on this machine: goroutines that start, switch and talk, stacks that
// grow, collections. It says nanoseconds for each, once a run, in turn, so that a disturbance meets all of them.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// Since Go 1.19 a new stack is as large as stacks were on average, and a growing one is what is measured here.
	plain = "adaptivestackstart=0"
	depth = 60      // frames of a kilobyte: from the first 2 kB to 64 and over, six times copied
	live  = 1 << 16 // objects that a collection finds alive, of 128 bytes
)

type node struct {
	next *node
	load [15]int64
}

var (
	alive *node
	sink  byte
)

// Each work is done n times and says how long that took.
var works = []struct {
	name string
	do   func(n int) time.Duration
}{{"start", start}, {"switch", between}, {"channel", channel}, {"stack", stack}, {"collection", collection}}

func start(n int) time.Duration {
	done := make(chan bool)
	began := time.Now()
	for i := 0; i < n; i++ {
		go func() { done <- true }()
		<-done
	}
	return time.Since(began)
}

// between counts every switch of two goroutines that have one processor and give it to each other.
func between(n int) time.Duration {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	done := make(chan bool)
	give := func() {
		for i := 0; i < n/2; i++ {
			runtime.Gosched()
		}
		done <- true
	}
	began := time.Now()
	go give()
	go give()
	<-done
	<-done
	return time.Since(began)
}

// channel counts the way there and back.
func channel(n int) time.Duration {
	there, back := make(chan int), make(chan int)
	go func() {
		for i := range there {
			back <- i
		}
		close(back)
	}()
	began := time.Now()
	for i := 0; i < n; i++ {
		there <- i
		<-back
	}
	took := time.Since(began)
	close(there)
	<-back
	return took
}

//go:noinline
func deeper(left int) byte {
	var frame [1024]byte
	frame[left%len(frame)] = byte(left)
	if left > 0 {
		frame[0] += deeper(left - 1)
	}
	return frame[0] + frame[left%len(frame)]
}

func stack(n int) time.Duration {
	done := make(chan byte)
	began := time.Now()
	for i := 0; i < n; i++ {
		go func() { done <- deeper(depth) }()
		sink += <-done
	}
	return time.Since(began)
}

func collection(n int) time.Duration {
	began := time.Now()
	for i := 0; i < n; i++ {
		runtime.GC()
	}
	return time.Since(began)
}

func main() {
	runs, each := number(1), time.Duration(number(2))*time.Millisecond
	if runs < 1 || each <= 0 {
		fmt.Fprintln(os.Stderr, "usage: pace RUNS MILLISECONDS")
		os.Exit(2)
	}
	if !strings.Contains(os.Getenv("GODEBUG"), plain) {
		err := syscall.Exec(os.Args[0], os.Args, append(os.Environ(), "GODEBUG="+plain))
		fmt.Fprintln(os.Stderr, "cannot start itself again:", err)
		os.Exit(1)
	}
	for i := 0; i < live; i++ {
		alive = &node{next: alive}
	}
	counts := make([]int, len(works))
	for at, work := range works {
		for counts[at] = 2; work.do(counts[at]) < each && counts[at] < 1<<24; counts[at] *= 2 {
		}
	}
	for run := 0; run < runs; run++ {
		for at, work := range works {
			took := work.do(counts[at])
			fmt.Printf("pace %s %.1f\n", work.name, float64(took.Nanoseconds())/float64(counts[at]))
		}
	}
}

func number(at int) int {
	if at >= len(os.Args) {
		return 0
	}
	value, _ := strconv.Atoi(os.Args[at])
	return value
}
