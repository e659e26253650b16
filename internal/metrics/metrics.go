// Package metrics tells a monitoring system how runs went, in Prometheus's
// text format: it turns what a run came to, and what the file said before,
// into the new content of that file.
//
// It is pure: it opens, reads and writes no file, asks no clock, and decides
// nothing about the backup. What it is told of has been counted elsewhere.
package metrics

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Status says what a source's last run came to.
type Status string

// The statuses.
const (
	Complete  Status = "complete"  // a snapshot was published, and holds everything
	Partial   Status = "partial"   // one was published, and some paths are missing in it
	Unchanged Status = "unchanged" // nothing had changed, so none was needed
	Failed    Status = "failed"    // none was published
)

func statuses() []Status { return []Status{Complete, Partial, Unchanged, Failed} }

// Run is what a command came to.
type Run struct {
	File       string // base name of the metrics file: a label of every sample
	Command    string // apply, backup or verify
	Version    string // of phlb
	Start, End time.Time
	ExitCode   int
	Success    bool               // whether ExitCode is one for what was to be done
	Phases     map[string]float64 // seconds by phase of the run as a whole
	Sources    []Source           // those that the run was about
	// Known are the names of all sources that there are. What the file says of
	// others is dropped. Nil: not known, and nothing is dropped.
	Known  []string
	Verify *Verify // nil: nothing was verified
}

// Source is what became of one source.
type Source struct {
	Name   string
	Status Status
	Result *Result // nil: the run did not get as far as this source
}

// Result counts what was done for a source.
type Result struct {
	CopiedFiles, CopiedBytes, LinkedFiles, LinkedBytes, SkippedFiles, SkippedBytes int64

	Deleted, Drifted, Vanished, Failed, Unreadable, LinkFallbacks, NotKept, Pruned int64

	Seconds float64
	Phases  map[string]float64 // seconds by phase
}

// Verify counts what was checked.
type Verify struct {
	Snapshots, Files, Bytes, NotSampled, Damaged int64
	Incomplete                                   bool // the time was up before everything was checked
}

// Update returns what the file is to hold after a run: what the run says, and
// of what the file held before that which the run does not speak of. The time
// of the last success is kept where this run was none; 0 stands for never.
func Update(previous []Sample, r *Run) []Sample {
	w := &writer{file: r.File, previous: previous}
	for i := range previous {
		if s := &previous[i]; r.keeps(s) {
			w.samples = append(w.samples, s.in(r.File))
		}
	}
	w.add("phlb_build_info", 1, Label{"version", r.Version})
	w.run(r)
	for i := range r.Sources {
		w.source(&r.Sources[i], unix(r.End))
	}
	if r.Verify != nil {
		w.verify(r.Verify)
	}
	slices.SortStableFunc(w.samples, compare)
	return slices.CompactFunc(w.samples, func(a, b Sample) bool { return compare(a, b) == 0 })
}

// keeps reports whether a sample of before still holds after the run.
func (r *Run) keeps(s *Sample) bool {
	switch {
	case !wellFormed(s): // of another version, or not ours
		return false
	case strings.HasPrefix(s.Name, "phlb_run_"):
		return s.label("command") != r.Command
	case strings.HasPrefix(s.Name, "phlb_verify_"):
		return r.Verify == nil
	case strings.HasPrefix(s.Name, "phlb_source_"):
		name := s.label("source")
		told := slices.ContainsFunc(r.Sources, func(s Source) bool { return s.Name == name })
		return !told && (r.Known == nil || slices.Contains(r.Known, name))
	}
	return false
}

// writer collects the samples of a file.
type writer struct {
	file     string
	previous []Sample
	samples  []Sample
}

func (w *writer) add(name string, value float64, labels ...Label) {
	labels = append([]Label{{"file", w.file}}, labels...)
	w.samples = append(w.samples, Sample{name, labels, value})
}

// last adds the time of something that may have happened in this run, or else
// in an earlier one.
func (w *writer) last(name string, now float64, happened bool, label Label) {
	if !happened {
		now = 0
		for i := range w.previous {
			if p := &w.previous[i]; p.Name == name && p.label(label.Name) == label.Value && wellFormed(p) {
				now = p.Value
			}
		}
	}
	w.add(name, now, label)
}

func (w *writer) run(r *Run) {
	command := Label{"command", r.Command}
	w.add("phlb_run_last_timestamp_seconds", unix(r.End), command)
	w.last("phlb_run_last_success_timestamp_seconds", unix(r.End), r.Success, command)
	w.add("phlb_run_exit_code", float64(r.ExitCode), command)
	w.add("phlb_run_duration_seconds", r.End.Sub(r.Start).Round(time.Millisecond).Seconds(), command)
	for phase, seconds := range r.Phases {
		w.add("phlb_run_phase_duration_seconds", seconds, command, Label{"phase", phase})
	}
}

func (w *writer) source(s *Source, now float64) {
	source := Label{"source", s.Name}
	w.add("phlb_source_last_run_timestamp_seconds", now, source)
	w.last("phlb_source_last_success_timestamp_seconds", now, s.Status == Complete || s.Status == Unchanged, source)
	w.last("phlb_source_last_snapshot_timestamp_seconds", now, s.Status == Complete || s.Status == Partial, source)
	for _, status := range statuses() {
		w.add("phlb_source_status", truth(s.Status == status), source, Label{"status", string(status)})
	}
	if s.Result != nil {
		w.result(s.Result, source)
	}
}

func (w *writer) result(r *Result, source Label) {
	for _, a := range [...]struct {
		action       string
		files, bytes int64
	}{{"copy", r.CopiedFiles, r.CopiedBytes}, {"link", r.LinkedFiles, r.LinkedBytes}, {"skip", r.SkippedFiles, r.SkippedBytes}} {
		w.add("phlb_source_files", float64(a.files), source, Label{"action", a.action})
		w.add("phlb_source_bytes", float64(a.bytes), source, Label{"action", a.action})
	}
	for _, c := range [...]struct {
		name string
		n    int64
	}{
		{"deleted", r.Deleted}, {"drifted", r.Drifted}, {"vanished", r.Vanished}, {"failed", r.Failed}, {"unreadable", r.Unreadable},
		{"link_fallbacks", r.LinkFallbacks}, {"metadata_not_kept", r.NotKept}, {"pruned_snapshots", r.Pruned},
	} {
		w.add("phlb_source_"+c.name, float64(c.n), source)
	}
	w.add("phlb_source_duration_seconds", r.Seconds, source)
	for phase, seconds := range r.Phases {
		w.add("phlb_source_phase_duration_seconds", seconds, source, Label{"phase", phase})
	}
}

func (w *writer) verify(v *Verify) {
	w.add("phlb_verify_snapshots", float64(v.Snapshots))
	w.add("phlb_verify_files", float64(v.Files))
	w.add("phlb_verify_read_bytes", float64(v.Bytes))
	w.add("phlb_verify_not_sampled_files", float64(v.NotSampled))
	w.add("phlb_verify_damaged", float64(v.Damaged))
	w.add("phlb_verify_incomplete", truth(v.Incomplete))
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// compare orders samples: those of one metric must stand together.
func compare(a, b Sample) int {
	return cmp.Or(
		cmp.Compare(place(a.Name), place(b.Name)),
		slices.CompareFunc(a.Labels, b.Labels, func(a, b Label) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
		}))
}
