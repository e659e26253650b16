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

// inodeTable remembers the hashes of inodes that may be met again, so that
// each is read once. Per inode it needs some 60 bytes. It is safe for
// concurrent use.
type inodeTable struct {
	mu      sync.Mutex
	index   map[uint64]map[uint64]uint32 // by device and number
	list    []inode
	waiting map[uint32][]*claim // on inodes that are being read
	errs    map[uint32]string
	loose   map[inodeKey]uint8 // isBad of inodes that are not in the list
}

func newInodeTable() *inodeTable {
	return &inodeTable{
		index:   map[uint64]map[uint64]uint32{},
		waiting: map[uint32][]*claim{},
		errs:    map[uint32]string{},
		loose:   map[inodeKey]uint8{},
	}
}

// ask returns the outcome of a claim's inode if it is known. If not, the
// caller is to hash it and call done (first), or somebody else does and
// settles the claim.
func (t *inodeTable) ask(c *claim) (o outcome, known, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	byIno := t.index[c.key.dev]
	if byIno == nil {
		byIno = map[uint64]uint32{}
		t.index[c.key.dev] = byIno
	}
	i, met := byIno[c.key.ino]
	if !met {
		i = uint32(len(t.list))
		byIno[c.key.ino] = i
		t.list = append(t.list, inode{})
		return outcome{}, false, true
	}
	n := &t.list[i]
	if n.state&(isHashed|isFailed) == 0 {
		t.waiting[i] = append(t.waiting[i], c)
		return outcome{}, false, false
	}
	return outcome{n.sum, t.errs[i]}, true, false
}

// done records the outcome and returns the claims that waited for it.
func (t *inodeTable) done(key inodeKey, o outcome) []*claim {
	t.mu.Lock()
	defer t.mu.Unlock()
	i, ok := t.find(key)
	if !ok {
		return nil
	}
	n := &t.list[i]
	n.sum = o.sum
	if o.err == "" {
		n.state |= isHashed
	} else {
		n.state |= isFailed
		t.errs[i] = o.err
	}
	waiting := t.waiting[i]
	delete(t.waiting, i)
	return waiting
}

func (t *inodeTable) find(key inodeKey) (uint32, bool) {
	i, ok := t.index[key.dev][key.ino]
	return i, ok
}

// mark sets state bits. Of an inode that is not in the list, which has one
// path only, nothing but isBad is worth memory.
func (t *inodeTable) mark(key inodeKey, bits uint8) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.find(key); ok {
		t.list[i].state |= bits
		return
	}
	if bits&isBad != 0 {
		t.loose[key] = isBad
	}
}

// get returns the hash and state of an inode; for one that is not in the
// list, the bits that were marked.
func (t *inodeTable) get(key inodeKey) (digest.Sum, uint8) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.find(key); ok {
		return t.list[i].sum, t.list[i].state
	}
	return digest.Sum{}, t.loose[key]
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
