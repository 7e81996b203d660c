// Package jsonlog writes a log of one JSON object a line, with the keys of log/slog's JSON handler. It keeps to what
// Go 1.16 has, since the Go of a port may be that old; log/slog came with 1.21.
package jsonlog

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Logger may be used by many goroutines; each line is one write.
type Logger struct {
	mutex  *sync.Mutex
	out    io.Writer
	always []interface{}
}

// New writes to out. The pairs, a name and its value in turn, are in every line.
func New(out io.Writer, pairs ...interface{}) *Logger {
	return &Logger{&sync.Mutex{}, out, pairs}
}

// Info is for what goes as it should, Warn for what somebody may want to look at, Error for what failed.
func (l *Logger) Info(message string, pairs ...interface{})  { l.write("INFO", message, pairs) }
func (l *Logger) Warn(message string, pairs ...interface{})  { l.write("WARN", message, pairs) }
func (l *Logger) Error(message string, pairs ...interface{}) { l.write("ERROR", message, pairs) }

// Warnings is for a library that knows only the standard library's logger.
func (l *Logger) Warnings() *log.Logger { return log.New(warnings{l}, "", 0) }

type warnings struct{ logger *Logger }

func (w warnings) Write(line []byte) (int, error) {
	w.logger.Warn(strings.TrimRight(string(line), "\n"))
	return len(line), nil
}

// write leaves a pair's order as it was given: what comes first is read first.
func (l *Logger) write(level, message string, pairs []interface{}) {
	line := make([]byte, 0, 300)
	line = append(line, `{"time":"`...)
	line = time.Now().AppendFormat(line, time.RFC3339Nano)
	line = append(line, `","level":"`...)
	line = append(line, level...)
	line = append(line, `","msg":`...)
	line = appendText(line, message)
	for _, given := range [2][]interface{}{l.always, pairs} {
		for at := 0; at < len(given); at += 2 {
			if at+1 == len(given) {
				line = appendMember(line, "!BADKEY", given[at]) // as log/slog has it: a defect, and no loss
				continue
			}
			line = appendMember(line, given[at], given[at+1])
		}
	}
	line = append(line, "}\n"...)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	_, _ = l.out.Write(line) // a log that cannot be written has nowhere to say so
}

func appendMember(line []byte, name, value interface{}) []byte {
	line = append(line, ',')
	line = appendText(line, fmt.Sprint(name))
	line = append(line, ':')
	return appendValue(line, value)
}

// appendValue never makes two lines of one, whatever the value holds.
func appendValue(line []byte, value interface{}) []byte {
	switch known := value.(type) {
	case string:
		return appendText(line, known)
	case int:
		return strconv.AppendInt(line, int64(known), 10)
	case time.Duration:
		return strconv.AppendFloat(line, known.Seconds(), 'f', -1, 64)
	case error:
		return appendText(line, known.Error())
	case fmt.Stringer:
		return appendText(line, known.String())
	}
	text, err := json.Marshal(value)
	if err != nil {
		return appendText(line, fmt.Sprintf("%+v", value))
	}
	return append(line, text...)
}

// appendText leaves to encoding/json what is not plain.
func appendText(line []byte, text string) []byte {
	for at := 0; at < len(text); at++ {
		if c := text[at]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text)
			return append(line, quoted...)
		}
	}
	line = append(line, '"')
	line = append(line, text...)
	return append(line, '"')
}
