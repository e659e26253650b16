package verify

import (
	"math"
	"math/rand/v2"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// inodeKey names a stored file, whatever its paths.
type inodeKey struct{ dev, ino uint64 }

func keyOf(info *meta.Info) inodeKey { return inodeKey{info.Dev, info.Ino} }

// outcome is what hashing one inode came to.
type outcome struct {
	sum digest.Sum
	err string // why it cannot be read; "" if it was
}

// State bits of an inode.
const (
	isHashed uint8 = 1 << iota
	isFailed
	isBad     // something on record contradicts the content
	isVouched // something on record agrees with the content
)

type inode struct {
	sum   digest.Sum
	state uint8
}

const (
	// tables is how many tables there are, so that workers seldom wait for
	// each other.
	tables = 16
	// neighbours is how many inode numbers in a row share a line of an index:
	// 64 bytes, which is what a processor fetches at once. What lies in one
	// directory mostly has numbers in a row.
	neighbours = 16
	// leafInodes is how many inodes a list makes room for at a time.
	leafInodes = 128
)

// inodeTable remembers the hashes of inodes that may be met again, so that
// each is read once. Per inode it needs some 40 bytes; 130 where no two have
// neighbouring numbers. It is safe for concurrent use.
type inodeTable [tables]inodePart

// inodePart is the table of a part of the inodes.
type inodePart struct {
	mu      sync.Mutex
	index   map[uint64]inodeIndex // by device
	leaves  []*[leafInodes]inode
	count   uint32              // of inodes in the leaves
	waiting map[uint32][]*claim // on inodes that are being read
	errs    map[uint32]string
	loose   map[inodeKey]uint8 // isBad of inodes that are not in the list
}

// inodeIndex has the place of each inode in the list, counted from 1.
type inodeIndex map[uint64]*[neighbours]uint32

func newInodeTable() *inodeTable {
	t := new(inodeTable)
	for i := range t {
		t[i] = inodePart{
			index:   map[uint64]inodeIndex{},
			waiting: map[uint32][]*claim{},
			errs:    map[uint32]string{},
			loose:   map[inodeKey]uint8{},
		}
	}
	return t
}

// locked returns the part of an inode, to be unlocked by the caller.
func (t *inodeTable) locked(key inodeKey) *inodePart {
	p := &t[key.ino/neighbours%tables]
	p.mu.Lock()
	return p
}

// sight is what is known of an inode that was met before.
type sight struct {
	outcome
	state uint8
}

// isKnown reports whether the outcome is there. If not, somebody is at it.
func (s *sight) isKnown() bool { return s.state&(isHashed|isFailed) != 0 }

func (p *inodePart) sight(i uint32) (s sight) {
	n := p.at(i)
	s.sum, s.state = n.sum, n.state
	if s.state&isFailed != 0 {
		s.err = p.errs[i]
	}
	return s
}

// meet returns what is known of an inode if it was met before, and takes note of
// it. Who is the first to meet it is to hash it and to call done.
func (t *inodeTable) meet(key inodeKey) (s sight, met bool) {
	p := t.locked(key)
	defer p.mu.Unlock()
	if i, met := p.find(key); met {
		return p.sight(i), true
	}
	p.add(key)
	return sight{}, false
}

// wait leaves a copy of a claim to whoever is hashing its inode, which was met
// before. If that was done in the meantime, it returns the outcome.
func (t *inodeTable) wait(c *claim) (s sight, isWaiting bool) {
	p := t.locked(c.key)
	defer p.mu.Unlock()
	i, _ := p.find(c.key)
	if s = p.sight(i); s.isKnown() {
		return s, false
	}
	own := *c
	p.waiting[i] = append(p.waiting[i], &own)
	return s, true
}

// done records the outcome, with further state bits, and returns the claims
// that waited for it.
func (t *inodeTable) done(key inodeKey, o outcome, bits uint8) []*claim {
	p := t.locked(key)
	defer p.mu.Unlock()
	i, ok := p.find(key)
	if !ok {
		return nil
	}
	n := p.at(i)
	n.sum = o.sum
	n.state |= bits
	if o.err == "" {
		n.state |= isHashed
	} else {
		n.state |= isFailed
		p.errs[i] = o.err
	}
	if len(p.waiting) == 0 {
		return nil
	}
	waiting := p.waiting[i]
	delete(p.waiting, i)
	return waiting
}

func (p *inodePart) find(key inodeKey) (i uint32, ok bool) {
	line := p.index[key.dev][key.ino/neighbours]
	if line == nil || line[key.ino%neighbours] == 0 {
		return 0, false
	}
	return line[key.ino%neighbours] - 1, true
}

func (p *inodePart) at(i uint32) *inode { return &p.leaves[i/leafInodes][i%leafInodes] }

// add takes in an inode that find does not find.
func (p *inodePart) add(key inodeKey) {
	index := p.index[key.dev]
	if index == nil {
		index = inodeIndex{}
		p.index[key.dev] = index
	}
	line := index[key.ino/neighbours]
	if line == nil {
		line = new([neighbours]uint32)
		index[key.ino/neighbours] = line
	}
	if p.count%leafInodes == 0 {
		p.leaves = append(p.leaves, new([leafInodes]inode))
	}
	p.count++
	line[key.ino%neighbours] = p.count
}

// mark sets state bits. Of an inode that is not in the list, which has one
// path only, nothing but isBad is worth memory.
func (t *inodeTable) mark(key inodeKey, bits uint8) {
	p := t.locked(key)
	defer p.mu.Unlock()
	if i, ok := p.find(key); ok {
		p.at(i).state |= bits
		return
	}
	if bits&isBad != 0 {
		p.loose[key] = isBad
	}
}

// get returns the hash and state of an inode; for one that is not in the
// list, the bits that were marked.
func (t *inodeTable) get(key inodeKey) (digest.Sum, uint8) {
	p := t.locked(key)
	defer p.mu.Unlock()
	if i, ok := p.find(key); ok {
		return p.at(i).sum, p.at(i).state
	}
	return digest.Sum{}, p.loose[key]
}

// sample chooses a share of the inodes, the same for the same seed.
type sample struct {
	seed  uint64
	limit uint64 // inodes whose number, scattered, is above are left out
}

// newSample takes 0 and everything from 100 on for all of them.
func newSample(percent float64, seed uint64) sample {
	if percent <= 0 || percent >= 100 {
		return sample{seed: seed, limit: math.MaxUint64}
	}
	return sample{seed: seed, limit: uint64(percent / 100 * (1 << 63) * 2)}
}

// share is the part of all inodes that it takes.
func (s sample) share() float64 { return float64(s.limit) / math.MaxUint64 }

func (s sample) has(key inodeKey) bool {
	// Device numbers may change from mount to mount; the choice must not.
	return s.limit == math.MaxUint64 || rand.NewPCG(s.seed, key.ino).Uint64() <= s.limit
}
