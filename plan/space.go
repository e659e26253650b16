package plan

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"phlb/internal/fsys"
)

// need is what a plan takes of the destination.
type need struct {
	bytes    int64
	inodes   int64
	contents int64 // new ones that get entries in the lookups
}

// Parts of the space estimate that no entry tells.
const (
	allocationUnit = 4096 // bytes that a file's last block may waste
	sidecarInodes  = 8    // log, report, summary, catalogue and their directories
	recordBytes    = 100  // of a catalogue and a SHA256SUMS line, compressed and not
	statBlock      = 512  // bytes in a unit of meta.Info.Blocks
	// lookupFanOut is the number of subdirectories of one directory of the
	// hash lookup, and lookupDirs how many there can be at its second level.
	lookupFanOut = 256
	lookupDirs   = lookupFanOut * lookupFanOut
)

// take counts an entry's part of the space. Of a sparse file only what is
// allocated is copied.
func (n *need) take(e *Entry, blocks, threshold int64) {
	n.bytes += recordBytes
	switch e.Action {
	case ActionCopy:
		size := min(e.Size, blocks*statBlock)
		n.bytes += (size + allocationUnit - 1) / allocationUnit * allocationUnit
		n.inodes++
		if e.Size >= threshold {
			n.contents++
		}
	case ActionMkdir:
		n.bytes += 2 * allocationUnit
		n.inodes += 2 // itself and its SHA256SUMS
	case ActionSymlink:
		n.inodes++
	}
}

// checkSpace compares what all copies need with what is free.
func (b *build) checkSpace(p *Plan) error {
	var sum need
	for _, s := range b.sources {
		if s.Snapshot != "" {
			sum.bytes, sum.inodes, sum.contents = sum.bytes+s.need.bytes, sum.inodes+s.need.inodes+sidecarInodes, sum.contents+s.need.contents
		}
	}
	if sum.inodes == 0 {
		return nil // no snapshot is made
	}
	free, err := b.freeSpace()
	if err != nil {
		return err
	}
	bytes, inodes := b.lookupSpace(sum.contents)
	bytes += sum.bytes
	inodes += sum.inodes
	enough := bytes <= free.Free && (free.Inodes == 0 || inodes <= free.FreeInode)
	detail := fmt.Sprintf("needs up to %s and %d inodes", humanize.IBytes(uint64(bytes)), inodes)
	if !enough {
		// Only now: what is free changes all the time, and two plans of one
		// state are to be equal.
		detail += fmt.Sprintf("; free are %s", humanize.IBytes(uint64(max(free.Free, 0))))
		if free.Inodes > 0 {
			detail += fmt.Sprintf(" and %d inodes", free.FreeInode)
		}
	}
	space := b.outcome(Guard{Name: guardSpace, Limit: bytes, Detail: detail}, enough)
	for i := range p.Sources {
		if s := &p.Sources[i]; s.Snapshot != "" {
			s.Guards = append(s.Guards, space)
			b.checkMinFree(s, free.Free, bytes)
		}
	}
	return nil
}

// checkMinFree looks at what would be left when the whole plan is applied.
func (b *build) checkMinFree(s *SourceDoc, free, needed int64) {
	least := s.Settings.Guards.MinFree
	if least == nil {
		return
	}
	passed := free-needed >= *least
	detail := "at least " + humanize.IBytes(uint64(*least)) + " stay free"
	if !passed {
		detail = fmt.Sprintf("the plan needs up to %s of the %s that are free; less than %s would be left",
			humanize.IBytes(uint64(needed)), humanize.IBytes(uint64(max(free, 0))), humanize.IBytes(uint64(*least)))
	}
	s.Guards = append(s.Guards, b.outcome(Guard{Name: guardMinFree, Limit: *least, Detail: detail}, passed))
}

// freeSpace asks the root's file system, or the one it is to be made on.
func (b *build) freeSpace() (fsys.FSInfo, error) {
	if b.root != nil {
		return b.root.Dir().FS()
	}
	real, _, err := existing(b.manifest.Destination)
	if err != nil {
		return fsys.FSInfo{}, err
	}
	dir, err := fsys.Open(real)
	if err != nil {
		return fsys.FSInfo{}, err
	}
	defer dir.Close()
	return dir.FS()
}

// existing resolves the part of path that exists; rest is what does not, "."
// if all of it does.
func existing(path string) (real, rest string, err error) {
	for dir, rest := path, "."; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return real, rest, err
		}
	}
}

// lookupSpace estimates what the lookups of the new contents take: an empty
// file for the size, one with a path for the hash, and directories that are
// not there yet. Hashes spread evenly, so one directory of the first level
// tells how many there are of the second.
func (b *build) lookupSpace(contents int64) (bytes, inodes int64) {
	n := float64(contents)
	missing := 1.0
	if b.root != nil {
		if dir, err := b.root.Dir().OpenDirAt(".phlb/hash-lookup/00"); err == nil {
			list, _ := dir.ReadDir() // an estimate needs no more than what can be had
			dir.Close()
			missing = 1 - min(float64(len(list))/lookupFanOut, 1)
		}
	}
	dirs := int64(missing * lookupDirs * -math.Expm1(-n/lookupDirs))
	dirs += min(dirs, lookupFanOut)
	return (contents + dirs) * allocationUnit, 2*contents + dirs
}
