package report

import (
	"io"

	"phlb/verify"
)

// maxDifferences is how many paths are listed for people; JSON has them all.
const maxDifferences = 20

// Compare writes how a source differs from its snapshot, with the counts and
// nearly the words of PHLB. Its JSON form is the result itself.
func Compare(w io.Writer, s Style, r *verify.CompareResult) error {
	p := newPage(w, s)
	p.section("Compare complete: %s (total size %s)", Name(r.Snapshot), Bytes(r.TotalBytes))
	p.gap()
	p.line("  Total files processed: %s", Count(r.TotalFiles))
	p.line("   * Successful compared files: %s (%s)", Count(r.Successful), Bytes(r.SuccessfulBytes))
	p.line("   * New source files: %s", Count(r.NewInSource))
	p.line("   * File size mismatch: %s", Count(r.SizeDiffers))
	p.line("   * File hash mismatch: %s", Count(r.HashDiffers))
	p.line("   * Small (<1000 Bytes) files: %s", Count(r.Small))
	p.line("   * Missing in size DB: %s", Count(r.NotInSizeLookup))
	p.line("   * Missing in hash DB: %s", Count(r.NotInHashLookup))
	countLine(p, "Other type", r.TypeDiffers)
	countLine(p, "Other symlink target", r.SymlinkDiffers)
	countLine(p, "Gone from the source", r.GoneFromSource)
	countLine(p, "Skipped", r.Skipped)
	countLine(p, "Errors during compare", r.Errors)
	comparedTable(p, r)
	p.gap()
	if r.Different() {
		p.line("%s", p.paint(yellow, "The source differs from the snapshot."))
	} else if r.Errors == 0 {
		p.line("%s", p.paint(green, "The source is as in the snapshot."))
	}
	p.line("Took %s", Duration(r.Duration))
	return p.flush()
}

func comparedTable(p *page, r *verify.CompareResult) {
	if len(r.Paths) == 0 {
		return
	}
	p.gap()
	var rows [][]string
	for _, c := range r.Paths[:min(maxDifferences, len(r.Paths))] {
		rows = append(rows, []string{text(string(c.Difference)), Name(c.Path), text(c.Detail)})
	}
	p.table([]column{left("difference"), name("path"), name("detail")}, rows)
	p.more(len(rows), int64(len(r.Paths))+r.PathsOmitted)
}
