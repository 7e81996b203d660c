// Users is the service that the runbook compiles, deploys and asks: a small HTTP server that says who it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// version is stamped by the build: -ldflags "-X main.version=1.2.3".
var version = "unstamped"

// Exit codes of the process; 2 is what package flag uses for wrong usage.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(asked, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program: it serves until asked is done and returns the exit code.
// Answers to flags go to out, the log and errors to log.
func run(asked context.Context, args []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("users", flag.ContinueOnError)
	flags.SetOutput(log)
	listen := flags.String("listen", fromEnvironment("USERS_LISTEN", ":8080"),
		"address to listen on, else $USERS_LISTEN")
	drain := flags.Duration("drain", 10*time.Second, "how long a stop waits for requests under way")
	showVersion := flags.Bool("version", false, "print the version and exit")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(log, "users takes no arguments, only flags: %q\n", flags.Args())
		return exitUsage
	}
	if *showVersion {
		fmt.Fprintf(out, "users %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		return 0
	}

	logger := slog.New(slog.NewJSONHandler(log, nil)).With("service", "users", "version", version)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		logger.Error("cannot listen", "address", *listen, "error", err)
		return exitFailed
	}
	if err := serve(asked, listener, newServer(logger), *drain, logger); err != nil {
		logger.Error("stopped badly", "error", err)
		return exitFailed
	}
	return 0
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
