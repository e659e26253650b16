package jsonl

import (
	"encoding/binary"
	"math"
	"math/bits"
	"unicode/utf8"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// Line reads a value in the very spelling that phlb writes: keys in their
// order, no white space, strings without escapes, short numbers without sign.
// Whoever knows what comes next need not ask a Decoder key by key.
//
// Anything else makes the Line give up, and that sticks: from then on nothing
// matches and values are zero, so that callers look at OK once, at the end.
// It says nothing of the text but that a Decoder must read it from the start.
// What a Line does accept, a Decoder accepts too, with the same value.
type Line struct {
	b       []byte
	i       int
	givenUp bool
}

// Line returns a Line over what the decoder has not taken yet.
func (d *Decoder) Line() Line {
	if d.err != nil {
		return Line{givenUp: true}
	}
	return Line{b: d.b[d.i:]}
}

// TakeLine takes what l, which d.Line made, has read, if that is OK.
func (d *Decoder) TakeLine(l *Line) bool {
	if l.givenUp {
		return false
	}
	d.i += l.i
	return true
}

// OK reports whether everything so far was in phlb's own spelling.
func (l *Line) OK() bool { return !l.givenUp }

// GiveUp says that the caller has no use for what it read.
func (l *Line) GiveUp() { *l = Line{givenUp: true} }

// Has passes s, which is not empty, if it comes next.
func (l *Line) Has(s string) bool {
	if len(l.b)-l.i < len(s) || string(l.b[l.i:l.i+len(s)]) != s {
		return false
	}
	l.i += len(s)
	return true
}

// Want passes s, which must come next.
func (l *Line) Want(s string) {
	if !l.Has(s) {
		l.GiveUp()
	}
}

// Text reads a string as a part of the input.
func (l *Line) Text() []byte {
	if l.i >= len(l.b) || l.b[l.i] != '"' {
		l.GiveUp()
		return nil
	}
	rest := l.b[l.i+1:]
	n, ascii := plainPrefix(rest)
	if n == len(rest) || rest[n] != '"' || !ascii && !utf8.Valid(rest[:n]) {
		l.GiveUp()
		return nil
	}
	l.i += n + 2
	return rest[:n]
}

// maxDigits is how long a number may be that fits into 64 bits whatever its
// digits.
const maxDigits = 19

// Uint64 reads a number.
func (l *Line) Uint64() uint64 {
	b := l.b[l.i:]
	n, length := number(b)
	if length == 0 || length > maxDigits || length > 1 && b[0] == '0' {
		l.GiveUp()
		return 0
	}
	l.i += length
	return n
}

// number returns the value and the length of the digits at the start of b.
// The value is only right if there are no more than maxDigits.
func number(b []byte) (n uint64, length int) {
	for len(b)-length >= 8 && length <= maxDigits {
		x := binary.LittleEndian.Uint64(b[length:])
		other := notDigits(x)
		if other == 0 {
			n = n*1e8 + value8(x)
			length += 8
			continue
		}
		// Zeros in front, where there was something else behind.
		few := bits.TrailingZeros64(other) / 8
		return n*powers[few] + value8(x<<(64-8*few)), length + few
	}
	for ; length < len(b) && b[length]-'0' <= 9 && length <= maxDigits; length++ {
		n = n*10 + uint64(b[length]-'0')
	}
	return n, length
}

var powers = [...]uint64{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000}

// notDigits sets the top bit of the first of eight bytes that is no decimal
// digit, and perhaps of later ones; it returns 0 if all are digits.
func notDigits(x uint64) uint64 {
	const zeros, above9, tops = 0x3030303030303030, 0x7676767676767676, 0x8080808080808080
	x ^= zeros
	return (x | (x + above9)) & tops
}

// value8 returns the value of eight digits or zeros, of which the first is the
// lowest byte. Each step joins neighbours: to pairs, to fours, to all eight.
func value8(x uint64) uint64 {
	x = (x & 0x0f0f0f0f0f0f0f0f) * (1 + 10<<8) >> 8
	x = (x & 0x00ff00ff00ff00ff) * (1 + 100<<16) >> 16
	return (x & 0x0000ffff0000ffff) * (1 + 10_000<<32) >> 32
}

// atMost reads a number up to a limit.
func (l *Line) atMost(limit uint64) uint64 {
	n := l.Uint64()
	if n > limit {
		l.GiveUp()
		return 0
	}
	return n
}

// Uint32 reads a number of at most 32 bits.
func (l *Line) Uint32() uint32 { return uint32(l.atMost(math.MaxUint32)) }

// Count reads a number of at most 63 bits.
func (l *Line) Count() int64 { return int64(l.atMost(math.MaxInt64)) }

// Time reads nanoseconds since 1970, a time after that.
func (l *Line) Time() meta.Time {
	n := l.Uint64()
	return meta.Time{Sec: int64(n / 1e9), Nsec: int32(n % 1e9)}
}

// Mode reads a string of four octal digits.
func (l *Line) Mode() (mode uint32) {
	const length = len(`"0644"`)
	if len(l.b)-l.i < length {
		l.GiveUp()
		return 0
	}
	text := l.b[l.i : l.i+length]
	ok := text[0] == '"' && text[length-1] == '"'
	for _, c := range text[1 : length-1] {
		ok = ok && c-'0' <= 7
		mode = mode<<3 | uint32(c-'0')
	}
	if !ok {
		l.GiveUp()
		return 0
	}
	l.i += length
	return mode
}

// notHex has bits that no value of a hex digit has.
const notHex = 0xf0

// hexValue holds the values of lower-case hex digits, notHex for other bytes.
var hexValue = func() (t [256]byte) {
	for c := range t {
		t[c] = notHex
	}
	for v, c := range []byte("0123456789abcdef") {
		t[c] = byte(v)
	}
	return t
}()

// Sum reads a string of 64 hex digits.
func (l *Line) Sum() (sum digest.Sum) {
	const length = 2*len(sum) + 2
	if len(l.b)-l.i < length {
		l.GiveUp()
		return sum
	}
	text := l.b[l.i : l.i+length]
	var all byte
	for i := range sum {
		high, low := hexValue[text[2*i+1]], hexValue[text[2*i+2]]
		all |= high | low
		sum[i] = high<<4 | low
	}
	if all&notHex != 0 || text[0] != '"' || text[length-1] != '"' {
		l.GiveUp()
		return digest.Sum{}
	}
	l.i += length
	return sum
}

// Xattrs reads the object of the member "xattrs"; nil if it is empty. It has
// no spelling of its own: a Decoder reads it.
func (l *Line) Xattrs() meta.Xattrs {
	d := Decoder{b: l.b[l.i:]}
	x := d.Xattrs(nil, NamesPlain)
	if d.err != nil {
		l.GiveUp()
		return nil
	}
	l.i += d.i
	if len(x) == 0 {
		return nil
	}
	return x
}
