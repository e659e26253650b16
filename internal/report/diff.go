package report

import (
	"fmt"
	"io"
	"strings"

	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapdiff"
)

// Diff writes what changed between two snapshots, a line a path: paths are
// never shortened, so that the list can be searched.
func Diff(w io.Writer, s Style, d *snapdiff.Diff) error {
	p := newPage(w, s)
	p.section("From %s to %s", Name(d.Summary.First), Name(d.Summary.Second))
	for i := range d.Entries {
		e := &d.Entries[i]
		p.line("%s%s  %9s  %s", tableIndent, p.paint(changeColor(e.Change), fmt.Sprintf("%-8s", e.Change)), diffSize(e), diffLine(s, e))
	}
	diffCounts(p, &d.Summary)
	for _, n := range d.Summary.Notices {
		p.line("%s", p.paint(yellow, text(n)))
	}
	if n := d.Summary.Unreadable; n > 0 {
		p.line("%s", p.paint(red, counted(n, "path", "paths")+" could not be compared:"))
		for _, e := range d.Summary.Errors[:min(examples, len(d.Summary.Errors))] {
			p.line("%s%s", tableIndent, text(e))
		}
		p.more(min(examples, len(d.Summary.Errors)), n)
	}
	return p.flush()
}

func changeColor(c snapdiff.Change) color {
	switch c {
	case snapdiff.Added:
		return green
	case snapdiff.Removed:
		return red
	}
	return yellow
}

func diffSize(e *snapdiff.Entry) string {
	s := e.New
	if s == nil {
		s = e.Old
	}
	if s.Kind != meta.File {
		return ""
	}
	return Bytes(s.Size)
}

// diffLine names the path, a directory with a slash behind, and what differs.
func diffLine(style Style, e *snapdiff.Entry) string {
	s := e.New
	if s == nil {
		s = e.Old
	}
	path := e.Path
	if s.Kind == meta.Dir {
		path += "/"
	}
	line := Name(path)
	if e.From != "" {
		line = Name(e.From) + " -> " + line
	}
	if details := diffDetails(style, e); len(details) > 0 {
		line += " (" + strings.Join(details, ", ") + ")"
	}
	return line
}

func diffDetails(style Style, e *snapdiff.Entry) (details []string) {
	if e.Old == nil || e.New == nil {
		return nil
	}
	a, b := e.Old, e.New
	switch {
	case e.Change == snapdiff.Type:
		return []string{a.Kind.String() + " -> " + b.Kind.String()}
	case e.Change != snapdiff.Changed:
	case a.Kind == meta.Symlink:
		return []string{Name(a.Target) + " -> " + Name(b.Target)}
	case a.Size != b.Size:
		details = append(details, "was "+Bytes(a.Size))
	}
	for _, what := range e.Differs {
		// That the time changed with the content goes without saying.
		if e.Change != snapdiff.Changed || what != "mtime" {
			details = append(details, diffDetail(style, what, a, b))
		}
	}
	return details
}

func diffDetail(style Style, what string, a, b *listing.State) string {
	switch what {
	case "mode":
		return fmt.Sprintf("mode %04o -> %04o", a.Mode, b.Mode)
	case "owner":
		return fmt.Sprintf("owner %d:%d -> %d:%d", a.UID, a.GID, b.UID, b.GID)
	case "mtime":
		before, after := style.clock(a.Mtime, toSecond), style.clock(b.Mtime, toSecond)
		if before == after {
			before, after = style.clock(a.Mtime, toNanosecond), style.clock(b.Mtime, toNanosecond)
		}
		return "time " + before + " -> " + after
	}
	return what
}

func diffCounts(p *page, s *snapdiff.Summary) {
	p.gap()
	if !s.Different() {
		if s.Unreadable == 0 {
			p.line("%s", p.paint(green, "No differences."))
		}
		return
	}
	var rows [][]string
	for _, c := range snapdiff.Changes() {
		if n := s.Counts[c]; n.Entries > 0 {
			rows = append(rows, []string{string(c), Count(n.Entries), Bytes(n.Bytes)})
		}
	}
	p.table([]column{left("change"), right("paths"), right("size")}, rows)
}
