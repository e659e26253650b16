package verify

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// gaps are the readable files that SHA256SUMS has no line for. It is safe for
// concurrent use.
type gaps struct {
	mu   sync.Mutex
	dirs map[string][]gap // by path of the directory below the root
}

// gap is one file without a line.
type gap struct {
	claim     *claim
	sum       digest.Sum
	isVouched bool // its catalogue has the same hash
}

func newGaps() *gaps { return &gaps{dirs: map[string][]gap{}} }

// add keeps a copy of the claim, with what its own record says of the content.
func (g *gaps) add(c *claim, sum digest.Sum, bits uint8) {
	own := *c
	dir := c.dir.tree.name
	if c.dir.path != "." {
		dir += "/" + c.dir.path
	}
	g.mu.Lock()
	g.dirs[dir] = append(g.dirs[dir], gap{&own, sum, bits&isVouched != 0})
	g.mu.Unlock()
}

// fillGaps adds the missing lines. All snapshots have been judged by then, so
// that a file is known as damaged by whatever path of it tells.
func (b *rebuilder) fillGaps(ctx context.Context) {
	dirs := b.judge.gaps.dirs
	for dir, list := range dirs {
		if b.ended(ctx) {
			return
		}
		good := slices.DeleteFunc(list, func(g gap) bool {
			_, state := b.judge.inodes.get(g.claim.key)
			if state&isBad != 0 {
				g.claim.reportUnlisted()
			}
			return state&isBad != 0
		})
		if len(good) > 0 {
			b.fillDir(dir, good)
		}
		delete(dirs, dir)
	}
}

func (b *rebuilder) fillDir(path string, list []gap) {
	err := b.addLines(path, list)
	if err != nil {
		b.failed(path+"/"+sums.FileName, err)
		for _, g := range list {
			g.claim.reportUnlisted()
		}
		return
	}
	b.result.Sums.Files++
	for _, g := range list {
		_, state := b.judge.inodes.get(g.claim.key)
		if g.isVouched || state&isVouched != 0 {
			b.result.Sums.Vouched++
		} else {
			b.result.Sums.Unvouched++
		}
	}
}

// addLines replaces the SHA256SUMS of a directory by one with further lines.
// Lines that cannot be understood are left out of it.
func (b *rebuilder) addLines(path string, list []gap) error {
	dir, err := b.root.Dir().OpenDirAt(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	old, err := readChecksums(dir, new(sums.Parser), nil)
	if err != nil {
		return err
	}
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	lines := old.lines
	for _, g := range list {
		lines = append(lines, sums.Line{Name: g.claim.name, Sum: g.sum})
	}
	sums.Sort(lines)
	var text []byte
	for _, l := range slices.Compact(lines) {
		text = sums.Append(text, l)
	}
	return b.replaceSums(dir, &info, &old, text)
}

// tempSums is where a new SHA256SUMS is written, below .phlb: what a crash
// leaves behind must not lie in a snapshot.
const tempSums = ".SHA256SUMS.new"

// replaceSums puts text in the place of a directory's SHA256SUMS by rename:
// the file may be linked to that of another snapshot.
func (b *rebuilder) replaceSums(dir *fsys.Dir, info *meta.Info, old *checksums, text []byte) error {
	private, err := b.root.Dir().OpenDirAt(snapshot.PrivateDir)
	if err != nil {
		return err
	}
	defer private.Close()
	if err := private.Remove(tempSums); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeSums(private, info, old, text); err != nil {
		return err
	}
	err = private.Rename(tempSums, dir, sums.FileName)
	if fsys.ClassOf(err) == fsys.ClassPermission && info.Mode&0o200 == 0 {
		err = renameInto(private, dir, info.Mode)
	}
	if err != nil {
		return errors.Join(err, private.Remove(tempSums))
	}
	// The rename changed the directory's time, which is the source's.
	if err := dir.SetMtime(info.Mtime); err != nil {
		return err
	}
	return dir.SyncNames()
}

// renameInto does the rename into a read-only directory of an ordinary user.
func renameInto(private, dir *fsys.Dir, mode uint32) error {
	if err := dir.Chmod(mode | 0o300); err != nil {
		return err
	}
	return errors.Join(private.Rename(tempSums, dir, sums.FileName), dir.Chmod(mode))
}

func writeSums(private *fsys.Dir, info *meta.Info, old *checksums, text []byte) error {
	f, err := private.Create(tempSums, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil && old.found {
		// Only root can give files away; others keep what they make.
		_ = f.Chown(old.info.UID, old.info.GID)
	}
	if err == nil {
		// Whoever may read the directory may read what is in it.
		err = f.Chmod(0o600 | info.Mode&0o044)
	}
	if err == nil {
		// The data must be durable before the name leads to it.
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return errors.Join(err, private.Remove(tempSums))
	}
	return nil
}

// lineSums returns the hashes of a directory's lines, as far as they do not
// contradict each other.
func lineSums(lines []sums.Line) map[string]digest.Sum {
	m := make(map[string]digest.Sum, len(lines))
	for _, l := range lines {
		name := strings.Clone(l.Name)
		if other, twice := m[name]; twice && other != l.Sum {
			m[name] = digest.Sum{}
			continue
		}
		m[name] = l.Sum
	}
	return m
}
