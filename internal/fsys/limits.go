package fsys

import (
	"slices"
	"strings"
	"unicode"
)

// Limit is one thing that a file system cannot hold. Its text is what doctor
// calls the check that would find it out by trying.
type Limit string

// The limits that can be known without writing anything.
const (
	LimitCase     Limit = "case_folding"    // names that differ only in case are one
	LimitNames    Limit = "names"           // those that DOS did not allow are refused or changed
	LimitLinks    Limit = "hard_links"      // there are none
	LimitSymlinks Limit = "symlinks"        // there are none
	LimitXattrs   Limit = "xattrs"          // there are none, ACLs among them
	LimitModes    Limit = "modes"           // modes and owners are not kept
	LimitTimes    Limit = "time_resolution" // times are cut to a second or so
)

// Limits returns what is known that the directory's file system cannot hold,
// without writing to it: what its type is known for, and what shows in the
// directory itself. What is not in the list may still turn out not to work.
func (d *Dir) Limits() []Limit {
	var limits []Limit
	if info, err := d.FS(); err == nil {
		limits = slices.Clone(limitsOfType(info.Type))
	}
	if !slices.Contains(limits, LimitCase) && (d.flaggedFolding() || d.showsFolding()) {
		limits = append(limits, LimitCase)
	}
	if !slices.Contains(limits, LimitXattrs) && d.refusesXattrs() {
		limits = append(limits, LimitXattrs)
	}
	return limits
}

// limitsOfType leaves out what depends on the server or on mount options.
func limitsOfType(fsType string) []Limit {
	switch fsType {
	case "vfat", "msdos", "msdosfs", "exfat":
		return []Limit{LimitCase, LimitNames, LimitLinks, LimitSymlinks, LimitXattrs, LimitModes, LimitTimes}
	}
	return nil
}

// showsFolding looks for an entry under another spelling of its name, by which
// it is not listed.
func (d *Dir) showsFolding() bool {
	list, err := d.reopened((*Dir).ReadDir)
	if err != nil {
		return false
	}
	for _, e := range list {
		other := strings.Map(swapCase, e.Name)
		if other == e.Name || slices.ContainsFunc(list, func(o DirEntry) bool { return o.Name == other }) {
			continue
		}
		_, err := d.Lstat(other)
		return err == nil // one is enough to tell
	}
	return false
}

// swapCase is for ASCII letters, which every file system that folds case
// folds.
func swapCase(r rune) rune {
	switch {
	case r >= 'a' && r <= 'z':
		return unicode.ToUpper(r)
	case r >= 'A' && r <= 'Z':
		return unicode.ToLower(r)
	}
	return r
}

// reopened calls f on a descriptor of its own: a listing moves a position.
func (d *Dir) reopened(f func(*Dir) ([]DirEntry, error)) ([]DirEntry, error) {
	own, err := d.OpenDirAt(".")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	return f(own)
}
