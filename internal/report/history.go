package report

import (
	"io"

	"phlb/internal/history"
	"phlb/internal/meta"
)

// hashDigits is how many digits of a hash are shown to people.
const hashDigits = 16

// History writes the versions of each path, the oldest first.
func History(w io.Writer, s Style, r *history.Result) error {
	p := newPage(w, s)
	for i := range r.Paths {
		historyPath(p, r, &r.Paths[i])
	}
	p.gap()
	for _, n := range r.Notices {
		p.line("%s", p.paint(yellow, text(n)))
	}
	p.line("%s in %s of %s.", counted(int64(len(r.Paths)), "path", "paths"),
		counted(int64(len(r.Times)), "snapshot", "snapshots"), Name(r.Name))
	return p.flush()
}

func historyPath(p *page, r *history.Result, path *history.Path) {
	p.section("%s", Name(path.Path))
	absent := r.Absent(path)
	for i := range path.Versions {
		v := &path.Versions[i]
		p.line("%s%s  %9s  %-*s  %s", tableIndent, p.clock(v.Mtime, toSecond), versionSize(v), hashDigits, versionWhat(v), rows(r.Snapshots(v)))
	}
	if len(absent) > 0 {
		p.line("%snot in %s", tableIndent, rows(absent))
	}
}

func versionSize(v *history.Version) string {
	if v.Kind != meta.File {
		return ""
	}
	return Bytes(v.Size)
}

// versionWhat tells a version apart from others.
func versionWhat(v *history.Version) string {
	switch {
	case v.Kind == meta.Symlink:
		return "-> " + Name(v.Target)
	case v.Kind != meta.File:
		return v.Kind.String()
	case v.SHA256.IsZero():
		return "unreadable"
	}
	return v.SHA256.String()[:hashDigits]
}

// rows shortens a list of snapshots to how many there are, the first and the
// last.
func rows(times []string) string {
	n := len(times)
	switch n {
	case 0:
		return ""
	case 1:
		return times[0]
	case 2:
		return times[0] + ", " + times[1]
	}
	return times[0] + " " + ellipsis + " " + times[n-1] + " (" + Count(int64(n)) + ")"
}

// historyPathJSON is a path in JSON.
type historyPathJSON struct {
	Path
	Versions []versionJSON `json:"versions"`
	Absent   []string      `json:"absent"`
}

type versionJSON struct {
	*stateJSON
	Snapshots []string `json:"snapshots"`
}

type historyHead struct {
	Name      string   `json:"name"`
	Snapshots []string `json:"snapshots"`
}

type historyRest struct {
	Unreadable int64    `json:"unreadable"`
	Notices    []string `json:"notices,omitempty"`
}

// HistoryJSON writes the versions as one JSON document, a path a line.
func HistoryJSON(w io.Writer, r *history.Result) error {
	return writeLines(w, &historyHead{r.Name, r.Times}, "paths", func(line func(any) error) error {
		for i := range r.Paths {
			p := &r.Paths[i]
			j := historyPathJSON{Path: NewPath(p.Path), Versions: []versionJSON{}, Absent: r.Absent(p)}
			if j.Absent == nil {
				j.Absent = []string{}
			}
			for k := range p.Versions {
				j.Versions = append(j.Versions, versionJSON{newState(&p.Versions[k].State), r.Snapshots(&p.Versions[k])})
			}
			if err := line(&j); err != nil {
				return err
			}
		}
		return nil
	}, &historyRest{r.Unreadable, r.Notices})
}
