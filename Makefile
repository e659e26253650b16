# The commands that developers type; CI runs .ci/run.
GO ?= go
LINT = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME ?= 30s
COUNT ?= 6
DIST ?= dist

.PHONY: all check test race bench microbench fuzz build quickstart release

all: check test

build:
	$(GO) build -o phlb ./cmd/phlb

# Everything that is published of this commit, into DIST; docs/packages.md tells
# how it is made. RELEASEFLAGS="-packages=false" does without deb and rpm.
release:
	$(GO) run ./internal/release -out $(DIST) $(RELEASEFLAGS)

# What must hold of the code without running it.
check:
	$(GO) vet ./...
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	$(LINT) run --config .ci/golangci.yml ./...

test:
	$(GO) test ./...

race:
	$(GO) test -race ./...

# phlb against its peers, as whole processes; as root on fresh file systems.
# BENCHFLAGS="--data sample --rounds 1" gives a quick look; docs/performance.md
# tells how to read it.
bench:
	$(GO) run ./internal/peerbench $(BENCHFLAGS)

# The hot paths. Compare two runs with benchstat.
microbench:
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

# Every fuzz target for FUZZTIME, one after the other.
fuzz:
	@for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    echo "$$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package || exit 1; \
	  done; \
	done

quickstart:
	$(GO) run ./examples/quickstart
