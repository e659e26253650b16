package report

import (
	"cmp"
	"slices"
	"strings"

	"phlb/plan"
)

const (
	// maxSkipReasons bounds the number of reasons told apart in one source:
	// a pattern each may have its own.
	maxSkipReasons = 50
	// examples is the number of paths shown for a change or a reason.
	examples = 3
)

// became is what became of an entry.
type became struct {
	action plan.Action
	change plan.Change
}

// sourceTally adds up the entries of one source as they stream by.
type sourceTally struct {
	selected plan.Totals
	// partial and changes are about all entries, selected or not.
	partial  bool // something that was meant to be stored cannot be
	changes  bool // something is not unchanged
	watch    *watch
	byAction map[became]*plan.Count
	last     became // of what was counted last: neighbours mostly agree
	lastOf   *plan.Count
	largest  *topN[FileView]
	copied   *rollup
	notable  map[plan.Change]*topN[FileView]
	deleted  []Path
	lost     *rollup // deleted files, each of weight one
	skips    map[string]*SkipView
}

func newSourceTally(top int) *sourceTally {
	t := &sourceTally{
		byAction: map[became]*plan.Count{},
		largest:  newTopN(top, largerFile),
		copied:   newRollup(maxRollupNodes),
		lost:     newRollup(maxRollupNodes),
		watch:    newWatch(),
		notable:  map[plan.Change]*topN[FileView]{},
		skips:    map[string]*SkipView{},
	}
	for _, c := range notableChanges() {
		t.notable[c] = newTopN(examples, largerFile)
	}
	return t
}

// notableChanges are those of which examples are shown, the most alarming
// first.
func notableChanges() []plan.Change {
	return []plan.Change{plan.ChangeContent, plan.ChangeType, plan.ChangeMoved, plan.ChangeMetadata}
}

func allChanges() []plan.Change {
	return append([]plan.Change{plan.ChangeNew}, append(notableChanges(), plan.ChangeUnchanged, "")...)
}

func allActions() []plan.Action {
	return []plan.Action{plan.ActionCopy, plan.ActionLink, plan.ActionMkdir, plan.ActionSymlink, plan.ActionSkip}
}

func largerFile(a, b FileView) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Raw(), b.Raw()))
}

// judge looks at any entry.
func (t *sourceTally) judge(e *plan.Entry) {
	t.watch.entry(e)
	if e.Action == plan.ActionSkip {
		t.partial = t.partial || unstorable(e.Reason)
		t.changes = t.changes || e.InParent
	} else if e.Change != plan.ChangeUnchanged {
		t.changes = true
	}
}

// judgeDeleted looks at any path that is gone.
func (t *sourceTally) judgeDeleted(path string) {
	t.watch.deleted(path)
	t.changes = true
}

// entry counts a selected entry.
func (t *sourceTally) entry(e *plan.Entry) {
	t.count(e)
	switch e.Action {
	case plan.ActionCopy:
		t.largest.offer(fileView(e))
		t.copied.add(e.Path, e.Size)
	case plan.ActionSkip:
		t.skip(e)
	}
	if top := t.notable[e.Change]; top != nil {
		top.offer(fileView(e))
	}
}

func (t *sourceTally) count(e *plan.Entry) {
	switch e.Action {
	case plan.ActionCopy:
		addTo(&t.selected.Copy, e.Size)
	case plan.ActionLink:
		addTo(&t.selected.Link, e.Size)
	case plan.ActionSkip:
		addTo(&t.selected.Skip, e.Size)
	case plan.ActionMkdir:
		t.selected.Mkdir++
	case plan.ActionSymlink:
		t.selected.Symlink++
	}
	if k := (became{e.Action, e.Change}); t.lastOf == nil || t.last != k {
		if t.byAction[k] == nil {
			t.byAction[k] = &plan.Count{}
		}
		t.last, t.lastOf = k, t.byAction[k]
	}
	addTo(t.lastOf, e.Size)
}

func addTo(c *plan.Count, size int64) {
	c.Files++
	c.Bytes += size
}

func fileView(e *plan.Entry) FileView {
	v := FileView{Path: NewPath(e.Path), Bytes: e.Size, Change: e.Change, Reason: e.Reason}
	if e.Change == plan.ChangeMoved && e.Action == plan.ActionLink {
		from := NewPath(e.Target)
		v.From = &from
	}
	return v
}

func (t *sourceTally) skip(e *plan.Entry) {
	reason := e.Reason
	if t.skips[reason] == nil && len(t.skips) >= maxSkipReasons {
		reason = skipClass(reason)
	}
	s := t.skips[reason]
	if s == nil {
		s = &SkipView{Reason: reason}
		t.skips[reason] = s
	}
	s.Files++
	s.Bytes += e.Size
	if e.InParent {
		s.InParent++
	}
	if len(s.Examples) < examples {
		s.Examples = append(s.Examples, NewPath(e.Path))
	}
}

func (t *sourceTally) delete(path string) {
	t.selected.Deleted++
	t.lost.add(path, 1)
	if len(t.deleted) < examples {
		t.deleted = append(t.deleted, NewPath(path))
	}
}

// skipClasses are the words that skip reasons begin with, in the order of
// how much they should worry a reviewer.
func skipClasses() []string {
	return []string{
		"unreadable", "name", "vanished", "too large",
		"device", "socket", "fifo", "other filesystem", "excluded",
	}
}

// skipClass returns the word that a reason begins with, or "other".
func skipClass(reason string) string {
	if i := skipRank(reason); i < len(skipClasses()) {
		return skipClasses()[i]
	}
	return "other"
}

func skipRank(reason string) int {
	for i, class := range skipClasses() {
		if strings.HasPrefix(reason, class) {
			return i
		}
	}
	return len(skipClasses())
}

// unstorable reports whether a skip for this reason leaves out a path that
// was meant to be stored.
func unstorable(reason string) bool {
	class := skipClass(reason)
	return class == "unreadable" || class == "name"
}

// summarize fills the source's summary with what was counted.
func (t *sourceTally) summarize(s *SourceSummary, top int) {
	s.ByAction = t.actions()
	s.LargestCopies = append([]FileView{}, t.largest.items...)
	s.Directories = directoryViews(t.copied, top)
	s.Changes = t.changeViews()
	s.Deleted = DeletedView{Files: t.selected.Deleted, Examples: append([]Path{}, t.deleted...)}
	if s.Deleted.Files > int64(len(t.deleted)) {
		for _, v := range directoryViews(t.lost, top) {
			v.Bytes = 0 // not known any more
			s.Deleted.Directories = append(s.Deleted.Directories, v)
		}
	}
	s.Skipped = t.skipViews()
	s.Alarms = t.watch.alarms()
	s.copied = t.copied
}

func directoryViews(r *rollup, top int) []DirectoryView {
	views := []DirectoryView{}
	for _, share := range r.shares(top) {
		v := DirectoryView{Files: share.files, Bytes: share.size, Rest: share.rest, Other: share.path == ""}
		if !v.Other {
			v.Path = NewPath(share.path)
		}
		views = append(views, v)
	}
	return views
}

func (t *sourceTally) actions() []ActionView {
	views := []ActionView{}
	for _, action := range allActions() {
		v := ActionView{Action: action}
		for _, change := range allChanges() {
			c := t.byAction[became{action, change}]
			if c == nil {
				continue
			}
			v.Files, v.Bytes = v.Files+c.Files, v.Bytes+c.Bytes
			if change != "" {
				v.ByChange = append(v.ByChange, ChangeCountView{Change: change, Files: c.Files, Bytes: c.Bytes})
			}
		}
		if v.Files > 0 {
			views = append(views, v)
		}
	}
	return views
}

func (t *sourceTally) changeViews() []ChangeView {
	views := []ChangeView{}
	for _, change := range notableChanges() {
		v := ChangeView{Change: change, Examples: t.notable[change].items}
		for _, action := range allActions() {
			if c := t.byAction[became{action, change}]; c != nil {
				v.Files, v.Bytes = v.Files+c.Files, v.Bytes+c.Bytes
			}
		}
		if v.Files > 0 {
			views = append(views, v)
		}
	}
	return views
}

func (t *sourceTally) skipViews() []SkipView {
	views := []SkipView{}
	for _, s := range t.skips {
		views = append(views, *s)
	}
	slices.SortFunc(views, func(a, b SkipView) int {
		return cmp.Or(cmp.Compare(skipRank(a.Reason), skipRank(b.Reason)),
			cmp.Compare(b.Files, a.Files), strings.Compare(a.Reason, b.Reason))
	})
	return views
}
