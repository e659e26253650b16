package repair

import (
	"context"
	"errors"
	"io/fs"

	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/verify"
)

// repairGroup finds a good copy for a group and puts it into place. Where the
// new inode takes no more names the rest gets another one.
func (r *runner) repairGroup(ctx context.Context, c *casebook, g *group) error {
	for rest := g; rest != nil; {
		next := rest
		rest = nil
		used, err := c.seek(ctx, next, func(good *goodCopy) (bool, error) {
			if r.DryRun {
				r.wouldRepair(next, good)
				return true, nil
			}
			var ok bool
			var err error
			rest, ok, err = r.put(ctx, next, good)
			return ok, err
		})
		if err != nil {
			return err
		}
		if !used {
			for _, s := range next.spots {
				r.refuse(s, whyNoCopy)
			}
		}
	}
	return nil
}

// repairOf is what the record will say.
func (r *runner) repairOf(g *group, good *goodCopy) Repair {
	rep := Repair{
		Time: r.Now().UTC(), SHA256: g.want, Size: good.info.Size, Damaged: g.damaged, OldInode: g.key.ino, From: good.from,
	}
	for _, s := range g.spots {
		rep.Paths = append(rep.Paths, verify.Path(s.path()))
	}
	return rep
}

func (r *runner) wouldRepair(g *group, good *goodCopy) {
	rep := r.repairOf(g, good)
	r.result.Repaired = append(r.result.Repaired, rep)
	for _, p := range rep.Paths {
		r.resolved[string(p)] = true
	}
}

// put makes a new inode of a good copy and moves the group's paths to it. ok
// is false if the copy was not good after all; rest are paths that need
// another inode.
func (r *runner) put(ctx context.Context, g *group, good *goodCopy) (rest *group, ok bool, err error) {
	if r.work == nil {
		if err := r.makeWork(); err != nil {
			return nil, false, err
		}
	}
	if err := r.work.clean(); err != nil {
		return nil, false, err
	}
	rep := r.repairOf(g, good)
	info, ok, err := r.newInode(ctx, g, good, &rep)
	if !ok || err != nil {
		return nil, false, err
	}
	j := &journal{NewInode: info.Ino, Repair: rep}
	if err := r.plan(j, g); err != nil {
		return nil, false, err
	}
	if err := r.work.write(j); err != nil {
		return nil, false, err
	}
	m := &mover{workplace: r.work, journal: j, isWhole: true}
	if err := m.run(ctx); err != nil {
		return nil, false, err
	}
	if err := r.record(m); err != nil {
		return nil, false, err
	}
	return g.without(m.full), true, r.work.done()
}

// newInode makes the next inode: a name of a good published file if a missing
// path may be one, else a copy.
func (r *runner) newInode(ctx context.Context, g *group, good *goodCopy, rep *Repair) (info meta.Info, ok bool, err error) {
	if g.canLink(good) {
		if info, ok, err = r.work.adopt(good); ok || err != nil {
			return info, ok, err
		}
	}
	a := g.attrs
	if a == nil {
		a = attrsOf(&good.info, good.xattrs)
	}
	info, kept, ok, err := r.work.make(ctx, good, g.want, a)
	rep.MetadataNotKept = !kept
	return info, ok, err
}

// plan fills in what is to be moved, and what the directories look like.
func (r *runner) plan(j *journal, g *group) error {
	last := ""
	for _, s := range g.spots {
		path := s.path()
		ino := s.info.Ino
		if s.isMissing {
			ino = 0
		}
		j.Links = append(j.Links, link{Path: verify.Path(path), Inode: ino})
		dir := parentOf(path)
		if dir == last {
			continue
		}
		last = dir
		info, err := r.root.Dir().LstatAt(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		j.Dirs = append(j.Dirs, dirState{Path: verify.Path(dir), Mode: octal(info.Mode), Mtime: info.Mtime})
	}
	return nil
}

// without returns a group of the links that are left; nil: there are none.
func (g *group) without(left []link) *group {
	if len(left) == 0 {
		return nil
	}
	rest := *g
	rest.spots = nil
	for _, s := range g.spots {
		for _, l := range left {
			if string(l.Path) == s.path() {
				rest.spots = append(rest.spots, s)
			}
		}
	}
	return &rest
}

// record makes durable what was done and brings the lookup in line with it.
func (r *runner) record(m *mover) error {
	for path, why := range m.left {
		if r.reasons != nil {
			r.reasons[path] = why
		}
	}
	if len(m.moved) == 0 {
		return nil
	}
	rep := m.Repair
	rep.NewInode, rep.Paths = m.NewInode, m.moved
	if err := r.lookAgain(&rep); err != nil {
		return err
	}
	if err := r.ledger.add(&rep); err != nil {
		return err
	}
	r.result.Repaired = append(r.result.Repaired, rep)
	for _, p := range rep.Paths {
		r.resolved[string(p)] = true
	}
	r.Log.Info("repaired", "paths", len(rep.Paths), "first", string(rep.Paths[0]), "sha256", rep.SHA256.String(),
		"from", string(rep.From.Source), "path", string(rep.From.Path))
	return nil
}

// lookAgain makes the lookups find the content, unless they do.
func (r *runner) lookAgain(rep *Repair) error {
	if rep.Size < lookup.MinSize {
		return nil
	}
	if err := r.db.AddSize(rep.Size); err != nil {
		return err
	}
	if p, ok, err := r.db.Get(rep.SHA256); err == nil && ok {
		info, err := r.root.Dir().LstatAt(p)
		if err == nil && info.Kind == meta.File && info.Size == rep.Size {
			return nil
		}
	}
	return r.db.Put(rep.SHA256, string(rep.Paths[0]))
}
