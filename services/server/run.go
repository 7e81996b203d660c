// Package server is what both forms of the user service share besides their routes: flags, log, and an orderly stop.
package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"runbook.example/services/core"
	"runbook.example/services/jsonlog"
)

// Router makes the routes of a framework.
type Router func(app *core.App, logger *jsonlog.Logger) http.Handler

// Exit codes of the process; 2 is what package flag uses for wrong usage.
const (
	exitFailed = 1
	exitUsage  = 2
)

// Main is the whole program; it returns the exit code.
func Main(version string, router Router) int {
	asked, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return run(asked, version, router, os.Args[1:], os.Stdout, os.Stderr)
}

// run serves until asked is done and returns the exit code.
// Answers to flags go to out, the log and errors to log.
func run(asked context.Context, version string, router Router, args []string, out, log io.Writer) int {
	flags := flag.NewFlagSet("users", flag.ContinueOnError)
	flags.SetOutput(log)
	text := func(name, variable, otherwise, about string) *string {
		return flags.String(name, fromEnvironment(variable, otherwise), about+", else $"+variable)
	}
	listen := text("listen", "USERS_LISTEN", ":8080", "address to listen on")
	endpoints := text("etcd-endpoints", "USERS_ETCD_ENDPOINTS", "", "https:// addresses of etcd's members, with commas")
	ca := text("etcd-ca", "USERS_ETCD_CA", "", "file of the authority that etcd's members are signed by")
	cert := text("etcd-cert", "USERS_ETCD_CERT", "", "file of the service's certificate for etcd")
	key := text("etcd-key", "USERS_ETCD_KEY", "", "file of that certificate's key")
	ownCert := text("tls-cert", "USERS_TLS_CERT", "", "file of the service's own certificate (none: plain HTTP)")
	ownKey := text("tls-key", "USERS_TLS_KEY", "", "file of that certificate's key")
	clientCA := text("tls-client-ca", "USERS_TLS_CLIENT_CA", "", "file of the authority that clients are signed by (none: all are let in)")
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

	logger := jsonlog.New(log, "service", "users", "version", version)
	wanted, err := tlsFiles{*ownCert, *ownKey, *clientCA}.config()
	if err != nil {
		logger.Error("cannot use the certificates", "error", err)
		return exitFailed
	}
	store, err := core.OpenEtcd(core.EtcdSettings{Endpoints: core.Endpoints(*endpoints), CA: *ca, Cert: *cert, Key: *key})
	if err != nil {
		logger.Error("cannot use the store", "error", err)
		return exitFailed
	}
	app := core.NewApp(version, store)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		logger.Error("cannot listen", "address", *listen, "error", err)
		return errorsToExit(app.Users.Close(), logger, exitFailed)
	}
	server := newServer(core.WithRequestID(router(app, logger)), wanted, logger)
	server.RegisterOnShutdown(app.Stop)
	if err := serve(asked, listener, server, *drain, logger); err != nil {
		logger.Error("stopped badly", "error", err)
		return errorsToExit(app.Users.Close(), logger, exitFailed)
	}
	return errorsToExit(app.Users.Close(), logger, 0)
}

// errorsToExit keeps the exit code; that a store did not close well is worth a line and no more.
func errorsToExit(err error, logger *jsonlog.Logger, code int) int {
	if err != nil {
		logger.Warn("the store did not close well", "error", err)
	}
	return code
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
