package report

import (
	"io"

	"phlb/internal/restore"
)

// Restore writes what became of a restore. Its JSON form is the result itself.
func Restore(w io.Writer, s Style, r *restore.Result) error {
	p := newPage(w, s)
	restoreHead(p, r)
	p.gap()
	p.line("  Files: %s (total %s)", Count(r.Restored.Files), Bytes(r.Restored.Bytes))
	countLine(p, "Further names of them (hard links)", r.Hardlinks)
	countLine(p, "Symbolic links", r.Symlinks)
	countLine(p, "Directories", r.Directories)
	if r.Unchanged.Files > 0 {
		p.line("  There already, the same: %s (%s)", files(r.Unchanged.Files), Bytes(r.Unchanged.Bytes))
	}
	countLine(p, "Replaced", r.Replaced)
	countLine(p, "Hard links that became copies", r.Taken)
	countLine(p, "Owner or attributes not kept", r.NotKept)
	problemList(p, red, "DAMAGED", r.Damaged)
	problemList(p, yellow, "Not restored", r.Failed)
	problemList(p, yellow, "Not verified", r.Unverified)
	countLine(p, "More paths with such errors", r.Unlisted)
	for _, note := range r.Notes {
		p.gap()
		p.line("  %s", p.paint(yellow, "Note: "+text(note)+"."))
	}
	restoreVerdict(p, r)
	return p.flush()
}

func restoreHead(p *page, r *restore.Result) {
	from := r.Snapshot
	if r.Path != "." {
		from += "/" + r.Path
	}
	verb := "Restored"
	switch {
	case r.DryRun:
		verb = "Would restore"
	case r.Status == restore.Failed:
		verb = "Restored in part"
	}
	p.section("%s %s to %s", verb, Name(from), Name(r.Target))
}

func problemList(p *page, c color, what string, all []restore.Problem) {
	if len(all) == 0 {
		return
	}
	p.gap()
	p.line("  %s", p.paint(c, what+": "+counted(int64(len(all)), "path", "paths")))
	for _, e := range all[:min(listed, len(all))] {
		mark := ""
		if e.Restored && c == red {
			mark = " (restored nevertheless)"
		}
		p.line("    %s: %s%s", Name(e.Path), text(e.Err), mark)
	}
	p.more(listed, int64(len(all)))
}

func restoreVerdict(p *page, r *restore.Result) {
	p.gap()
	switch {
	case r.Status == restore.Failed:
		p.line("%s", p.paint(red, "Not finished: "+text(r.Error)))
		p.line("What was restored is whole. The same command with --overwrite finishes it.")
	case r.DryRun:
		p.line("Nothing was written, and no content was read.")
	case r.IsDamaged():
		p.line("%s", p.paint(red, "DAMAGE: some content in the snapshot is not what was backed up. `phlb verify` tells what else is affected."))
		p.line("An older snapshot may hold it whole (`phlb history`), `phlb repair` looks for a good copy, and --allow-damaged restores it as it is.")
	case r.IsIncomplete():
		p.line("%s", p.paint(yellow, "Not everything could be restored and verified."))
	case r.Unchanged.Files > 0 && r.Restored.Files == 0:
		p.line("%s", p.paint(green, "Everything was there already, and verified."))
	default:
		p.line("%s", p.paint(green, "Everything was verified."))
	}
	p.line("Took %s%s", Duration(r.End.Sub(r.Start)), phaseWords(r.Durations))
}
