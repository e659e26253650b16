// Package history finds the versions of a path, or of several, over all
// snapshots of a name.
//
// It reads catalogues, and walks the snapshots where there is none that can be
// believed. It only reads, takes no lock, and must never take two files for
// one version because of their size and times alone: where no hash is on
// record it reads the file.
package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
)

// Options configure History.
type Options struct {
	// Path is relative to the snapshots, as stored: files and links at it and
	// below are told, and the directory at it. "." is all.
	Path string
	// Match, if not nil, chooses further paths, as a pattern does. It makes a
	// function for each goroutine.
	Match func() func(path string) bool
	// Workers read at the same time; below 1 means 1.
	Workers int
}

// Version is one content of a path. What does not belong to the content (mode,
// owner, time) is that of the first snapshot that holds it; a file without a
// SHA256 cannot be read.
type Version struct {
	listing.State
	// Runs are the snapshots that hold it; see Result.Snapshots.
	Runs []Run
}

// Run is a row of snapshots without a gap, by their indexes in Result.Times.
type Run struct{ First, Last int32 }

// Path is one path and what became of it.
type Path struct {
	Path     string
	Versions []Version // in the order in which they came
}

// Result is what was found.
type Result struct {
	Name string
	// Times are those of the snapshots of the name that could be looked at,
	// the oldest first.
	Times []string
	// Paths are sorted.
	Paths []Path
	// Unreadable counts snapshots and paths that could not be looked at.
	Unreadable int64
	Notices    []string
}

// Snapshots returns the times of the snapshots that hold a version.
func (r *Result) Snapshots(v *Version) (times []string) {
	for _, run := range v.Runs {
		times = append(times, r.Times[run.First:run.Last+1]...)
	}
	return times
}

// Absent returns the times of the snapshots that do not hold a path.
func (r *Result) Absent(p *Path) (times []string) {
	holds := make([]bool, len(r.Times))
	for i := range p.Versions {
		for _, run := range p.Versions[i].Runs {
			for at := run.First; at <= run.Last; at++ {
				holds[at] = true
			}
		}
	}
	for i, t := range r.Times {
		if !holds[i] {
			times = append(times, t)
		}
	}
	return times
}

// Of finds the versions over all snapshots of a name. Errors are a name
// without snapshots (fs.ErrNotExist) and the context's end. That no snapshot
// has the path is none.
func Of(ctx context.Context, root *snapshot.Root, name string, o Options) (*Result, error) {
	times, err := root.Times(name)
	if err == nil && len(times) == 0 {
		err = fmt.Errorf("%s has no snapshots of %s: %w", root.Path(), name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	h := &historian{Options: o, root: root, name: name, result: &Result{Name: name}, paths: map[string]*Path{}}
	if err := h.readAll(ctx, times); err != nil {
		return nil, fmt.Errorf("history of %s: %w", name, err)
	}
	for _, p := range slices.SortedFunc(maps.Keys(h.paths), meta.ComparePaths) {
		h.result.Paths = append(h.result.Paths, *h.paths[p])
	}
	return h.result, nil
}

// historian is one run of Of.
type historian struct {
	Options
	root   *snapshot.Root
	name   string
	result *Result
	paths  map[string]*Path
}

// readAll reads as many snapshots at a time as there are workers, and takes
// them in by their order: what is held of snapshots not yet taken in is
// bounded.
func (h *historian) readAll(ctx context.Context, times []string) error {
	for part := range slices.Chunk(times, max(h.Workers, 1)) {
		found := make([]snap, len(part))
		p := pool.New(h.Workers)
		for i, t := range part {
			if p.Submit(func() error { return h.read(ctx, t, &found[i]) }) != nil {
				break
			}
		}
		if err := p.Wait(); err != nil {
			return err
		}
		for i := range found {
			h.take(&found[i], part[i])
		}
	}
	return nil
}

// snap is what one snapshot has of the paths that are asked for.
type snap struct {
	list   []item
	gone   bool // it was removed meanwhile
	notice string
	failed int64
}

type item struct {
	path string
	Version
}

// read reads one snapshot. Only the context's end is an error.
func (h *historian) read(ctx context.Context, time string, found *snap) error {
	id := snapshot.ID{Name: h.name, Time: time}
	r := &reader{historian: h, snap: found}
	o := listing.Options{Detail: listing.Content}
	if h.Match == nil {
		o.Path = h.Path // as stored, but for names that only phlb exchanges
	}
	info, err := listing.Each(ctx, h.root, id, o, r.begin, func(e *listing.Entry) error { return r.add(ctx, e) })
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		found.gone = true
		return nil
	case err != nil:
		found.failed++
		found.notice = id.String() + ": it cannot be read: " + err.Error()
		return nil
	}
	found.failed += info.Unreadable
	switch {
	case info.Notice != "":
		found.notice = id.String() + ": its catalogue is not used: " + info.Notice
	case info.FirstError != nil:
		found.notice = id.String() + ": not all of it can be read: " + info.FirstError.Error()
	}
	return nil
}

// take takes in what one snapshot has.
func (h *historian) take(s *snap, time string) {
	r := h.result
	r.Unreadable += s.failed
	if s.notice != "" {
		r.Notices = append(r.Notices, s.notice)
	}
	if s.gone {
		return
	}
	index := int32(len(r.Times))
	r.Times = append(r.Times, time)
	for i := range s.list {
		it := &s.list[i]
		p := h.paths[it.path]
		if p == nil {
			// Of its own, for the path may be a part of something larger.
			p = &Path{Path: strings.Clone(it.path)}
			h.paths[p.Path] = p
		}
		p.add(&it.Version, index)
	}
}

func (p *Path) add(v *Version, index int32) {
	for i := range p.Versions {
		old := &p.Versions[i]
		if !old.same(v) {
			continue
		}
		if last := &old.Runs[len(old.Runs)-1]; last.Last == index-1 {
			last.Last = index
		} else {
			old.Runs = append(old.Runs, Run{index, index})
		}
		return
	}
	v.Runs = []Run{{index, index}}
	p.Versions = append(p.Versions, *v)
}

func (v *Version) same(o *Version) bool {
	return v.Kind == o.Kind && v.Size == o.Size && v.SHA256 == o.SHA256 && v.Target == o.Target
}
