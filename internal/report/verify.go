package report

import (
	"io"
	"strings"

	"phlb/verify"
)

// Verify writes what a verification found, every path of it. Its JSON form is
// the result itself.
func Verify(w io.Writer, s Style, r *verify.Result) error {
	p := newPage(w, s)
	verifyCounts(p, r)
	findingTables(p, r)
	p.gap()
	cacheLine(p, r)
	verdictLine(p, r)
	return p.flush()
}

// cacheLine tells what to do about catalogues that cannot be used.
func cacheLine(p *page, r *verify.Result) {
	if n := int64(len(r.Findings)) + r.FindingsOmitted - r.Damages(); n > 0 {
		p.line("%s", p.paint(yellow, counted(n, "catalogue", "catalogues")+
			" cannot be used, which harms no snapshot; `phlb rebuild` mends that."))
	}
}

func verifyCounts(p *page, r *verify.Result) {
	p.line("Verified %s: %s in %s, %s read (%s) in %s",
		counted(r.Snapshots, "snapshot", "snapshots"), files(r.Files),
		counted(r.Directories, "directory", "directories"),
		files(r.Inodes), Bytes(r.Bytes), Duration(r.Duration))
	if r.NotSampled > 0 {
		p.line("Not in the sample: %s", files(r.NotSampled))
	}
	if r.Incomplete {
		p.line("%s", p.paint(yellow, "The time was up before everything was checked."))
	}
}

func verdictLine(p *page, r *verify.Result) {
	if !r.Damaged() {
		p.line("%s", p.paint(green, "No damage found."))
		return
	}
	p.line("%s", p.paint(red, "DAMAGE: "+counted(r.Damages(), "finding", "findings")+"."))
}

// damage is the findings of one kind about one stored file: one damaged
// inode shows up in every snapshot that links to it.
type damage struct {
	first *verify.Finding
	more  []*verify.Finding
}

func (d *damage) paths() int64 { return 1 + int64(len(d.more)) }

// damages groups findings, in the order of their first one.
func damages(findings []verify.Finding) []*damage {
	type key struct {
		kind  verify.Kind
		inode uint64
	}
	groups := map[key]*damage{}
	var all []*damage
	for i := range findings {
		f := &findings[i]
		k := key{f.Kind, f.Inode}
		if d := groups[k]; d != nil && f.Inode != 0 {
			d.more = append(d.more, f)
			continue
		}
		d := &damage{first: f}
		groups[k] = d
		all = append(all, d)
	}
	return all
}

func findingTables(p *page, r *verify.Result) {
	if len(r.Findings) == 0 {
		return
	}
	all := damages(r.Findings)
	p.section("Findings")
	p.table([]column{left("kind"), right("paths"), right("stored files")}, kindRows(all))
	p.gap()
	for _, d := range all {
		d.list(p)
	}
	if r.FindingsOmitted > 0 {
		p.line("  %s beyond these were only counted.", counted(r.FindingsOmitted, "finding", "findings"))
	}
}

// list writes a line a path: the first with what is wrong, the others below
// it with what differs.
func (d *damage) list(p *page) {
	color := red
	if !d.first.IsDamage() {
		color = yellow
	}
	kind := text(string(d.first.Kind)) + "  "
	p.line("  %s", p.paint(color, kind+findingLine(d.first, "")))
	indent := strings.Repeat(" ", width(kind))
	for _, f := range d.more {
		p.line("  %s", p.paint(color, indent+findingLine(f, d.first.Detail)))
	}
}

// findingLine names the path, and the detail where it is not the known one.
func findingLine(f *verify.Finding, known string) string {
	path := f.Snapshot
	if f.Path != "." {
		path += "/" + f.Path
	}
	if f.Detail == known {
		return Name(path)
	}
	return Name(path) + ": " + text(f.Detail)
}

// kindRows counts paths and stored files by kind, in the order of the first
// finding of each.
func kindRows(all []*damage) [][]string {
	type count struct{ paths, stored int64 }
	counts := map[verify.Kind]*count{}
	var kinds []verify.Kind
	for _, d := range all {
		c := counts[d.first.Kind]
		if c == nil {
			c = &count{}
			counts[d.first.Kind] = c
			kinds = append(kinds, d.first.Kind)
		}
		c.paths += d.paths()
		if d.first.Inode != 0 {
			c.stored++
		}
	}
	var rows [][]string
	for _, kind := range kinds {
		stored := ""
		if n := counts[kind].stored; n > 0 {
			stored = Count(n)
		}
		rows = append(rows, []string{text(string(kind)), Count(counts[kind].paths), stored})
	}
	return rows
}

// Rebuild writes what a rebuild found and did. Its JSON form is the result
// itself.
func Rebuild(w io.Writer, s Style, r *verify.RebuildResult) error {
	p := newPage(w, s)
	verifyCounts(p, &r.Result)
	if r.RootCreated {
		p.line("root.json was missing or damaged and has been made anew.")
	}
	p.gap()
	p.table(
		[]column{left(""), right("kept"), right("added"), right("repaired"), right("removed")},
		[][]string{
			lookupRow("size lookups", r.Sizes),
			lookupRow("hash lookups", r.Hashes),
			{"catalogues", Count(r.Catalogs.Kept), Count(r.Catalogs.Written), Count(r.Catalogs.Replaced), Count(r.Catalogs.Removed)},
		})
	if r.Sums.Files > 0 {
		p.line("  Added %s to %s; nothing on record confirms %s of them.",
			counted(r.Sums.Vouched+r.Sums.Unvouched, "line", "lines"),
			counted(r.Sums.Files, "SHA256SUMS file", "SHA256SUMS files"), Count(r.Sums.Unvouched))
	}
	strayList(p, r)
	rebuildErrors(p, r)
	findingTables(p, &r.Result)
	p.gap()
	verdictLine(p, &r.Result)
	return p.flush()
}

func lookupRow(what string, c verify.LookupCounts) []string {
	return []string{what, Count(c.Kept), Count(c.Added), Count(c.Repaired), Count(c.Removed)}
}

func strayList(p *page, r *verify.RebuildResult) {
	if len(r.Strays) == 0 {
		return
	}
	all := int64(len(r.Strays)) + r.StraysOmitted
	p.section("Left alone, for they belong to nothing: %s", counted(all, "path", "paths"))
	for _, s := range r.Strays[:min(examples, len(r.Strays))] {
		p.line("  %s", Name(string(s)))
	}
	p.more(examples, all)
}

func rebuildErrors(p *page, r *verify.RebuildResult) {
	if len(r.Errors) == 0 {
		return
	}
	all := int64(len(r.Errors)) + r.ErrorsOmitted
	p.section("Could not be written: %s", counted(all, "path", "paths"))
	for _, e := range r.Errors[:min(listed, len(r.Errors))] {
		p.line("  %s", p.paint(red, Name(e.Path)+": "+text(e.Err)))
	}
	p.more(listed, all)
}
