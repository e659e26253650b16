package report

import (
	"fmt"

	"phlb/plan"
)

// The kinds of alarms, the most alarming first.
const (
	AlarmQuiet      = "quiet_change"  // other content behind the same size and time
	AlarmChanged    = "mass_change"   // much of what the parent has changed in content
	AlarmDeleted    = "mass_deletion" // much of what the parent has is gone
	AlarmEmptied    = "emptied"       // files changed to nothing
	AlarmUnstorable = "unstorable"    // paths that exist and cannot be stored
)

// What counts as much of a source. Guards stop a run; an alarm only asks for
// a look, so it may come early.
const (
	massFiles          = 10 // fewer are no mass
	massDeletedPercent = 20
	massChangedPercent = 25
)

// AlarmView is something in a source that deserves a look before the plan is
// applied. It is about all entries, whatever the filter.
type AlarmView struct {
	Kind     string     `json:"kind"`
	Files    int64      `json:"files"`
	Bytes    int64      `json:"bytes,omitempty"`   // of what is stored now
	Percent  float64    `json:"percent,omitempty"` // of the parent's files
	Message  string     `json:"message"`
	Examples []FileView `json:"examples,omitempty"` // the largest, or the first
}

// watch looks for alarms while entries stream by.
type watch struct {
	known   int64 // files that the parent has, too
	gone    int64
	moved   int64
	changed plan.Count
	quiet   suspect
	emptied suspect
	// unstorable are skips that leave out what was meant to be stored.
	unstorable suspect
	lost       []FileView // the first deleted paths
}

// suspect counts the paths of one alarm and keeps the largest.
type suspect struct {
	plan.Count
	top *topN[FileView]
}

func newWatch() *watch {
	w := &watch{}
	for _, s := range []*suspect{&w.quiet, &w.emptied, &w.unstorable} {
		s.top = newTopN(examples, largerFile)
	}
	return w
}

func (s *suspect) add(e *plan.Entry) {
	addTo(&s.Count, e.Size)
	s.top.offer(fileView(e))
}

func (w *watch) entry(e *plan.Entry) {
	switch e.Action {
	case plan.ActionSkip:
		if unstorable(e.Reason) {
			w.unstorable.add(e)
		}
		return
	case plan.ActionMkdir:
		return
	}
	switch e.Change {
	case plan.ChangeNew:
		return
	case plan.ChangeMoved:
		w.moved++
		return
	case plan.ChangeContent:
		addTo(&w.changed, e.Size)
		if e.Size == 0 && e.Action != plan.ActionSymlink {
			w.emptied.add(e)
		}
	}
	w.known++
	if e.Quiet {
		w.quiet.add(e)
	}
}

func (w *watch) deleted(path string) {
	if w.gone++; len(w.lost) < examples {
		w.lost = append(w.lost, FileView{Path: NewPath(path)})
	}
}

// alarms returns what there is to look at.
func (w *watch) alarms() []AlarmView {
	alarms := []AlarmView{}
	add := func(kind string, s plan.Count, share float64, views []FileView, format string, args ...any) {
		alarms = append(alarms, AlarmView{
			Kind: kind, Files: s.Files, Bytes: s.Bytes, Percent: share, Examples: views, Message: fmt.Sprintf(format, args...),
		})
	}
	had := w.known + w.gone
	if n := w.quiet.Files; n > 0 {
		add(AlarmQuiet, w.quiet.Count, 0, w.quiet.top.items, "%s changed in content, but not in size or time: look for damage or tampering", files(n))
	}
	if share := mass(w.changed.Files, had); share >= massChangedPercent {
		add(AlarmChanged, w.changed, share, nil, "%.0f%% of the files that there were changed in content: %s of %s", share, Count(w.changed.Files), Count(had))
	}
	gone := max(w.gone-w.moved, 0)
	if share := mass(gone, had); share >= massDeletedPercent {
		add(AlarmDeleted, plan.Count{Files: gone}, share, w.lost, "%.0f%% of the files that there were are gone: %s of %s", share, Count(gone), Count(had))
	}
	if n := w.emptied.Files; n > 0 {
		add(AlarmEmptied, w.emptied.Count, 0, w.emptied.top.items, "%s changed to nothing", files(n))
	}
	if n := w.unstorable.Files; n > 0 {
		add(AlarmUnstorable, w.unstorable.Count, 0, w.unstorable.top.items, "%s cannot be stored", counted(n, "path", "paths"))
	}
	return alarms
}

// mass returns how many percent n is of all, 0 if it is not many.
func mass(n, all int64) float64 {
	if n < massFiles || all <= 0 {
		return 0
	}
	return float64(n) / float64(all) * 100
}
