package plan

import (
	"encoding/binary"

	"phlb/internal/digest"
)

// indexed keeps of each file of an index its path and the hash of its content,
// in blocks, as what grows by being copied touches more than twice the memory.
// Neighbours share what stands for their directory.
type indexed struct {
	blocks [][]byte
	dir    string // of the last file
	dirAt  uint32
}

// blockBits is how many of the 32 bits that say where something is are for
// the place in its block: 64 KiB. Only a longer path makes a block longer.
const blockBits = 16

// add keeps a file, and returns where. ok is false when no more will fit.
func (x *indexed) add(path string, sum *digest.Sum) (at uint32, ok bool) {
	dir, name := split(path)
	if x.blocks == nil || dir != x.dir {
		block, at, ok := x.room(binary.MaxVarintLen64 + len(dir))
		if !ok {
			return 0, false
		}
		*block = append(binary.AppendUvarint(*block, uint64(len(dir))), dir...)
		x.dir, x.dirAt = dir, at
	}
	block, at, ok := x.room(len(sum) + 4 + binary.MaxVarintLen64 + len(name))
	if !ok {
		return 0, false
	}
	b := append(*block, sum[:]...)
	b = binary.LittleEndian.AppendUint32(b, x.dirAt)
	*block = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	return at, true
}

// room returns a block that n more bytes fit into, and where they begin.
func (x *indexed) room(n int) (block *[]byte, at uint32, ok bool) {
	const full, most = 1 << blockBits, 1 << (32 - blockBits)
	last := len(x.blocks) - 1
	if last < 0 || len(x.blocks[last])+n > full {
		if last++; last == most {
			return nil, 0, false
		}
		x.blocks = append(x.blocks, make([]byte, 0, max(n, full)))
	}
	block = &x.blocks[last]
	return block, uint32(last<<blockBits | len(*block)), true
}

func (x *indexed) from(at uint32) []byte { return x.blocks[at>>blockBits][at&(1<<blockBits-1):] }

func (x *indexed) sum(at uint32) digest.Sum { return digest.Sum(x.from(at)) }

func (x *indexed) path(at uint32) string {
	b := x.from(at)[len(digest.Sum{}):]
	dir, name := text(x.from(binary.LittleEndian.Uint32(b))), text(b[4:])
	if string(dir) == "." {
		return string(name)
	}
	return string(dir) + "/" + string(name)
}

// text returns what stands behind its length.
func text(b []byte) []byte {
	n, width := binary.Uvarint(b)
	return b[width : uint64(width)+n]
}
