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

// tables is how many tables there are, so that workers seldom wait for each
// other.
const tables = 16

// inodeTable remembers the hashes of inodes that may be met again, so that
// each is read once. Per inode it needs some 60 bytes. It is safe for
// concurrent use.
type inodeTable [tables]inodePart

// inodePart is the table of the inodes whose numbers have the same remainder.
type inodePart struct {
	mu      sync.Mutex
	index   map[uint64]map[uint64]uint32 // by device and number
	list    []inode
	waiting map[uint32][]*claim // on inodes that are being read
	errs    map[uint32]string
	loose   map[inodeKey]uint8 // isBad of inodes that are not in the list
}

func newInodeTable() *inodeTable {
	t := new(inodeTable)
	for i := range t {
		t[i] = inodePart{
			index:   map[uint64]map[uint64]uint32{},
			waiting: map[uint32][]*claim{},
			errs:    map[uint32]string{},
			loose:   map[inodeKey]uint8{},
		}
	}
	return t
}

// locked returns the part of an inode, to be unlocked by the caller.
func (t *inodeTable) locked(key inodeKey) *inodePart {
	p := &t[key.ino%tables]
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
	n := &p.list[i]
	s.sum, s.state = n.sum, n.state
	if s.state&isFailed != 0 {
		s.err = p.errs[i]
	}
	return s
}

// look returns what is known of an inode, if it was met before.
func (t *inodeTable) look(key inodeKey) (s sight, met bool) {
	p := t.locked(key)
	defer p.mu.Unlock()
	i, met := p.find(key)
	if met {
		s = p.sight(i)
	}
	return s, met
}

// meet is look that takes note of an inode. Who is the first to meet it is to
// hash it and to call done.
func (t *inodeTable) meet(key inodeKey) (s sight, met bool) {
	p := t.locked(key)
	defer p.mu.Unlock()
	byIno := p.index[key.dev]
	if byIno == nil {
		byIno = map[uint64]uint32{}
		p.index[key.dev] = byIno
	}
	if i, met := byIno[key.ino]; met {
		return p.sight(i), true
	}
	byIno[key.ino] = uint32(len(p.list))
	p.list = append(p.list, inode{})
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
	n := &p.list[i]
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

func (p *inodePart) find(key inodeKey) (uint32, bool) {
	i, ok := p.index[key.dev][key.ino]
	return i, ok
}

// mark sets state bits. Of an inode that is not in the list, which has one
// path only, nothing but isBad is worth memory.
func (t *inodeTable) mark(key inodeKey, bits uint8) {
	p := t.locked(key)
	defer p.mu.Unlock()
	if i, ok := p.find(key); ok {
		p.list[i].state |= bits
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
		return p.list[i].sum, p.list[i].state
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
