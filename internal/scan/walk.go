package scan

import (
	"context"
	"fmt"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// XattrsMode says whose extended attributes a walk reads.
type XattrsMode int

// The modes. XattrsDirs leaves those of files to callers that need few.
const (
	XattrsNone XattrsMode = iota
	XattrsDirs            // directories and symbolic links
	XattrsAll             // files, too
)

// Identity names an inode.
type Identity struct{ Dev, Ino uint64 }

// Options say what a walk yields. The zero value yields everything on the
// source's own file system, without extended attributes, with one worker.
type Options struct {
	// Excludes may be nil. The source itself is never excluded.
	Excludes *Matcher
	// ExcludeIfPresent are names: a directory below the source that holds one
	// of them is skipped with all its content.
	ExcludeIfPresent []string
	// ExcludeCaches skips directories below the source that hold a regular
	// file CACHEDIR.TAG with the signature of https://bford.info/cachedir/.
	ExcludeCaches bool
	// MaxFileSize in bytes; larger files are skipped. 0: no limit.
	MaxFileSize int64
	// CrossFileSystems enters directories on other devices than the source's.
	CrossFileSystems bool
	// Avoid are directories never entered (the backup root) and files that
	// are skipped (the plan being written).
	Avoid []Identity
	// Drop are files that are not yielded at all: what the caller itself has
	// made for a while, which is no part of the source.
	Drop []Identity
	// UID, if above 0, is the effective user: files whose mode may deny it
	// reading are opened once, to see. 0 (who may read all) looks at none.
	UID int
	// Workers is the number of goroutines that read; below 1 means 1.
	Workers int
	Xattrs  XattrsMode
	// MaxAhead bounds the entries that are read but not yet yielded; below 1
	// means 16384. Workers may exceed it by the piece that each is reading,
	// and the bare names of the directories being read come on top.
	MaxAhead int
	// Only is a path: nothing but it and the directories above it is yielded,
	// as far as the walk gets. Empty: everything.
	Only string
}

// Entry is one path of the source.
type Entry struct {
	// Path is slash-separated, relative to the source; "." is the source.
	Path string
	// Info of a skipped entry may hold its Kind alone.
	meta.Info
	Target string // of a symbolic link
	Xattrs meta.Xattrs
	// Skip is the reason why the entry takes no part, in the words of plans;
	// "" if it does. Nothing below a skipped directory is yielded.
	Skip string
}

const (
	defaultAhead = 16384
	// maxPiece bounds how many names of a directory one worker stats in one
	// go, so that large directories are shared, too.
	maxPiece = 512
	// maxOpen bounds the open directories. It is a quarter of the usual limit
	// of 1024 descriptors a process.
	maxOpen = 256
)

// Walk yields every path of the source root but Drop once, in the order of
// meta.ComparePaths, beginning with ".". The Entry is valid only during the
// call of yield; its strings and its Xattrs may be kept. Paths share memory in
// blocks of 4 KiB, so that whoever keeps few of many for long clones them.
// Yield is called from one goroutine, the caller's.
//
// What goes wrong with one path below the source makes it a skip. Errors are
// that root cannot be read, what yield returned, and ctx's end. When Walk
// returns, its goroutines have ended and its descriptors are closed; root
// stays open.
func Walk(ctx context.Context, root *fsys.Dir, o Options, yield func(*Entry) error) error {
	return walk(ctx, root, o, maxOpen, yield)
}

func walk(ctx context.Context, root *fsys.Dir, o Options, open int, yield func(*Entry) error) error {
	if o.MaxAhead < 1 {
		o.MaxAhead = defaultAhead
	}
	top, err := newTop(root)
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	dirs := newOpenDirs(top, open)
	defer dirs.closeAll()
	s := newSchedule(top, o.MaxAhead)
	r := &reader{Options: &o, schedule: s, dirs: dirs, device: top.info.Dev}
	stop := s.start(ctx, max(o.Workers, 1), r.read)
	err = (&consumer{schedule: s, yield: yield}).run(ctx, top)
	stop()
	if s.failure != nil {
		return fmt.Errorf("scan: %w", s.failure)
	}
	return err
}

// newTop makes the node of the source itself. It gets a descriptor of its
// own because listing moves the descriptor's position.
func newTop(root *fsys.Dir) (*node, error) {
	dir, err := root.OpenDirAt(".")
	if err != nil {
		return nil, err
	}
	top := &node{dir: dir, needs: 1}
	if top.info, err = dir.Stat(); err != nil {
		dir.Close()
		return nil, err
	}
	top.head = piece{node: top, lists: true}
	return top, nil
}
