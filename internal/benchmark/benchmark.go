// Package benchmark measures two things a backup spends its time on, as
// PyHardLinkBackup's developer benchmarks do: hashing files compared with
// reading them, and walking a tree.
//
// Both only read. The package must never write anywhere, and what it measures
// includes the page cache: a second run over the same files reads faster.
package benchmark

import (
	"context"
	"fmt"
	"time"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
)

// ScanOptions configure Scan.
type ScanOptions struct {
	Excludes         []string // patterns as in manifests
	CrossFileSystems bool
	Workers          int
	Now              func() time.Time // nil: time.Now
	Events           event.Sink       // nil: none
}

// ScanResult is what Scan met.
type ScanResult struct {
	Files    int64         `json:"files"`
	Dirs     int64         `json:"dirs"` // with the top one
	Symlinks int64         `json:"symlinks"`
	Skipped  int64         `json:"skipped"`     // excluded, special or unreadable
	Bytes    int64         `json:"bytes"`       // apparent size of the files
	Duration time.Duration `json:"duration_ns"` // wall clock
}

// Rate returns the entries met in a second, skipped ones included.
func (r *ScanResult) Rate() float64 {
	if r.Duration <= 0 {
		return 0
	}
	return float64(r.Files+r.Dirs+r.Symlinks+r.Skipped) / r.Duration.Seconds()
}

// Scan walks the tree at path as planning a backup does, metadata of every
// entry included, and takes the time.
func Scan(ctx context.Context, path string, o ScanOptions) (*ScanResult, error) {
	walk := scan.Options{CrossFileSystems: o.CrossFileSystems, Workers: o.Workers, Xattrs: scan.XattrsAll}
	r, now := &ScanResult{}, clock(o.Now)
	began := now()
	err := overTree(ctx, path, walk, o.Excludes, o.Events, func(_ *fsys.Dir, e *scan.Entry) (event.Event, error) {
		r.add(e)
		return event.Event{Files: 1}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("benchmark scan: %w", err)
	}
	r.Duration = now().Sub(began)
	return r, nil
}

func (r *ScanResult) add(e *scan.Entry) {
	switch {
	case e.Skip != "":
		r.Skipped++
	case e.Kind == meta.Dir:
		r.Dirs++
	case e.Kind == meta.Symlink:
		r.Symlinks++
	default:
		r.Files++
		r.Bytes += e.Size
	}
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// overTree walks the tree at path and sends what visit says it did.
func overTree(ctx context.Context, path string, o scan.Options, excludes []string, sink event.Sink,
	visit func(root *fsys.Dir, e *scan.Entry) (event.Event, error),
) (err error) {
	var patterns []scan.Pattern
	for _, text := range excludes {
		patterns = append(patterns, scan.Pattern{Text: text})
	}
	if o.Excludes, err = scan.NewMatcher(patterns); err != nil {
		return err
	}
	root, err := fsys.Open(path)
	if err != nil {
		return err
	}
	defer root.Close()
	if sink == nil {
		sink = event.Discard
	}
	sink.Send(event.Event{Kind: event.Start, Phase: event.Benchmark})
	err = scan.Walk(ctx, root, o, func(e *scan.Entry) error {
		done, err := visit(root, e)
		done.Kind, done.Phase, done.Path = event.Advance, event.Benchmark, e.Path
		sink.Send(done)
		return err
	})
	sink.Send(event.Event{Kind: event.End, Phase: event.Benchmark, Err: err})
	return err
}
