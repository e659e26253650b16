package report

import (
	"io"
	"strings"

	"phlb/internal/survey"
)

// Snapshots writes a table of snapshots for each name. Its JSON form is the
// result itself.
func Snapshots(w io.Writer, s Style, r *survey.Result) error {
	p := newPage(w, s)
	for list := r.Snapshots; len(list) > 0; {
		n := 1
		for n < len(list) && list[n].Name == list[0].Name {
			n++
		}
		snapshotTable(p, list[:n])
		list = list[n:]
	}
	p.gap()
	p.line("%s; the root holds %s in %s.", counted(int64(len(r.Snapshots)), "snapshot", "snapshots"),
		Bytes(r.StoredBytes), counted(r.StoredFiles, "stored file", "stored files"))
	snapshotNotices(p, r)
	return p.flush()
}

func snapshotTable(p *page, list []survey.Snapshot) {
	p.section("%s", Name(list[0].Name))
	columns := []column{left("snapshot"), right("files"), right("size"), right("only here"), left("status"), left("")}
	judged := false
	for i := range list {
		judged = judged || list[i].Reasons != nil
	}
	if judged {
		columns = append(columns, left("kept by"))
	}
	var rows [][]string
	for i := range list {
		row := snapshotRow(p, &list[i])
		if judged {
			row = append(row, keptBy(list[i].Reasons))
		}
		rows = append(rows, row)
	}
	p.table(columns, rows)
}

func snapshotRow(p *page, s *survey.Snapshot) []string {
	status, pinned := s.Status, ""
	if !s.IsComplete() {
		status = p.paint(yellow, status)
	}
	if s.Pinned {
		pinned = "pinned"
	}
	return []string{
		strings.TrimPrefix(s.Snapshot, s.Name+"/"), Count(s.Files), Bytes(s.Bytes), Bytes(s.UniqueBytes), status, pinned,
	}
}

// keptBy lists why the policy would keep a snapshot.
func keptBy(reasons []string) string {
	switch {
	case reasons == nil: // nobody asked
		return ""
	case len(reasons) == 0:
		return "nothing: it would be pruned"
	}
	return text(strings.Join(reasons, ", "))
}

// snapshotNotices tells what is odd, the same words once.
func snapshotNotices(p *page, r *survey.Result) {
	of := map[string][]string{}
	var notices []string
	for i := range r.Snapshots {
		s := &r.Snapshots[i]
		if s.Notice == "" {
			continue
		}
		if of[s.Notice] == nil {
			notices = append(notices, s.Notice)
		}
		of[s.Notice] = append(of[s.Notice], s.Snapshot)
	}
	for _, n := range notices {
		list := of[n]
		what := Name(list[0])
		if len(list) > 1 {
			what += " and " + Count(int64(len(list)-1)) + " more"
		}
		p.line("%s", p.paint(yellow, what+": "+text(n)))
	}
	for _, n := range r.Notices {
		p.line("%s", p.paint(yellow, text(n)))
	}
}
