module runbook.example/load

go 1.16
