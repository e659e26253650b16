// Command phlb makes snapshot backups of plain files: planned, reviewed,
// applied and verified.
//
// This package is the command line and nothing else: it wires the packages
// that do the work, and maps their errors to exit codes. What is decided,
// written or judged is decided, written and judged elsewhere.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	tuneGC(os.Getenv)
	ctx, cancel := context.WithCancel(context.Background())
	a := newApp(os.Args[1:], osStreams())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel() // stop cleanly, with a journal of what is done
		<-signals
		a.abandon()
		os.Exit(codeInterrupted) // stop at once
	}()
	os.Exit(a.run(ctx))
}
