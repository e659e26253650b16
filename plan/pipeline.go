package plan

import (
	"context"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/manifest"
)

// window is how many entries may wait for a reading at each stage.
const window = 4096

// queue holds the entries of one stage, in order.
type queue struct {
	ring     [window]*item
	first, n int
}

func (q *queue) full() bool { return q.n == window }

func (q *queue) push(it *item) {
	q.ring[(q.first+q.n)%window] = it
	q.n++
}

func (q *queue) pop() *item {
	it := q.ring[q.first]
	q.first = (q.first + 1) % window
	q.n--
	return it
}

// pipeline decides about entries in order while readers read ahead. An entry
// passes three stages: it is sorted in when the walk yields it, which may
// start a sample; when its sample must be there, files that could be equal
// start to be hashed; when its hash must be there, it is decided. What is
// decided depends on the order of the entries alone, not on the readers.
type pipeline struct {
	source *sourceBuild
	first  queue // waiting for samples
	second queue // waiting for hashes
	spare  []*item
	pushed int // items
}

// item returns an empty one.
func (p *pipeline) item() *item {
	if n := len(p.spare); n > 0 {
		it := p.spare[n-1]
		p.spare = p.spare[:n-1]
		*it = item{}
		return it
	}
	return &item{}
}

func (p *pipeline) push(ctx context.Context, it *item) error {
	if it.file {
		if err := p.source.sortIn(ctx, it); err != nil {
			return err
		}
	}
	if p.pushed++; p.pushed%taskEntries == 0 {
		if err := p.source.readGathered(); err != nil {
			return err
		}
	}
	if p.first.n+p.second.n == 0 && !it.waits() {
		return p.decided(ctx, it) // nothing stands before it
	}
	if p.first.full() {
		if err := p.sampled(ctx); err != nil {
			return err
		}
	}
	p.first.push(it)
	return nil
}

// sampled moves the oldest entry on to the second stage.
func (p *pipeline) sampled(ctx context.Context) error {
	it := p.first.pop()
	if it.sample != nil {
		if err := p.source.compareSamples(ctx, it); err != nil {
			return err
		}
	}
	if p.second.full() {
		if err := p.decided(ctx, p.second.pop()); err != nil {
			return err
		}
	}
	p.second.push(it)
	return nil
}

func (p *pipeline) decided(ctx context.Context, it *item) error {
	if it.file {
		if err := p.source.decide(ctx, it); err != nil {
			return err
		}
	}
	if err := p.source.add(it); err != nil {
		return err
	}
	p.spare = append(p.spare, it)
	return nil
}

func (p *pipeline) drain(ctx context.Context) error {
	for p.first.n > 0 {
		if err := p.sampled(ctx); err != nil {
			return err
		}
	}
	for p.second.n > 0 {
		if err := p.decided(ctx, p.second.pop()); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// sortIn finds out what has to be known of a regular file, and starts to
// read what certainly has to be read.
func (s *sourceBuild) sortIn(ctx context.Context, it *item) error {
	it.unchanged = !s.opts.Rehash && it.sameByMetadata(s.Settings.ChangeDetection)
	s.tell(it.Path, !it.unchanged)
	if it.info.Nlink > 1 {
		s.joinLinks(it)
	}
	if s.completeXattrs(it); !it.file {
		return nil
	}
	small := it.Size < s.threshold()
	if it.unchanged {
		if !small {
			s.sizes.add(it.Size)
		}
		return nil
	}
	if it.sameSize() && it.rec.SHA256.IsZero() {
		var err error
		if it.oldSum, err = s.startOldHash(ctx, it.Path, it.Size); err != nil {
			return err
		}
	}
	switch {
	case it.follows && (it.links.reading || !it.sameSize()):
		return nil // its first name tells all
	case it.follows, small:
		if it.sameSize() {
			return s.hash(ctx, it) // it is copied or linked anyhow, but is it changed?
		}
		return nil
	}
	return s.candidate(ctx, it)
}

// candidate makes the item a candidate for later files and starts what it
// takes to compare it with stored and with earlier ones.
func (s *sourceBuild) candidate(ctx context.Context, it *item) error {
	it.mine = s.planned.newMember(s, it)
	var err error
	if it.indexed, err = s.stored.hasSize(it.Size); err != nil {
		return err
	}
	if it.indexed {
		if !it.known { // it may have been moved
			if err := s.startIndex(ctx); err != nil {
				return err
			}
		}
		return s.hash(ctx, it)
	}
	if err := s.planned.compare(ctx, it); err != nil {
		return err
	}
	if s.sizes.has(it.Size) || it.sameSize() {
		it.doubt = true // the lookups lack a size that is stored
		return s.hash(ctx, it)
	}
	return nil
}

// completeXattrs asks for the extended attributes that the walk left out. A
// file whose ctime is the recorded one has the recorded ones.
func (s *sourceBuild) completeXattrs(it *item) {
	switch {
	case !s.exact:
	case it.unchanged:
		it.Xattrs = it.rec.Xattrs
	default:
		in, name := split(it.Path)
		dir, err := s.near.open(s.dir, in)
		if err == nil {
			it.Xattrs, err = dir.Xattrs(name)
		}
		switch fsys.ClassOf(err) {
		case fsys.ClassUnsupported: // there are none
		case fsys.ClassType: // applying will see what it is now
		default:
			if err != nil {
				it.unreadable(err)
			}
		}
	}
}

// reading is what a reader found out about a file's content.
type reading struct {
	sum   digest.Sum
	hint  hint // what the lookups say of it
	asked bool // hint is set
}

// hash starts to hash the item's content, and to look it up.
func (s *sourceBuild) hash(ctx context.Context, it *item) (err error) {
	if it.mine != nil {
		it.mine.hashed = true
	}
	if it.links != nil {
		it.links.reading = true
	}
	path, want := it.Path, it.info // the item may be reused before they are read
	ask, old := it.indexed, it.rec.SHA256
	var parent *future[*index]
	if s.exact && !it.known {
		parent = s.oldIndex
	}
	it.sum, err = start(ctx, s.build, it.Size, func(r *fileReader) (found reading, err error) {
		if found.sum, err = s.hashMoved(ctx, r, path, &want, parent); err == nil && ask && found.sum != old {
			found.hint, found.asked = s.stored.hint(found.sum), true
		}
		return found, err
	})
	return err
}

// threshold is the size in bytes from which on files are linked.
func (s *sourceBuild) threshold() int64 {
	return max(s.Settings.SmallFileThreshold, manifest.MinSmallFileThreshold)
}
