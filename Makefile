# What a person calls. Each target does its own set-up, and nothing of it twice.
.DEFAULT_GOAL := help
.PHONY: help prepare rehearse test test-long bench outputs lab lint

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

prepare:  ## the set-up alone: Debian packages, Python, Go
	@setup/prepare

rehearse: prepare  ## run every chapter on the testbed and write the report
	@.venv/bin/runbook rehearse

test: prepare  ## run every test, the notebooks' stored outputs included
	@.venv/bin/python -m pytest
	@setup/in-services go test ./...

test-long: prepare  ## run the tests that need minutes
	@setup/debian $$(sed -e 's/[[:space:]]*#.*//' setup/debian-packages-long.txt)
	@.venv/bin/python -m pytest -m long

bench: prepare  ## measure side by side with the peers, into bench/results.json
	@.venv/bin/python -m bench

outputs: prepare  ## make the notebooks' stored outputs anew
	@.venv/bin/runbook outputs

lab: prepare  ## JupyterLab on loopback, on a run's own copies of the notebooks
	@.venv/bin/runbook lab

lint: prepare  ## style of Python and Go
	@.venv/bin/ruff check .
	@setup/in-services sh -c 'test -z "$$(gofmt -l . | tee /dev/stderr)"'
	@setup/in-services go vet ./...
