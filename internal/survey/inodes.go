package survey

import "sync"

// shards is how many parts the table has, so that workers seldom wait for each
// other and growing copies little at a time. It is a power of two.
const shards = 64

// inodes finds out which stored files only one snapshot has. Of each it keeps
// its number and a snapshot's, 12 bytes in a table at least three eighths
// full, so that ten million files take some 250 MB, and of these only those
// that may have several names.
type inodes struct {
	mu      sync.Mutex
	devices map[uint64]*[shards]shard

	counts []tally // by snapshot
	all    tally
}

// tally counts stored files and their bytes.
type tally struct{ files, bytes int64 }

func (t *tally) add(o tally) { t.files, t.bytes = t.files+o.files, t.bytes+o.bytes }

func newInodes(snapshots int) *inodes {
	return &inodes{devices: map[uint64]*[shards]shard{}, counts: make([]tally, snapshots)}
}

// add takes in what one snapshot holds. It is safe for concurrent use.
func (t *inodes) add(snapshot int, c *count) {
	device := t.device(c.dev)
	changes := map[uint32]tally{} // few: nearly all is shared with neighbours
	all := tally{c.aloneFiles, c.aloneBytes}
	mine := all
	for _, s := range c.shared {
		switch owner := device[s.ino%shards].claim(s.ino, uint32(snapshot)); owner {
		case nobody:
			mine.add(tally{1, s.size})
			all.add(tally{1, s.size})
		case uint32(snapshot), many:
		default:
			lost := changes[owner]
			lost.add(tally{-1, -s.size})
			changes[owner] = lost
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all.add(all)
	t.counts[snapshot].add(mine)
	for owner, lost := range changes {
		t.counts[owner].add(lost)
	}
}

func (t *inodes) device(dev uint64) *[shards]shard {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := t.devices[dev]
	if d == nil {
		d = new([shards]shard)
		t.devices[dev] = d
	}
	return d
}

// unique returns what only a snapshot has, once all are added.
func (t *inodes) unique(snapshot int) (files, bytes int64) {
	c := t.counts[snapshot]
	return c.files, c.bytes
}

// total returns what all of them have.
func (t *inodes) total() (files, bytes int64) { return t.all.files, t.all.bytes }

// Owners of an inode that are no snapshot.
const (
	many   = ^uint32(0)
	nobody = many - 1
)

// shard is a hash table with open addressing.
type shard struct {
	mu     sync.Mutex
	keys   []uint64
	owners []uint32 // nobody: the place is free
	used   int
}

const firstSize = 64

// claim makes a snapshot the owner of an inode that has none, and many where
// another one is; it returns who was before.
func (s *shard) claim(ino uint64, snapshot uint32) (owner uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if 4*(s.used+1) > 3*len(s.keys) {
		s.grow()
	}
	i := s.place(ino)
	owner = s.owners[i]
	switch owner {
	case nobody:
		s.keys[i], s.owners[i] = ino, snapshot
		s.used++
	case snapshot:
	default:
		s.owners[i] = many
	}
	return owner
}

// place returns where an inode is, or would be.
func (s *shard) place(ino uint64) int {
	mask := len(s.keys) - 1
	// Fibonacci hashing: neighbours, which inode numbers are, go far apart.
	i := int(ino*0x9e3779b97f4a7c15>>32) & mask
	for s.owners[i] != nobody && s.keys[i] != ino {
		i = (i + 1) & mask
	}
	return i
}

func (s *shard) grow() {
	old := shard{keys: s.keys, owners: s.owners}
	size := max(firstSize, 2*len(old.keys))
	s.keys, s.owners = make([]uint64, size), make([]uint32, size)
	for i := range s.owners {
		s.owners[i] = nobody
	}
	for i, ino := range old.keys {
		if old.owners[i] != nobody {
			at := s.place(ino)
			s.keys[at], s.owners[at] = ino, old.owners[i]
		}
	}
}
