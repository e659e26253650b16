package execute

import (
	"bytes"
	"io"
	"slices"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// sumsMode is who may read a directory's SHA256SUMS: whoever may read the
// directory.
func sumsMode(dir uint32) uint32 { return 0o600 | dir&0o444 }

// writeSums gives a directory its SHA256SUMS.
func (b *builder) writeSums(n *node, h *hands) error {
	lines := n.lines
	n.lines = nil
	defer b.run.sumLines.reuse(lines)
	return b.inStage(n, h, func(dir *fsys.Dir) error {
		if n.kept == len(lines) {
			if linked, err := b.linkSums(n, h, dir, lines); linked || err != nil {
				return err
			}
		}
		return b.createSums(n, dir, sumsText(h.scratch(), lines))
	})
}

// sumsText sorts the lines and returns what they are in the file, in buf if
// that has room.
func sumsText(buf []byte, lines []sums.Line) []byte {
	sums.Sort(lines)
	text := slices.Grow(buf[:0], int(sumsSize(lines)))
	for _, l := range lines {
		text = sums.Append(text, l)
	}
	return text
}

func sumsSize(lines []sums.Line) int64 {
	size := 0
	for i := range lines {
		size += sums.Len(&lines[i])
	}
	return int64(size)
}

func (b *builder) createSums(n *node, dir *fsys.Dir, text []byte) error {
	mode := sumsMode(n.attrs.Mode)
	f, err := dir.Create(sums.FileName, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		d := b.dresser()
		d.owner(f, n.attrs.UID, n.attrs.GID)
		d.Try(f.Chmod(mode)) // whatever the umask is
		err = d.Err          // what is lost here is lost, and counted, with the directory
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// linkSums makes the parent's SHA256SUMS this directory's, too, if it says
// the same and belongs to the same user: a link costs a third of a file. All
// lines are of files that the parent has, too.
func (b *builder) linkSums(n *node, h *hands, dir *fsys.Dir, lines []sums.Line) (linked bool, err error) {
	if !b.private || b.parent == nil {
		return false, nil // somebody could exchange it between look and link
	}
	prev, err := b.parentDir(n, h)
	if err != nil {
		return false, nil //nolint:nilerr // there is none to link to
	}
	if h == nil {
		defer prev.Close()
	}
	if !b.sameSums(n, prev, lines) {
		return false, nil
	}
	err = dir.Link(prev, sums.FileName, sums.FileName)
	switch fsys.ClassOf(err) {
	case fsys.ClassLinkRefused, fsys.ClassVanished, fsys.ClassPermission:
		return false, nil
	}
	return err == nil, err
}

// parentDir opens the node's directory in the parent snapshot, or takes it
// from the worker h, who closes it.
func (b *builder) parentDir(n *node, h *hands) (*fsys.Dir, error) {
	if h != nil {
		return h.parentDir()
	}
	return b.parent.OpenDirAt(n.stored)
}

// sameSums reports whether the SHA256SUMS in a directory of the parent is
// just what this one's would be. One that nobody touched since phlb wrote it
// lists the parent's files; if it is as long as the lines of those that are
// left, all are. That its ctime is of phlb's making does not tell enough: after
// somebody wrote into it, a snapshot that shares it may have been pruned.
func (b *builder) sameSums(n *node, prev *fsys.Dir, lines []sums.Line) bool {
	st, err := prev.Lstat(sums.FileName)
	if err != nil || st.Kind != meta.File || st.Size != sumsSize(lines) || st.Mode != sumsMode(n.attrs.Mode) {
		return false
	}
	if uid, gid := b.ownerOf(n); st.UID != uid || st.GID != gid {
		return false
	}
	untouched := st.Mtime.Compare(b.parentDone) < 0 && b.own.cover(st.Ctime) && b.root.Fixed(&st)
	return untouched || saySame(prev, sumsText(nil, lines))
}

// saySame reports whether the SHA256SUMS in a directory begins with the text.
func saySame(dir *fsys.Dir, text []byte) bool {
	f, err := dir.OpenFile(sums.FileName)
	if err != nil {
		return false
	}
	defer f.Close()
	have := make([]byte, len(text))
	_, err = io.ReadFull(f, have)
	return err == nil && bytes.Equal(have, text)
}

// ownerOf is who a directory's SHA256SUMS belongs to: only root can give it to
// somebody else.
func (b *builder) ownerOf(n *node) (uid, gid uint32) {
	if b.uid != 0 {
		return b.uid, b.gid
	}
	return n.attrs.UID, n.attrs.GID
}
