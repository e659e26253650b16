package verify

import (
	"context"
	"path"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// settleBatch is how many entries a worker gets at a time.
const settleBatch = 256

// content is one good content and the first path that has it.
type content struct {
	sum  digest.Sum
	path string // relative to the root
}

// settler brings the lookups in line with the good content there is. It is
// fed by one goroutine, newest snapshot and smallest path first.
type settler struct {
	*rebuilder
	crew  *crew
	sums  map[digest.Sum]struct{}
	sizes map[int64]struct{}
	batch []content
	news  []int64 // sizes
}

func newSettler(b *rebuilder, workers int) *settler {
	return &settler{
		rebuilder: b, crew: newCrew(workers),
		sums: map[digest.Sum]struct{}{}, sizes: map[int64]struct{}{},
	}
}

// add takes a path of good content. The first one of a content counts.
func (s *settler) add(sum digest.Sum, size int64, path string) {
	if _, met := s.sums[sum]; met {
		return
	}
	s.sums[sum] = struct{}{}
	s.batch = append(s.batch, content{sum, path})
	if _, met := s.sizes[size]; !met {
		s.sizes[size] = struct{}{}
		s.news = append(s.news, size)
	}
	if len(s.batch) == settleBatch {
		s.flush()
	}
}

func (s *settler) flush() {
	batch, sizes := s.batch, s.news
	s.batch, s.news = nil, nil
	s.crew.submit(func(*desk) {
		for _, size := range sizes {
			s.settleSize(size)
		}
		for _, c := range batch {
			s.settleHash(c)
		}
	})
}

func (s *settler) settleSize(size int64) {
	has, err := s.db.HasSize(size)
	if err == nil && !has {
		err = s.db.AddSize(size)
	}
	switch {
	case err != nil:
		s.failed(sizePath(size), err)
	case has:
		s.count(&s.result.Sizes.Kept)
	default:
		s.count(&s.result.Sizes.Added)
	}
}

func (s *settler) settleHash(c content) {
	old, ok, err := s.db.Get(c.sum)
	if err == nil && ok && s.isGood(old, c.sum) {
		s.count(&s.result.Hashes.Kept)
		return
	}
	isThere := s.hasEntry(c.sum)
	if err := s.db.Put(c.sum, c.path); err != nil {
		s.failed(hashPath(c.sum), err)
		return
	}
	if isThere {
		s.count(&s.result.Hashes.Repaired)
	} else {
		s.count(&s.result.Hashes.Added)
	}
}

// hasEntry reports whether there is anything in an entry's place.
func (b *rebuilder) hasEntry(sum digest.Sum) bool {
	_, err := b.root.Dir().LstatAt(hashPath(sum))
	return err == nil
}

// The lookups' homes and the places of single entries, which PHLB's layout
// fixes.
const (
	hashHome = snapshot.PrivateDir + "/hash-lookup"
	sizeHome = snapshot.PrivateDir + "/size-lookup"
)

func hashPath(sum digest.Sum) string {
	name := sum.String()
	return hashHome + "/" + name[:2] + "/" + name[2:4] + "/" + name
}

func sizePath(size int64) string {
	name := strconv.FormatInt(size, 10)
	return sizeHome + "/" + name[:2] + "/" + name[2:4] + "/" + name
}

// isGood reports whether path leads to a published file that was found to
// have this content.
func (b *rebuilder) isGood(path string, sum digest.Sum) bool {
	if _, _, ok := snapshot.Published(path); !ok {
		return false
	}
	info, err := b.root.Dir().LstatAt(path)
	if err != nil || info.Kind != meta.File {
		return false
	}
	found, state := b.judge.inodes.get(keyOf(&info))
	return found == sum && isGoodState(state)
}

// isGoodState reports whether an inode was read and nothing contradicts it.
func isGoodState(state uint8) bool { return state&isHashed != 0 && state&isBad == 0 }

// finish waits for the crew and removes what no good content stands behind.
func (s *settler) finish(ctx context.Context) {
	s.flush()
	s.crew.stop()
	if s.ended(ctx) {
		return
	}
	s.removeSums(ctx)
	s.removeSizes(ctx)
}

func (s *settler) removeSums(ctx context.Context) {
	var stale []digest.Sum
	err := s.db.Sums(ctx, func(sum digest.Sum, _ string) error {
		if _, ok := s.sums[sum]; !ok {
			stale = append(stale, sum)
		}
		return nil
	}, lookup.OnStray(func(p string) error {
		if sum, ok := s.ownEntry(p); ok {
			stale = append(stale, sum)
		} else {
			s.strays.add(Path(p))
		}
		return nil
	}))
	if err != nil {
		s.failed(hashHome, err)
	}
	for _, sum := range stale {
		if err := s.db.Remove(sum); err != nil {
			s.failed(hashPath(sum), err)
			continue
		}
		s.result.Hashes.Removed++
	}
}

// ownEntry tells entries with useless content, which nobody but phlb or PHLB
// can have meant, from files that do not belong into the lookup.
func (s *settler) ownEntry(p string) (digest.Sum, bool) {
	sum, err := digest.Parse(path.Base(p))
	if err != nil || sum.IsZero() || p != hashPath(sum) {
		return digest.Sum{}, false
	}
	info, err := s.root.Dir().LstatAt(p)
	return sum, err == nil && info.Kind == meta.File
}

func (s *settler) removeSizes(ctx context.Context) {
	var stale []int64
	err := s.db.Sizes(ctx, func(size int64) error {
		if _, ok := s.sizes[size]; !ok {
			stale = append(stale, size)
		}
		return nil
	}, lookup.OnStray(func(p string) error { s.strays.add(Path(p)); return nil }))
	if err != nil {
		s.failed(sizeHome, err)
	}
	for _, size := range stale {
		if err := s.db.RemoveSize(size); err != nil {
			s.failed(sizePath(size), err)
			continue
		}
		s.result.Sizes.Removed++
	}
}
