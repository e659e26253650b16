// Command peerbench compares phlb with the tools that people use instead of
// it, each as a whole process seen from outside: wall and CPU time, peak
// memory, growth of the destination. Every contender works on a file system of
// its own, fresh in every round, and what phlb wrote is checked against its
// source, so that speed is never bought with wrongness.
//
// It must never import packages of phlb, reach into its files, or be told by
// phlb how long something took: then it would measure what phlb believes. It
// must never write outside its own temporary directories, nor leave a mount or
// an image behind.
//
//	go run ./internal/peerbench --data sample --rounds 2
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == meterMode {
		os.Exit(meterMain(os.Args[2:], os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
	}
	ctx, stop := signal.NotifyContext(context.Background(), stopSignals...)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peerbench:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}
