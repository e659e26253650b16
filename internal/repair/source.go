package repair

import (
	"context"
	"maps"
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/sums"
)

// sourceIndex knows the files of the sources by size, and by content once
// they were read. It is made when it is first asked, as most good copies lie
// where the hints say; a file is read for it at most once, however many
// contents are looked for.
type sourceIndex struct {
	*runner
	sizes  map[int64]bool // nil: every size may be asked for
	unread map[int64][]sourceFile
	bySum  map[digest.Sum][]sourceFile
}

// sourceFile is one file of a source.
type sourceFile struct {
	dir  *fsys.Dir
	path string
}

func newSourceIndex(r *runner, groups []*group) *sourceIndex {
	x := &sourceIndex{runner: r, sizes: map[int64]bool{}}
	for _, g := range groups {
		if !g.isExact {
			x.sizes = nil
			break
		}
		x.sizes[g.size] = true
	}
	return x
}

// load walks the sources, never into the root. It stays on their file systems:
// below some mount points even reading can go wrong.
func (x *sourceIndex) load(ctx context.Context) error {
	if x.unread != nil {
		return nil
	}
	x.unread, x.bySum = map[int64][]sourceFile{}, map[digest.Sum][]sourceFile{}
	root, err := x.root.Dir().Stat()
	if err != nil {
		return err
	}
	o := scan.Options{Avoid: []scan.Identity{{Dev: root.Dev, Ino: root.Ino}}, UID: x.UID, Workers: x.Workers}
	for _, dir := range x.Sources {
		err := scan.Walk(ctx, dir, o, func(e *scan.Entry) error {
			if e.Kind == meta.File && e.Skip == "" && (x.sizes == nil || x.sizes[e.Size]) {
				x.unread[e.Size] = append(x.unread[e.Size], sourceFile{dir: dir, path: strings.Clone(e.Path)})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// find returns the files that have the group's content. It reads those of its
// size, and where the size is not on record all others after them, until there
// is one.
func (x *sourceIndex) find(ctx context.Context, g *group) ([]sourceFile, error) {
	if err := x.load(ctx); err != nil {
		return nil, err
	}
	if err := x.read(ctx, g.size, g.want); err != nil || len(x.bySum[g.want]) > 0 || g.isExact {
		return x.bySum[g.want], err
	}
	for _, size := range slices.Sorted(maps.Keys(x.unread)) {
		if err := x.read(ctx, size, g.want); err != nil || len(x.bySum[g.want]) > 0 {
			return x.bySum[g.want], err
		}
	}
	return nil, nil
}

// read reads files of one size until one has the content.
func (x *sourceIndex) read(ctx context.Context, size int64, want digest.Sum) error {
	for len(x.bySum[want]) == 0 && len(x.unread[size]) > 0 {
		f := x.unread[size][0]
		sum, err := hashAt(ctx, f.dir, f.path, x.buf)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.unread[size] = x.unread[size][1:]
		if err == nil { // what cannot be read is no good copy
			x.bySum[sum] = append(x.bySum[sum], f)
		}
	}
	if len(x.unread[size]) == 0 {
		delete(x.unread, size)
	}
	return nil
}

// samePaths are the paths below a source where the group's files may lie: at
// the place they were backed up from, or at the same one in another root.
func (g *group) samePaths() []string {
	var list []string
	for _, s := range g.spots {
		for _, p := range []string{sums.SourcePath(s.rel), s.rel, s.path()} {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
		if len(list) >= maxSamePaths {
			break
		}
	}
	return list
}

// maxSamePaths bounds the paths that are tried one by one.
const maxSamePaths = 64
