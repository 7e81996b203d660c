module runbook.example/services/signing

go 1.18

require github.com/emmansun/gmsm v0.28.0

require (
	golang.org/x/crypto v0.26.0 // indirect
	golang.org/x/sys v0.24.0 // indirect
)
