package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// bench is one run of the harness.
type bench struct {
	o          options
	place      workplace
	meter      meter
	contenders []contender
	report     report
	stderr     io.Writer
	failures   []error
}

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if !supported {
		return errors.New("needs Linux: it takes rusage, loop devices and GNU tools for granted")
	}
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	b := &bench{o: o, stderr: stderr}
	sets, skipped, err := datasets(o)
	if err != nil {
		return err
	}
	for _, s := range skipped {
		b.log("skipped: %s", s)
	}
	b.report.Skipped = skipped
	cleanup, err := b.prepare(ctx, sets)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cleanup()) }()
	for _, set := range sets {
		err := b.runSet(ctx, set)
		if ctx.Err() != nil {
			b.fail(errors.Join(errors.New("interrupted: these are the figures so far"), onlyOther(err, ctx.Err())))
			break
		}
		if err != nil {
			b.fail(fmt.Errorf("%s: %w", set.name, err))
		}
	}
	return b.finish(stdout)
}

func (b *bench) log(format string, args ...any) { fmt.Fprintf(b.stderr, format+"\n", args...) }

// prepare finds the contenders and a place for them.
func (b *bench) prepare(ctx context.Context, sets []*dataset) (cleanup func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b.meter = meter{self}
	binary, removeBinary, err := findPhlb(ctx, b.o)
	if err != nil {
		return nil, errors.Join(err, removeBinary())
	}
	place, removePlace, err := newWorkplace(b.o, sets, b.log)
	if err != nil {
		return nil, errors.Join(err, removeBinary())
	}
	b.place = place
	b.contenders, b.report.NotFound = contenders(ctx, b.o, binary)
	b.report.Machine = thisMachine(ctx, place, binary)
	return func() error { return joined(removePlace, removeBinary) }, nil
}

// findPhlb builds phlb unless there is one. Not in the workplace: memory file
// systems may refuse to run programs.
func findPhlb(ctx context.Context, o options) (path string, remove func() error, err error) {
	remove = func() error { return nil }
	if o.phlb != "" {
		path, err = filepath.Abs(o.phlb)
		return path, remove, err
	}
	dir, err := os.MkdirTemp("", "peerbench-phlb-")
	if err != nil {
		return "", remove, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	path = filepath.Join(dir, "phlb")
	return path, remove, cmd("go", "build", "-o", path, "phlb/cmd/phlb").run(ctx)
}

// runSet measures everybody with one data set.
func (b *bench) runSet(ctx context.Context, set *dataset) (err error) {
	taking := b.taking(set)
	if len(taking) == 0 {
		return nil
	}
	b.log("%s: making the source", set.name)
	defer func() { err = errors.Join(err, b.place.discard()) }()
	if err := b.place.prepare(ctx, set); err != nil {
		return err
	}
	b.report.Data = append(b.report.Data, dataFacts{set.name, set.size})
	for round := 1; round <= b.o.rounds; round++ {
		if err := b.round(ctx, set, round, rotated(taking, round-1)); err != nil {
			return err
		}
	}
	return nil
}

// taking are the contenders that have something to do with a set.
func (b *bench) taking(set *dataset) []contender {
	var list []contender
	for _, c := range b.contenders {
		p, ours := c.(*phlb)
		joins := func(scenario string) bool { return c.joins(scenario) && set.wanted(b.o, scenario) }
		if set.scale && (!ours || p.smallFiles != "link") || !slices.ContainsFunc(set.scenarios(b.o), joins) {
			continue
		}
		list = append(list, c)
	}
	return list
}

// rotated lets another contender begin in each round.
func rotated[T any](list []T, by int) []T {
	by %= len(list)
	return append(slices.Clone(list[by:]), list[:by]...)
}

func (b *bench) round(ctx context.Context, set *dataset, round int, order []contender) (err error) {
	var names []string
	for _, c := range order {
		names = append(names, c.name())
	}
	defer func() { err = errors.Join(err, b.place.end()) }()
	if err := b.place.begin(ctx, names); err != nil {
		return err
	}
	for _, c := range order {
		err := b.contend(ctx, set, round, c)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			b.fail(fmt.Errorf("%s, round %d, %s: %w", set.name, round, c.name(), err))
		}
	}
	return nil
}

// onlyOther is err unless it says no more than known.
func onlyOther(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}

// fail notes what went wrong with one contender; the others go on.
func (b *bench) fail(err error) {
	b.log("FAILED: %v", err)
	b.failures = append(b.failures, err)
	b.report.Failures = append(b.report.Failures, err.Error())
}

// finish prints what was found, and says by its error whether all is well.
func (b *bench) finish(stdout io.Writer) error {
	r := &b.report
	r.Format, r.Version, r.At = "phlb-peerbench", 1, time.Now().UTC().Format(time.RFC3339)
	r.Medians = medians(r.Records)
	r.Bars = judge(barsFor(b.o), r.Medians, r.Data)
	table := stdout
	if b.o.json == "-" {
		table = b.stderr
	}
	render(table, r)
	if err := b.writeJSON(stdout); err != nil {
		return err
	}
	if missed := slices.ContainsFunc(r.Bars, func(v verdict) bool { return !v.OK }); missed && b.o.strict {
		b.failures = append(b.failures, errors.New("a bar is missed"))
	}
	return errors.Join(b.failures...)
}

func (b *bench) writeJSON(stdout io.Writer) error {
	if b.o.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(b.report, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if b.o.json == "-" {
		_, err = stdout.Write(data)
		return err
	}
	return os.WriteFile(b.o.json, data, 0o644)
}
