package report

import (
	"io"

	"phlb/internal/doctor"
)

// Doctor writes for people what a file system can do. Its JSON form is the
// report itself.
func Doctor(w io.Writer, s Style, r *doctor.Report) error {
	p := newPage(w, s)
	p.section("%s  (%s)", Name(r.Path), text(r.FileSystem))
	p.gap()
	columns := []column{left(""), left("check"), name("result"), name("detail")}
	if p.width() < narrow {
		columns = columns[:3]
	}
	var rows [][]string
	for _, f := range r.Findings {
		row := []string{levelMark(f.Level), text(f.Check), text(f.Result), text(f.Detail)}
		rows = append(rows, row[:len(columns)])
	}
	p.table(columns, rows)
	doctorDetails(p, r.Findings)
	p.gap()
	for _, v := range r.Verdicts {
		verdict(p, v)
	}
	return p.flush()
}

func levelMark(l doctor.Level) string {
	switch l {
	case doctor.OK:
		return "ok"
	case doctor.Warn:
		return "!"
	case doctor.Fail:
		return "!!"
	}
	return text(string(l))
}

// doctorDetails tells in full what speaks against a path, where the table has
// left it out or shortened it.
func doctorDetails(p *page, findings []doctor.Finding) {
	for _, f := range findings {
		fits := p.width() >= narrow && width(f.Detail) < p.width()/2
		if f.Level == doctor.OK || f.Detail == "" || fits {
			continue
		}
		p.gap()
		p.line("  %s", p.paint(levelColor(f.Level), text(f.Check)+": "+text(f.Result)))
		p.line("    %s", text(f.Detail))
	}
}

func levelColor(l doctor.Level) color {
	if l == doctor.Fail {
		return red
	}
	return yellow
}

func verdict(p *page, v doctor.Verdict) {
	purposes := map[string]string{doctor.BackupRoot: "As a backup root", doctor.Source: "As a source"}
	purpose, ok := purposes[v.Purpose]
	if !ok {
		purpose = text(v.Purpose)
	}
	line := p.paint(green, purpose+": good")
	if !v.Good {
		line = p.paint(red, purpose+": not good")
	}
	p.line("%s", line)
	for _, because := range v.Because {
		p.line("  - %s", text(because))
	}
}
