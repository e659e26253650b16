package repair

import (
	"context"
	"path"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/vouch"
	"phlb/verify"
)

// goodCopy is an open file that had the wanted content when it was read.
type goodCopy struct {
	file   *fsys.File
	info   meta.Info
	xattrs meta.Xattrs
	from   From
	dir    *fsys.Dir // that path is relative to
}

func (g *goodCopy) close() { g.file.Close() }

// isInRoot reports whether it is a published file.
func (g *goodCopy) isInRoot() bool { return g.from.Source == "" }

// seeker tries the places where a good copy may be, the cheap ones first,
// until use takes one.
type seeker struct {
	*casebook
	g *group
	// use is given each good copy; it returns false if that turned out not
	// to be one.
	use   func(*goodCopy) (bool, error)
	tried map[string]bool
}

// seek reports whether one was used.
func (c *casebook) seek(ctx context.Context, g *group, use func(*goodCopy) (bool, error)) (bool, error) {
	s := &seeker{casebook: c, g: g, use: use, tried: map[string]bool{}}
	for _, look := range []func(context.Context) (bool, error){
		s.recordedInode, s.lookup, s.samePath, s.otherPaths, s.sameSize,
	} {
		if used, err := look(ctx); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

// recordedInode looks for the inode that a missing file was a name of: to
// become one again costs no space and keeps what was linked linked.
func (s *seeker) recordedInode(ctx context.Context) (bool, error) {
	if s.g.linkIno == 0 {
		return false, nil
	}
	if err := s.surveyRoot(ctx); err != nil {
		return false, err
	}
	for _, c := range s.survey.candidates[s.g.want] {
		if c.key.ino != s.g.linkIno {
			continue
		}
		if used, err := s.try(ctx, s.root.Dir(), "", c.path); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

func (s *seeker) lookup(ctx context.Context) (bool, error) {
	if p := s.fromLookup(s.g.want); p != "" {
		return s.try(ctx, s.root.Dir(), "", p)
	}
	return false, nil
}

func (s *seeker) samePath(ctx context.Context) (bool, error) {
	for _, dir := range s.Sources {
		for _, p := range s.g.samePaths() {
			if used, err := s.try(ctx, dir, dir.Path(), p); used || err != nil {
				return used, err
			}
		}
	}
	return false, nil
}

func (s *seeker) otherPaths(ctx context.Context) (bool, error) {
	if err := s.surveyRoot(ctx); err != nil {
		return false, err
	}
	for _, c := range s.survey.candidates[s.g.want] {
		if used, err := s.try(ctx, s.root.Dir(), "", c.path); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

func (s *seeker) sameSize(ctx context.Context) (bool, error) {
	files, err := s.index.find(ctx, s.g)
	if err != nil {
		return false, err
	}
	for _, f := range files {
		if used, err := s.try(ctx, f.dir, f.dir.Path(), f.path); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

// try reads the file at a path and offers it if it has the wanted content.
// That it has not, or cannot be read, is no error.
func (s *seeker) try(ctx context.Context, dir *fsys.Dir, source, rel string) (bool, error) {
	key := source + "\x00" + rel
	if s.tried[key] {
		return false, nil
	}
	s.tried[key] = true
	good := s.open(ctx, dir, rel)
	if ctx.Err() != nil || good == nil {
		return false, ctx.Err()
	}
	defer good.close()
	good.dir, good.from = dir, From{Source: verify.Path(source), Path: verify.Path(rel)}
	return s.use(good)
}

// open opens a file and reads it; nil: it is of no use.
func (s *seeker) open(ctx context.Context, dir *fsys.Dir, rel string) *goodCopy {
	f, err := dir.OpenFileAt(rel)
	if err != nil {
		return nil
	}
	good := &goodCopy{file: f}
	if good.info, err = f.Stat(); err == nil && s.mayBe(&good.info) {
		var sum digest.Sum
		sum, err = vouch.Read(ctx, f, s.buf)
		if err == nil && sum == s.g.want {
			good.xattrs, err = supported(f.Xattrs())
			if err == nil {
				return good
			}
		}
	}
	f.Close()
	return nil
}

// mayBe reports whether a file can have the wanted content, as far as can be
// told without reading it.
func (s *seeker) mayBe(info *meta.Info) bool {
	if info.Kind != meta.File || s.g.isExact && info.Size != s.g.size {
		return false
	}
	_, isDamaged := s.inodes[keyOf(info)]
	return !isDamaged
}

func hashAt(ctx context.Context, top *fsys.Dir, rel string, buf []byte) (digest.Sum, error) {
	dir, err := top.OpenDirAt(path.Dir(rel))
	if err != nil {
		return digest.Sum{}, err
	}
	defer dir.Close()
	return vouch.Hash(ctx, dir, path.Base(rel), nil, buf)
}

// canLink reports whether a missing file may become another name of the good
// copy: of the inode it was a name of, or of one that differs in nothing and
// is large enough to be shared.
func (g *group) canLink(good *goodCopy) bool {
	if g.key != (inodeKey{}) || !good.isInRoot() || g.attrs == nil {
		return false
	}
	isLike := g.attrs.equal(attrsOf(&good.info, good.xattrs))
	return isLike && (good.info.Ino == g.linkIno || good.info.Size >= lookup.MinSize)
}
