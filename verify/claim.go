package verify

import "phlb/internal/digest"

// claim is one path of an inode, with what is on record for it.
type claim struct {
	dir      *directory
	name     string
	key      inodeKey
	size     int64
	isTabled bool       // its inode is in the table
	lines    recorded   // none: SHA256SUMS does not list it
	record   digest.Sum // zero: no catalogue has it
	stray    string     // why the catalogue knows no such file; "": it does, or there is none
}

// finding begins a finding about the claim's file.
func (c *claim) finding(kind Kind) Finding {
	return Finding{Kind: kind, Snapshot: c.dir.tree.name, Path: join(c.dir.path, c.name), Inode: c.key.ino}
}

// isGap reports whether SHA256SUMS lacks a line for the file.
func (c *claim) isGap() bool { return !c.lines.isListed && c.dir.isJudgable }

// reportUnlisted reports a file without a line, once, whether or not the
// catalogue knows it.
func (c *claim) reportUnlisted() {
	f := c.finding(Unlisted)
	f.key, f.Detail = c.key, c.stray
	c.dir.findings.add(f)
}

// reportStray reports a file with a line that the catalogue does not know.
func (c *claim) reportStray() {
	if c.stray == "" {
		return
	}
	f := c.finding(Catalog)
	f.Detail = c.stray
	c.dir.findings.add(f)
}
