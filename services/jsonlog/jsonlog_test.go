package jsonlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestALineIsOneObjectWithItsPairsInOrder(t *testing.T) {
	var out bytes.Buffer
	New(&out, "service", "users").Error("cannot\nlisten", "error", errors.New("taken"), "took", 1500*time.Millisecond)
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "}\n") {
		t.Fatalf("not one line: %q", line)
	}
	for _, want := range []string{`"level":"ERROR"`, `"msg":"cannot\nlisten"`, `"service":"users","error":"taken","took":1.5}`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	var read map[string]interface{}
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339Nano, read["time"].(string)); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeWrittenAsItIsIsNotLost(t *testing.T) {
	var out bytes.Buffer
	logger := New(&out)
	logger.Info("a", "load", math.Inf(1), "alone")
	logger.Warnings().Print("http: TLS handshake error")
	for _, want := range []string{`"load":"+Inf"`, `"!BADKEY":"alone"`, `"level":"WARN","msg":"http: TLS handshake error"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func TestLinesOfManyGoroutinesDoNotMix(t *testing.T) {
	var out bytes.Buffer
	logger := New(&out)
	var all sync.WaitGroup
	for n := 0; n < 50; n++ {
		all.Add(1)
		go func() {
			defer all.Done()
			logger.Info("a line", "text", strings.Repeat("x", 1000))
		}()
	}
	all.Wait()
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Fatalf("two lines in one: %s", line)
		}
	}
}

func BenchmarkALine(b *testing.B) {
	var out bytes.Buffer
	logger := New(&out, "service", "users")
	b.ReportAllocs()
	for n := 0; n < b.N; n++ {
		out.Reset()
		logger.Info("request", "method", "GET", "path", "/ping", "status", 200, "seconds", 0.000123)
	}
}
