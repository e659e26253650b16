package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/snapshot"
)

// streams are what the program talks to.
type streams struct {
	in  *os.File
	out io.Writer
	err io.Writer
}

func osStreams() streams { return streams{in: os.Stdin, out: os.Stdout, err: os.Stderr} }

// app is what all commands share: streams, the clock and the common flags.
type app struct {
	streams
	now  func() time.Time
	args []string

	verbosity    string
	logFormat    string
	logFileLevel string
	progressMode string
	workers      int
	lockTimeout  time.Duration
	json         bool
	noColor      bool

	progress *report.Progress
	shown    atomic.Pointer[report.Progress] // the same, for others than the command
	log      *slog.Logger
	logLevel slog.Level // of the snapshot's log file
}

func newApp(args []string, s streams) *app {
	s.out = &answer{Writer: s.out}
	return &app{streams: s, now: time.Now, args: args}
}

// run is the program without the process around it.
func (a *app) run(ctx context.Context) int {
	root := a.newRootCommand()
	root.SetArgs(a.args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	defer a.heard(ctx)()
	err := root.ExecuteContext(ctx)
	if a.progress != nil {
		a.progress.Close()
	}
	return a.exit(ctx, err)
}

// answer is standard output, and knows whether anything was written to it.
type answer struct {
	io.Writer
	begun bool
}

func (w *answer) Write(b []byte) (int, error) {
	w.begun = w.begun || len(b) > 0
	n, err := w.Writer.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// answered says whether the command has begun to print its result.
func (a *app) answered() bool {
	w, ok := a.out.(*answer)
	return ok && w.begun
}

// fileOf returns the file that w writes to; nil: to none.
func fileOf(w io.Writer) *os.File {
	if to, ok := w.(*answer); ok {
		w = to.Writer
	}
	f, _ := w.(*os.File)
	return f
}

func (a *app) commonFlags(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&a.verbosity, "verbosity", "warning", "what to log to standard error: debug, info, warning or error")
	f.StringVar(&a.logFormat, "log-format", logText, "how to log to standard error: text or json, where every line is a JSON object, errors and progress included (the snapshot's log file stays text)")
	f.StringVar(&a.logFileLevel, "log-file-level", "info", "what to log to the snapshot's log file: debug, info, warning or error")
	f.StringVar(&a.progressMode, "progress", "auto", "how to show progress: auto, bar, plain, json or none")
	f.IntVar(&a.workers, "workers", 0, "files worked on at the same time (default: the manifest's, or the number of CPUs)")
	f.DurationVar(&a.lockTimeout, "lock-timeout", 0, "how long to wait for another run's lock (default: do not wait)")
	f.BoolVar(&a.noColor, "no-color", false, "no colours (also: the NO_COLOR environment variable)")
	completeWords(c, "verbosity", levels()...)
	completeWords(c, "log-file-level", levels()...)
	completeWords(c, "log-format", logFormats()...)
	completeWords(c, "progress", progressModes()...)
}

func progressModes() []string {
	var names []string
	for _, m := range report.ProgressModes() {
		names = append(names, string(m))
	}
	return names
}

// jsonFlag adds --json to a command that prints a result.
func (a *app) jsonFlag(c *cobra.Command) {
	c.Flags().BoolVar(&a.json, "json", false, "print the result as JSON")
}

func levels() []string { return []string{"debug", "info", "warning", "error"} }

func parseLevel(flag, value string) (slog.Level, error) {
	i := slices.Index(levels(), value)
	if i < 0 {
		return 0, usagef("--%s %q: choose one of %s%s", flag, value, strings.Join(levels(), ", "), didYouMean(value, levels()))
	}
	return []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[i], nil
}

// prepare sets up what the common flags ask for.
func (a *app) prepare() error {
	level, err := parseLevel("verbosity", a.verbosity)
	if err != nil {
		return err
	}
	if a.logLevel, err = parseLevel("log-file-level", a.logFileLevel); err != nil {
		return err
	}
	if a.workers < 0 {
		return usagef("--workers %d: must not be negative", a.workers)
	}
	if a.lockTimeout < 0 {
		return usagef("--lock-timeout %v: must not be negative", a.lockTimeout)
	}
	if err := a.openProgress(); err != nil {
		return err
	}
	a.log = a.newLogger(a.progress, level)
	return nil
}

func (a *app) openProgress() error {
	if !slices.Contains(logFormats(), a.logFormat) {
		return usagef("--log-format %q: choose one of %s%s", a.logFormat, strings.Join(logFormats(), ", "), didYouMean(a.logFormat, logFormats()))
	}
	o := report.ProgressOptions{
		Out: a.err, Surface: surface(a.err), Size: func() (int, int) { return size(a.err) }, Title: hasTitle(),
		Colors: a.colors(a.err), Clock: a.now,
	}
	mode := report.ProgressMode(a.progressMode)
	if a.logFormat == logJSON {
		if mode == report.ProgressBar {
			return usagef("--progress bar is for people, and --log-format json for programs: choose one")
		}
		o.NewLog = func(w io.Writer) *slog.Logger { return a.newLogger(w, slog.LevelInfo) }
	}
	p, err := report.NewProgress(mode, o)
	if err != nil {
		return usagef("--progress: %w%s", err, didYouMean(a.progressMode, progressModes()))
	}
	a.progress = p
	a.shown.Store(p)
	return nil
}

// print prints a command's result: as the JSON document that it is, or for
// people.
func (a *app) print(result any, table func(io.Writer, report.Style) error) error {
	a.progress.Close()
	if a.json {
		return report.WriteJSON(a.out, result)
	}
	return table(a.out, a.style(a.out))
}

// workerCount is --workers, else the manifest's, else the number of CPUs.
func (a *app) workerCount(manifest int) int {
	switch {
	case a.workers > 0:
		return a.workers
	case manifest > 0:
		return manifest
	}
	return runtime.NumCPU()
}

// lock locks a root for a command; exclusively for those that write.
func (a *app) lock(ctx context.Context, root *snapshot.Root, mode fsys.LockMode) (*snapshot.Lock, error) {
	return root.Lock(ctx, mode, snapshot.LockOptions{Wait: a.lockTimeout, Holder: a.holder()})
}

// holder is what a command that finds the root locked is told.
func (a *app) holder() snapshot.HolderInfo {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	command := strings.Join(append([]string{"phlb"}, a.args...), " ")
	return snapshot.HolderInfo{Host: host, PID: os.Getpid(), Start: a.now().UTC(), Command: command}
}

func newID() string { return uuid.NewString() }

// plural returns n and what, with an s unless there is one.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
