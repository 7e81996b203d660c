// Runtimeprobe tells as JSON what Go's runtime does here: how many processors it takes, how wide a goroutine's first
// stack is, how often it collects, and on which CPUs its threads may run. It keeps to what Go 1.16 has.
package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	goroutines = 4000
	garbage    = 64 << 20 // bytes that are made and dropped for each count of collections
	piece      = 16 << 10
)

type told struct {
	Version     string   `json:"version"`
	GOARCH      string   `json:"goarch"`
	NumCPU      int      `json:"num_cpu"`
	GOMAXPROCS  int      `json:"gomaxprocs"`
	Nodes       []string `json:"nodes"`       // CPUs of each NUMA node, as the kernel lists them
	StackBytes  float64  `json:"stack_bytes"` // in use for each goroutine that waits
	Collections struct {
		At100 uint32 `json:"at_100"`
		At20  uint32 `json:"at_20"`
	} `json:"collections"`
	AllowedBefore []string `json:"allowed_before"` // Cpus_allowed_list, each that occurs among the threads
	AllowedAfter  []string `json:"allowed_after"`  // with GOMAXPROCS(Limited) and four goroutines that work
	Limited       int      `json:"limited"`        // four, or one fewer than there are CPUs: bound to all is not bound
}

var sink []byte

func main() {
	var t told
	t.Version, t.GOARCH = runtime.Version(), runtime.GOARCH
	t.NumCPU, t.GOMAXPROCS = runtime.NumCPU(), runtime.GOMAXPROCS(0)
	nodes, _ := filepath.Glob("/sys/devices/system/node/node[0-9]*/cpulist")
	for _, path := range nodes {
		t.Nodes = append(t.Nodes, strings.TrimSpace(read(path)))
	}
	t.StackBytes = stackOfOne()
	t.Collections.At100, t.Collections.At20 = collections(100), collections(20)
	debug.FreeOSMemory() // what a trace of system calls is to see: how memory is given back
	t.AllowedBefore = allowed()
	t.Limited = 4
	if t.NumCPU <= t.Limited {
		t.Limited = t.NumCPU - 1
	}
	if t.Limited > 0 {
		runtime.GOMAXPROCS(t.Limited)
	}
	work()
	t.AllowedAfter = allowed()
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		os.Exit(1)
	}
}

func stackOfOne() float64 {
	var before, after runtime.MemStats
	var ready sync.WaitGroup
	end := make(chan struct{})
	runtime.GC()
	runtime.ReadMemStats(&before)
	ready.Add(goroutines)
	for i := 0; i < goroutines; i++ {
		go func() { ready.Done(); <-end }()
	}
	ready.Wait()
	runtime.ReadMemStats(&after)
	close(end)
	return float64(after.StackInuse-before.StackInuse) / goroutines
}

func collections(percent int) uint32 {
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	kept := make([][]byte, 512) // 8 MiB alive: above the least heap that the collector lets grow
	for i := range kept {
		kept[i] = make([]byte, piece)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 0; i < garbage/piece; i++ {
		sink = make([]byte, piece)
	}
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return after.NumGC - before.NumGC
}

func work() {
	var done sync.WaitGroup
	until := time.Now().Add(100 * time.Millisecond)
	done.Add(4)
	for i := 0; i < 4; i++ {
		go func() {
			defer done.Done()
			for time.Now().Before(until) {
			}
		}()
	}
	done.Wait()
}

func allowed() []string {
	seen := map[string]bool{}
	var lists []string
	tasks, _ := filepath.Glob("/proc/self/task/*/status")
	for _, path := range tasks {
		for _, line := range strings.Split(read(path), "\n") {
			if strings.HasPrefix(line, "Cpus_allowed_list:") {
				list := strings.TrimSpace(strings.TrimPrefix(line, "Cpus_allowed_list:"))
				if !seen[list] {
					seen[list] = true
					lists = append(lists, list)
				}
			}
		}
	}
	return lists
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}
