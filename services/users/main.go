// Users is the service that the runbook compiles, deploys and asks: users kept in etcd, over HTTP. This form uses Gin.
package main

import (
	"os"

	"runbook.example/services/server"
)

// version is stamped by the build: -ldflags "-X main.version=1.2.3".
var version = "unstamped"

func main() { os.Exit(server.Main(version, newRouter)) }
