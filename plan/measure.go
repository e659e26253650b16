package plan

import (
	"fmt"
	"strconv"

	"phlb/internal/catalog"
	"phlb/internal/meta"
)

// measure is what the guards and skip_if_unchanged ask of a source when all of
// it is decided.
type measure struct {
	parent  int64 // regular files of the parent snapshot
	gone    int64 // of these: nothing, or nothing of the kind, is there any more
	moved   int64 // of those gone: to another path
	changed int64 // of the parent's: with other content
	differs bool  // a new snapshot would not be like the parent
}

// record counts a record of the parent.
func (m *measure) record(rec *catalog.Record) {
	if rec.Kind == meta.File {
		m.parent++
	}
}

// deleted counts a record of the parent of which the source has nothing.
func (m *measure) deleted(rec *catalog.Record) {
	m.differs = true
	if rec.Kind == meta.File {
		m.gone++
	}
}

// entry counts a decided entry.
func (m *measure) entry(it *item) {
	wasFile := it.known && it.rec.Kind == meta.File
	if it.Action == ActionSkip {
		// What the parent has and this snapshot would not is a difference, but
		// only what is certain not to be there any more is gone.
		m.differs = m.differs || it.known
		if wasFile && (it.Reason == reasonVanished || special(it.info.Kind)) {
			m.gone++
		}
		return
	}
	m.differs = m.differs || it.Change != ChangeUnchanged
	switch {
	case it.Change == ChangeMoved:
		m.moved++
	case wasFile && it.Change == ChangeType:
		m.gone++
	case wasFile && it.Change == ChangeContent:
		m.changed++
	}
}

// special reports whether a kind is one that no snapshot holds.
func special(k meta.Kind) bool { return k == meta.Socket || k == meta.Fifo || k == meta.Device }

// measured records the outcomes of the guards that look at a whole source.
func (s *sourceBuild) measured() {
	if least := s.Settings.Require.MinFiles; least > 0 {
		t := s.spool.Totals()
		files := t.Copy.Files + t.Link.Files
		detail := fmt.Sprintf("the source has %d files", files)
		if files == 1 {
			detail = "the source has 1 file"
		}
		if files < least {
			detail += fmt.Sprintf(", fewer than %d: is something not mounted?", least)
		}
		s.guard(Guard{Name: guardMinFiles, Limit: least, Detail: detail}, files >= least)
	}
	m := &s.measure
	s.share(guardMaxDeleted, "gone", "--action deleted", s.Settings.Guards.MaxDeletedPercent, max(m.gone-m.moved, 0))
	s.share(guardMaxChanged, "changed in content", "--change content", s.Settings.Guards.MaxChangedPercent, m.changed)
}

// share records the outcome of a guard against too many of the parent's files.
func (s *sourceBuild) share(name, became, filter string, limit *float64, count int64) {
	if limit == nil {
		return
	}
	g := Guard{Name: name, Limit: *limit, Detail: "there is no snapshot to compare with"}
	if s.Parent == nil {
		s.guard(g, true)
		return
	}
	g.Count, g.Of = count, s.measure.parent
	g.Detail = fmt.Sprintf("%d of the %d files of %s are %s", count, g.Of, *s.Parent, became)
	if g.Of > 0 {
		g.Detail += " (" + strconv.FormatFloat(float64(count)*100/float64(g.Of), 'g', 3, 64) + " %)"
	}
	passed := !TooMany(count, g.Of, *limit)
	if !passed {
		g.Detail += "; see which with phlb show --entries " + filter
	}
	s.guard(g, passed)
}

// skipUnchanged takes the new snapshot out of the plan if it would be like the
// parent and the manifest wants none then. Nothing is done with its entries,
// so there are none either.
func (s *sourceBuild) skipUnchanged() {
	if !s.Settings.SkipIfUnchanged || s.Parent == nil || s.measure.differs || s.tripped() {
		return
	}
	s.Snapshot = ""
	s.spool, s.need = NewSpool(), need{}
	s.planned.forget(s)
	if show := s.opts.Observer.Source; show != nil {
		show(s.Name) // begins anew
	}
}
