package report

import (
	"io"
	"slices"

	"phlb/internal/repair"
	"phlb/verify"
)

// Repair writes what was repaired, or would be, and what damage is left, every
// path of it. Its JSON form is the result itself.
func Repair(w io.Writer, s Style, r *repair.Result) error {
	p := newPage(w, s)
	p.line("Checked %s: %s, %s read (%s) in %s", counted(r.Snapshots, "snapshot", "snapshots"),
		files(r.Files), files(r.Inodes), Bytes(r.Bytes), Duration(r.Duration))
	if len(r.Repaired) > 0 {
		title := "Repaired"
		if r.DryRun {
			title = "Would be repaired"
		}
		p.section("%s", title)
		for i := range r.Repaired {
			repairLines(p, &r.Repaired[i])
		}
	}
	remainingLines(p, r)
	p.gap()
	repairVerdict(p, r)
	return p.flush()
}

// repairLines writes a line a path, the first with where the content is from.
func repairLines(p *page, r *repair.Repair) {
	from := r.From.Path
	if r.From.Source != "" {
		from = r.From.Source + "/" + from
	}
	note := " (" + Bytes(r.Size) + ") from " + Name(string(from))
	if r.Resumed {
		note += ", begun by an interrupted run"
	}
	if r.MetadataNotKept {
		note += "; not all of its metadata could be kept"
	}
	for i, path := range r.Paths {
		if i > 0 {
			note = ""
		}
		p.line("  %s", Name(string(path))+note)
	}
}

func remainingLines(p *page, r *repair.Result) {
	if !r.IsDamaged() {
		return
	}
	p.section("Not repaired")
	all := damages(r.Remaining)
	p.table([]column{left("kind"), right("paths"), right("stored files")}, kindRows(all))
	p.gap()
	for _, d := range all {
		d.list(p)
	}
	if r.RemainingOmitted > 0 {
		p.line("  %s beyond these were only counted.", counted(r.RemainingOmitted, "finding", "findings"))
	}
}

func repairVerdict(p *page, r *repair.Result) {
	if n := int64(len(r.Repaired)); n > 0 {
		did := "Repaired "
		if r.DryRun {
			did = "Would repair "
		}
		line := did + files(n) + " under " + counted(r.Paths(), "path", "paths") + "."
		if r.Record != "" {
			line += " The record is " + r.Record + "."
		}
		p.line("%s", p.paint(green, line))
	}
	switch n := int64(len(r.Remaining)) + r.RemainingOmitted; {
	case n > 0:
		p.line("%s", p.paint(red, "DAMAGE REMAINS: "+counted(n, "finding", "findings")+"."))
		remainingHint(p, r.Remaining)
	case len(r.Repaired) == 0:
		p.line("%s", p.paint(green, "No damage found."))
	}
}

// remainingHint tells what else can help.
func remainingHint(p *page, list []verify.Finding) {
	isUnlisted := func(f verify.Finding) bool { return f.Kind == verify.Unlisted }
	if slices.ContainsFunc(list, isUnlisted) {
		p.line("`phlb rebuild` adds missing SHA256SUMS lines.")
	}
}
