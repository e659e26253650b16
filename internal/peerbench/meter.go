package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// cost is what one process, or several one after the other, took.
type cost struct {
	Wall float64 `json:"wall_s"`
	CPU  float64 `json:"cpu_s"`
	RSS  float64 `json:"max_rss_mib"`
}

func (c cost) plus(d cost) cost {
	return cost{Wall: c.Wall + d.Wall, CPU: c.CPU + d.CPU, RSS: max(c.RSS, d.RSS)}
}

// meterMode is the first argument of a process that only runs another one and
// prints its cost. Linux counts the memory of whoever starts a process to the
// new process's peak, so a harness that has just compared two large trees would
// spoil the figures of cp. The process between keeps them down to its own size.
const meterMode = "__meter"

// meter measures commands by means of the executable at self.
type meter struct{ self string }

// measure runs commands one after the other.
func (m meter) measure(ctx context.Context, commands []command) (cost, error) {
	var sum cost
	for _, c := range commands {
		var out bytes.Buffer
		if err := c.start(ctx, append([]string{m.self, meterMode}, c.argv...), &out); err != nil {
			return sum, err
		}
		var one cost
		if err := json.Unmarshal(out.Bytes(), &one); err != nil {
			return sum, fmt.Errorf("%s: read its cost: %w", c, err)
		}
		sum = sum.plus(one)
	}
	return sum, nil
}

// meterMain is main of the process between. Its child's output is dropped, so
// its own standard output is free for the figures.
func meterMain(argv []string, stdout, stderr io.Writer) int {
	c := exec.Command(argv[0], argv[1:]...)
	c.Stderr = os.Stderr
	start := time.Now()
	err := c.Run()
	wall := time.Since(start)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	if err == nil {
		s := c.ProcessState
		err = json.NewEncoder(stdout).Encode(cost{
			Wall: wall.Seconds(), CPU: (s.UserTime() + s.SystemTime()).Seconds(), RSS: peakMiB(s),
		})
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 127
	}
	return 0
}
