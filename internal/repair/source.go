package repair

import (
	"cmp"
	"context"
	"path"
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/sums"
)

// sourceIndex knows the files of the sources by size. It is made when it is
// first asked, as most good copies lie where the hints say.
type sourceIndex struct {
	*runner
	sizes map[int64]bool // nil: every size may be asked for
	files map[int64][]*sourceFile
}

// sourceFile is one file of a source.
type sourceFile struct {
	dir  *fsys.Dir
	path string
	sum  digest.Sum // zero: not read yet
	bad  bool       // it cannot be read
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

// load walks the sources, never into the root.
func (x *sourceIndex) load(ctx context.Context) error {
	if x.files != nil {
		return nil
	}
	x.files = map[int64][]*sourceFile{}
	root, err := x.root.Dir().Stat()
	if err != nil {
		return err
	}
	o := scan.Options{
		CrossFileSystems: true, Avoid: []scan.Identity{{Dev: root.Dev, Ino: root.Ino}}, UID: x.UID, Workers: x.Workers,
	}
	for _, dir := range x.Sources {
		err := scan.Walk(ctx, dir, o, func(e *scan.Entry) error {
			if e.Kind == meta.File && e.Skip == "" && (x.sizes == nil || x.sizes[e.Size]) {
				x.files[e.Size] = append(x.files[e.Size], &sourceFile{dir: dir, path: strings.Clone(e.Path)})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// of returns the files that may have the group's content: those of its size,
// and where the size is not on record all others after them.
func (x *sourceIndex) of(g *group) []*sourceFile {
	list := slices.Clone(x.files[g.size])
	if g.isExact {
		return list
	}
	var others []int64
	for size := range x.files {
		if size != g.size {
			others = append(others, size)
		}
	}
	slices.SortFunc(others, func(a, b int64) int { return cmp.Compare(distance(a, g.size), distance(b, g.size)) })
	for _, size := range others {
		list = append(list, x.files[size]...)
	}
	return list
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

// samePaths are the paths below a source where the group's files may lie: at
// the place they were backed up from, or at the same one in another root.
func (g *group) samePaths() []string {
	var list []string
	for _, s := range g.spots {
		for _, p := range []string{sourcePath(s.rel), s.rel, s.path()} {
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

// sourcePath undoes sums.StoredPath.
func sourcePath(stored string) string {
	elements := strings.Split(stored, "/")
	for i, e := range elements {
		if name, ok := sums.SourceName(e); ok {
			elements[i] = name
		}
	}
	return path.Join(elements...)
}
