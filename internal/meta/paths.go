package meta

import "strings"

// pathBlock is how many bytes of paths share an allocation: enough for some
// hundred, and little to keep for whoever keeps one of them.
const pathBlock = 4 << 10

// Paths makes strings that share allocations of 4 KiB. Whoever keeps one
// of them keeps its allocation. The zero value is ready to use.
type Paths struct{ block strings.Builder }

// Join returns prefix followed by name.
func (p *Paths) Join(prefix []byte, name string) string {
	if size := len(prefix) + len(name); p.block.Cap()-p.block.Len() < size {
		p.block = strings.Builder{}
		p.block.Grow(max(size, pathBlock))
	}
	start := p.block.Len()
	p.block.Write(prefix)
	p.block.WriteString(name)
	return p.block.String()[start:]
}
