package plan

import (
	"context"
	"hash/maphash"
	"maps"
	"path"
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/manifest"
)

// member is a regular file of this plan that later files can be linked to.
// There may be millions of them, so they hold what is needed and no more.
type member struct {
	dir   *memberDir
	name  string
	attrs Attrs
	// sum is set when a later file has the same sample, until such a file looks
	// for its content here, and the member is filed under its hash. Where all of
	// them are linked to the parent or to stored content, it stays.
	sum    *future[digest.Sum]
	hashed bool // sum is set, or was; or it was hashed when its turn came
	placed bool // decided: it will be stored
}

// memberDir is the directory of members, which neighbours share.
type memberDir struct {
	source *sourceBuild
	path   string
}

func (m *member) path() string { return path.Join(m.dir.path, m.name) }

// stored returns where the member will lie, relative to the root.
func (m *member) stored() string { return m.dir.source.storedPath(m.path()) }

// candidates are the files of this plan that later ones can be linked to.
//
// Of the first file of a size nothing is read. When a second one comes, both
// are sampled; when two have the same sample, both are hashed.
type candidates struct {
	bySize map[int64]*member // the first of each size
	// shared holds the sizes that more than one file has, with the sample of
	// the first until that is in bySample.
	shared   map[int64]*future[digest.Sample]
	bySample map[sampleKey]*member // the first of each sample
	bySum    map[contentKey]*member
	matches  []manifest.LinkMatch // by which sources of the plan look
	dir      *memberDir           // of the last member
	names    meta.Paths
}

type sampleKey struct {
	size   int64
	sample digest.Sample
}

// contentKey stands for a content and the attributes that matter for sharing
// an inode. Half of a SHA-256 finds a candidate; who links compares all of it.
type contentKey struct {
	sum   [len(digest.Sum{}) / 2]byte
	attrs uint64
}

func newCandidates(sources []manifest.Source) *candidates {
	c := &candidates{
		bySize: map[int64]*member{}, shared: map[int64]*future[digest.Sample]{},
		bySample: map[sampleKey]*member{}, bySum: map[contentKey]*member{},
	}
	for i := range sources {
		if match := sources[i].LinkMatch; !slices.Contains(c.matches, match) {
			c.matches = append(c.matches, match)
		}
	}
	return c
}

// newMember makes a member of an item.
func (c *candidates) newMember(s *sourceBuild, it *item) *member {
	dir, name := path.Split(it.Path)
	dir = strings.TrimSuffix(dir, "/")
	if c.dir == nil || c.dir.source != s || c.dir.path != dir {
		c.dir = &memberDir{source: s, path: strings.Clone(dir)}
	}
	return &member{dir: c.dir, name: c.names.Join(nil, name), attrs: it.attrs()}
}

// compare starts what it takes to compare the item with earlier files of its
// size: nothing for the first one, a sample of both for the second.
func (c *candidates) compare(ctx context.Context, it *item) (err error) {
	first := c.bySize[it.Size]
	if first == nil {
		c.bySize[it.Size] = it.mine
		return nil
	}
	if _, known := c.shared[it.Size]; !known {
		if c.shared[it.Size], err = first.dir.source.startSample(ctx, first.path(), it.Size); err != nil {
			return err
		}
	}
	it.sample, err = it.mine.dir.source.startSample(ctx, it.Path, it.Size)
	return err
}

// compareSamples starts to hash the item if an earlier file of the plan has
// the same size and sample, and that file, too.
func (s *sourceBuild) compareSamples(ctx context.Context, it *item) error {
	mine, err := it.sample.wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case changed(err):
		it.Reason = reasonChanged
		return nil
	case err != nil:
		it.unreadable(err)
		return nil
	}
	c := s.planned
	c.fileFirst(it.Size)
	k := sampleKey{it.Size, mine}
	first := c.bySample[k]
	if first == nil {
		c.bySample[k] = it.mine
		return nil
	}
	it.equal = first
	if !first.hashed {
		// In whatever state it is: applying checks what it really became.
		first.hashed = true
		if first.sum, err = first.dir.source.startHash(ctx, first.path(), it.Size); err != nil {
			return err
		}
	}
	if it.sum != nil {
		return nil
	}
	return s.hash(ctx, it)
}

// fileFirst files the first member of a size under its sample.
func (c *candidates) fileFirst(size int64) {
	f := c.shared[size]
	if f == nil {
		return
	}
	c.shared[size] = nil
	if sample, err := f.wait(); err == nil {
		c.bySample[sampleKey{size, sample}] = c.bySize[size]
	}
}

// find returns an earlier file of this plan with the item's content and with
// attributes that allow to share its inode; nil if there is none.
func (c *candidates) find(s *sourceBuild, it *item) *member {
	if m := it.equal; m != nil && m.sum != nil && m.placed {
		if sum, err := m.sum.wait(); err == nil {
			c.keep(m, sum)
		}
		m.sum = nil
	}
	want := it.attrs()
	m := c.bySum[s.keys.content(&it.SHA256, &want)]
	if m == nil || !s.rule.together(&want, &m.attrs) {
		return nil
	}
	return m
}

// keep makes a member findable by its hash, under each rule by which a source
// of the plan may look for it. The first of a content and its attributes stays.
func (c *candidates) keep(m *member, sum digest.Sum) {
	for _, match := range c.matches {
		k := m.dir.source.keys.under(match).content(&sum, &m.attrs)
		if c.bySum[k] == nil {
			c.bySum[k] = m
		}
	}
}

// forget drops the members of a source that is not stored after all.
func (c *candidates) forget(s *sourceBuild) {
	of := func(m *member) bool { return m.dir.source == s }
	for size, m := range c.bySize {
		if of(m) {
			delete(c.bySize, size)
			delete(c.shared, size)
		}
	}
	maps.DeleteFunc(c.bySample, func(_ sampleKey, m *member) bool { return of(m) })
	maps.DeleteFunc(c.bySum, func(_ contentKey, m *member) bool { return of(m) })
}

// attrKeys makes one number of what attributes matter under a rule. Equal
// numbers are a hint, to be followed by a comparison.
type attrKeys struct {
	seed  maphash.Seed
	match manifest.LinkMatch
	owner bool // it matters: what an ordinary user stores is his own
}

func newAttrKeys(seed maphash.Seed, r *LinkRule) attrKeys {
	return attrKeys{seed: seed, match: r.Match, owner: r.UID == 0}
}

func (k attrKeys) under(match manifest.LinkMatch) attrKeys {
	k.match = match
	return k
}

func (k attrKeys) content(sum *digest.Sum, a *Attrs) contentKey {
	return contentKey{[len(sum) / 2]byte(sum[:]), k.attrs(a)}
}

func (k attrKeys) attrs(a *Attrs) uint64 {
	var h maphash.Hash
	h.SetSeed(k.seed)
	h.WriteString(string(k.match))
	if k.match == manifest.MatchContent {
		return h.Sum64()
	}
	if k.owner {
		maphash.WriteComparable(&h, [3]uint32{a.Mode, a.UID, a.GID})
	} else {
		maphash.WriteComparable(&h, StoredMode(a.Mode, false, false))
	}
	if k.match == manifest.MatchMetadata {
		maphash.WriteComparable(&h, a.Mtime)
	}
	if len(a.Xattrs) > 0 {
		for _, name := range slices.Sorted(maps.Keys(a.Xattrs)) {
			if !k.owner && onlyRoots(name) {
				continue // perhaps not kept
			}
			maphash.WriteComparable(&h, name)
			maphash.WriteComparable(&h, string(a.Xattrs[name]))
		}
	}
	return h.Sum64()
}
