module runbook.example/services

go 1.16

require (
	github.com/gin-gonic/gin v1.8.1
	github.com/labstack/echo/v4 v4.9.0
	github.com/prometheus/client_golang v1.14.0
	go.etcd.io/etcd/api/v3 v3.5.9
	go.etcd.io/etcd/client/v3 v3.5.9
	go.uber.org/zap v1.17.0
	golang.org/x/crypto v0.0.0-20220722155217-630584e8d5aa // indirect
	golang.org/x/sys v0.0.0-20220811171246-fbc7d0a398ab // indirect
	golang.org/x/text v0.3.8 // indirect
	google.golang.org/grpc v1.50.1 // indirect
)
