module runbook.example/services/load

go 1.16

require github.com/tsenart/vegeta/v12 v12.8.4
