package execute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"phlb/internal/snapshot"
	"phlb/plan"
)

// FileError is one path that was not, or not quite, stored as planned.
type FileError struct {
	Path string // relative to the source, raw bytes
	Err  string
}

// fileErrorJSON is a FileError in a report; a path that is not UTF-8 stands
// there as path_b64.
type fileErrorJSON struct {
	Path      *string `json:"path,omitempty"`
	PathBytes []byte  `json:"path_b64,omitempty"`
	Err       string  `json:"error"`
}

// MarshalJSON writes {"path":…,"error":…}.
func (e FileError) MarshalJSON() ([]byte, error) {
	j := fileErrorJSON{Path: &e.Path, Err: e.Err}
	if !utf8.ValidString(e.Path) {
		j.Path, j.PathBytes = nil, []byte(e.Path)
	}
	return json.Marshal(&j)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *FileError) UnmarshalJSON(b []byte) error {
	var j fileErrorJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	e.Path, e.Err = string(j.PathBytes), j.Err
	if j.Path != nil {
		e.Path = *j.Path
	}
	return nil
}

// Status says how much of a source its snapshot holds.
type Status string

// The statuses of a snapshot, and of a run.
const (
	StatusComplete Status = "complete"
	StatusPartial  Status = "partial" // some existing path could not be stored
	StatusFailed   Status = "failed"  // nothing was published
)

// Report is <time>-report.json: what became of one source of a plan.
type Report struct {
	Format        string             `json:"format"`
	FormatVersion string             `json:"format_version"`
	Status        Status             `json:"status"`
	PlanID        string             `json:"plan_id"`
	Name          string             `json:"name"`
	Source        string             `json:"source"`
	Snapshot      *string            `json:"snapshot"` // null when none was published
	Parent        *string            `json:"parent"`
	Generation    int64              `json:"generation"` // the root's with this snapshot; 0: lookups are not finished
	Totals        plan.Totals        `json:"totals"`     // what was done, by action
	Drifted       []FileError        `json:"drifted"`
	Vanished      []FileError        `json:"vanished"`
	Failed        []FileError        `json:"failed"`
	Unlisted      int64              `json:"unlisted,omitempty"` // paths that these lists had no room for
	Unreadable    int64              `json:"unreadable"`         // skips the plan foresaw for paths that exist
	LinkFallbacks int64              `json:"link_fallbacks"`     // links that became copies
	FallbackPaths []FileError        `json:"link_fallback_paths,omitempty"`
	NotKept       int64              `json:"metadata_not_kept"` // paths whose owner, mode, times or xattrs the destination refused
	TakenOver     plan.Count         `json:"taken_over"`        // copies an interrupted run had finished
	Pruned        []string           `json:"pruned"`
	NotPruned     []NotPruned        `json:"not_pruned,omitempty"`          // that the plan prunes, and why they stay
	Overrides     []string           `json:"overridden_guards,omitempty"`   // guards that could trip without consequence
	CtimeWindow   *Window            `json:"ctime_window,omitempty"`        // nil: nothing was published
	LaterWindows  []Window           `json:"later_ctime_windows,omitempty"` // of pruning and resuming, by runs of this plan or by later ones that made no snapshot
	Error         string             `json:"error,omitempty"`
	Durations     map[string]float64 `json:"durations"` // seconds by phase
	Start         time.Time          `json:"start"`
	End           time.Time          `json:"end"`
}

// Report format.
const (
	ReportFormat        = "phlb-report"
	ReportFormatVersion = "1.0"
)

// maxReport bounds how much of a report.json is read, in bytes.
const maxReport = 64 << 20

// listLimit bounds the lists of a report: a tree of a million unreadable
// files must not need memory for each. Unlisted counts what lies beyond.
const listLimit = 10_000

// note adds to one of the report's lists.
func (r *Report) note(list *[]FileError, path, why string) {
	if len(*list) >= listLimit {
		r.Unlisted++
		return
	}
	*list = append(*list, FileError{path, why})
}

// count adds what a worker did.
func (r *Report) count(t *plan.Totals) {
	for _, c := range [...]struct{ sum, add *plan.Count }{
		{&r.Totals.Copy, &t.Copy}, {&r.Totals.Link, &t.Link}, {&r.Totals.Skip, &t.Skip},
	} {
		c.sum.Files += c.add.Files
		c.sum.Bytes += c.add.Bytes
	}
	r.Totals.Mkdir += t.Mkdir
	r.Totals.Symlink += t.Symlink
}

// Incomplete is Result.Incomplete for one source.
func (r *Report) Incomplete() bool {
	return r.Status != StatusComplete || len(r.Drifted)+len(r.Vanished)+len(r.Failed) > 0
}

// Result is what became of a whole plan.
type Result struct {
	PlanID  string
	Reports []*Report // one a source, in the plan's order
	// Unfinished: pruning took longer than it may, and the same plan, or the
	// next run, goes on with it.
	Unfinished bool
}

// Incomplete reports whether anything drifted, vanished, failed or could not
// be read, although the run finished.
func (r *Result) Incomplete() bool {
	for _, rep := range r.Reports {
		if rep.Incomplete() {
			return true
		}
	}
	return false
}

func (r *runner) newReport(src *checkedSource) *Report {
	return &Report{
		Format: ReportFormat, FormatVersion: ReportFormatVersion, Status: StatusComplete,
		PlanID: r.plan.header.PlanID, Name: src.Name, Source: src.Path, Parent: src.Parent,
		Drifted: []FileError{}, Vanished: []FileError{}, Failed: []FileError{}, Pruned: []string{},
		Overrides: r.plan.header.Overrides, Unreadable: src.unreadable, Totals: plan.Totals{Deleted: src.Totals.Deleted},
		Durations: map[string]float64{}, Start: r.opts.Now().UTC(),
	}
}

// NotPlanned is the report of a source that failed before it was planned, for
// whoever tells of a whole run.
func NotPlanned(planID, name, source string, at time.Time, why error) *Report {
	return &Report{
		Format: ReportFormat, FormatVersion: ReportFormatVersion, Status: StatusFailed,
		PlanID: planID, Name: name, Source: source,
		Drifted: []FileError{}, Vanished: []FileError{}, Failed: []FileError{}, Pruned: []string{},
		Error: why.Error(), Durations: map[string]float64{}, Start: at.UTC(), End: at.UTC(),
	}
}

// phase times one part of a run into the report.
func (r *runner) phase(rep *Report, name string, do func() error) error {
	start := r.opts.Now()
	err := do()
	rep.Durations[name] += r.opts.Now().Sub(start).Round(time.Millisecond).Seconds()
	return err
}

// writeReport leaves the report beside its snapshot.
func (r *runner) writeReport(id snapshot.ID, rep *Report) error {
	text, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	return r.root.WriteSidecar(id, snapshot.SuffixReport, append(text, '\n'))
}

// readReport reads the report of a published snapshot.
func readReport(root *snapshot.Root, id snapshot.ID) (*Report, error) {
	f, err := root.OpenSidecar(id, snapshot.SuffixReport)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rep Report
	if err := json.NewDecoder(io.LimitReader(f, maxReport)).Decode(&rep); err != nil {
		return nil, fmt.Errorf("read report of %s: %w", id, err)
	}
	if rep.Format != ReportFormat {
		return nil, fmt.Errorf("read report of %s: format %q", id, rep.Format)
	}
	if rep.Durations == nil {
		rep.Durations = map[string]float64{}
	}
	return &rep, nil
}

// ending is why a run ended, in a report's words: Go's for an interrupt tell
// nobody anything.
func ending(err error) string {
	return strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted; the same plan goes on from here")
}

// reason is an error's text without the path, which stands beside it.
func reason(err error) string {
	var p *fs.PathError
	if !errors.As(err, &p) {
		return err.Error()
	}
	text := p.Op + ": " + p.Err.Error()
	if errors.Is(err, errNameRefused) {
		text = errNameRefused.Error() + ": " + text
	}
	return text
}
