package jsonl

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Decoder takes JSON in memory apart, from front to back. The first error
// sticks: from then on values are zero and objects end, so that callers look
// at Err once, at the end of a value.
type Decoder struct {
	b     []byte
	i     int
	fresh bool // directly behind an opening bracket
	err   error
}

// Reset starts over with b, which must not change while it is decoded.
func (d *Decoder) Reset(b []byte) { *d = Decoder{b: b} }

// Len returns how many bytes have been taken so far.
func (d *Decoder) Len() int { return d.i }

// Err returns the first error.
func (d *Decoder) Err() error { return d.err }

// Fail makes err the decoder's error if it has none yet. Callers use it for
// values that are valid JSON but mean nothing.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// peek returns the next byte that is not white space, 0 at the end.
func (d *Decoder) peek() byte {
	if d.i < len(d.b) && d.b[d.i] > ' ' {
		return d.b[d.i]
	}
	return d.peekFurther()
}

func (d *Decoder) peekFurther() byte {
	for ; d.i < len(d.b); d.i++ {
		if c := d.b[d.i]; !space(c) {
			return c
		}
	}
	return 0
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// want complains that something else stands at the current position.
func (d *Decoder) want(what string) {
	if d.err == nil {
		d.Fail(fmt.Errorf("want %s, found %s", what, found(d.peek())))
	}
}

func found(c byte) string {
	switch {
	case c == 0:
		return "the end"
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == 'n':
		return "null"
	case c == 't' || c == 'f':
		return "true or false"
	case c == '-' || '0' <= c && c <= '9':
		return "a number"
	}
	return fmt.Sprintf("%q", c)
}

// take consumes the byte c or fails.
func (d *Decoder) take(c byte) bool {
	if d.err != nil {
		return false
	}
	if d.peek() != c || d.i >= len(d.b) {
		d.want(fmt.Sprintf("%q", c))
		return false
	}
	d.i++
	return true
}

// Object enters an object; Key then leads from member to member.
func (d *Decoder) Object() { d.open('{', "an object") }

// Array enters an array; More then leads from element to element.
func (d *Decoder) Array() { d.open('[', "an array") }

// AtObject reports whether the next value is an object.
func (d *Decoder) AtObject() bool { return d.err == nil && d.peek() == '{' }

func (d *Decoder) open(bracket byte, what string) {
	if d.err == nil && d.peek() != bracket {
		d.want(what)
	}
	d.fresh = d.take(bracket)
}

// Key moves to the next member of the current object and returns its key,
// which is only valid until the next call. The caller takes the value. It
// returns false at the object's end, having left it, and after an error.
func (d *Decoder) Key() (key []byte, ok bool) {
	if !d.next('}') {
		return nil, false
	}
	key = d.text()
	return key, d.take(':')
}

// More moves to the next element of the current array. The caller takes it.
// It returns false at the array's end, having left it, and after an error.
func (d *Decoder) More() bool { return d.next(']') }

func (d *Decoder) next(bracket byte) bool {
	if d.err != nil {
		return false
	}
	fresh := d.fresh
	d.fresh = false
	if d.peek() == bracket {
		d.i++
		return false
	}
	return fresh || d.take(',')
}

// Once notes in seen that the key with this bit stands in an object, and
// fails if it has before.
func (d *Decoder) Once(seen *uint32, bit uint32) {
	if *seen&bit != 0 {
		d.Fail(errors.New("a key stands twice"))
	}
	*seen |= bit
}

// text takes a string. Without escapes it is a part of the input.
func (d *Decoder) text() []byte {
	if d.err != nil || d.peek() != '"' {
		d.want("a string")
		return nil
	}
	d.i++
	n, ascii := plainPrefix(d.b[d.i:])
	if n == len(d.b)-d.i {
		d.Fail(errors.New("a string has no end"))
		return nil
	}
	switch d.b[d.i+n] {
	case '"':
		s := d.b[d.i : d.i+n]
		d.i += n + 1
		if !ascii && !utf8.Valid(s) {
			d.Fail(errors.New("a string is not UTF-8"))
		}
		return s
	case '\\':
		return d.escaped()
	}
	d.Fail(errors.New("control character in a string"))
	return nil
}

// plainPrefix returns how many bytes stand for themselves at the beginning of
// a string, and whether they are all ASCII.
func plainPrefix(b []byte) (n int, ascii bool) {
	ascii = true
	for n+8 <= len(b) {
		special := specialBytes(binary.LittleEndian.Uint64(b[n:]))
		if special == 0 {
			n += 8
			continue
		}
		n += bits.TrailingZeros64(special) / 8
		if b[n] < utf8.RuneSelf {
			return n, ascii
		}
		ascii = false
		n++
	}
	for ; n < len(b) && b[n] != '"' && b[n] != '\\' && b[n] >= ' '; n++ {
		ascii = ascii && b[n] < utf8.RuneSelf
	}
	return n, ascii
}

// specialBytes sets the top bit of the first of eight bytes that is a quote, a
// backslash, a control character or not ASCII, and perhaps of later ones; it
// returns 0 if there is none. (A byte from which less is subtracted than it
// holds gets its top bit only from there, and lends nothing to the next.)
func specialBytes(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return ((x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones) | x) & tops
}

// escaped takes a string that has escapes, from behind its opening quote.
func (d *Decoder) escaped() []byte {
	n, ok := endOfString(d.b[d.i:])
	if !ok {
		d.Fail(errors.New("a string has no end"))
		return nil
	}
	raw := d.b[d.i-1 : d.i+n]
	d.i += n
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		d.Fail(err)
		return nil
	}
	if !utf8.Valid(raw) || loneSurrogate(raw) {
		d.Fail(errors.New("a string is not valid Unicode"))
	}
	return []byte(s)
}

// loneSurrogate reports whether a valid JSON string holds half of a UTF-16
// pair, which encoding/json would silently replace.
func loneSurrogate(raw []byte) bool {
	high := false // the escape just before was the first half of a pair
	for i := 0; i < len(raw); i++ {
		var half byte
		if raw[i] == '\\' {
			i++
			if raw[i] == 'u' {
				half = surrogate(raw[i+1 : i+5])
				i += 4
			}
		}
		if high != (half == 'l') {
			return true
		}
		high = half == 'h'
	}
	return high
}

// surrogate tells the first half of a pair ('h'), the second ('l') and other
// code units (0) apart, by their four hex digits.
func surrogate(hex []byte) byte {
	const lower = 0x20 // the bit that digits have set anyway
	if hex[0]|lower != 'd' {
		return 0
	}
	switch strings.IndexByte("89abcdef", hex[1]|lower) {
	case 0, 1, 2, 3:
		return 'h'
	case 4, 5, 6, 7:
		return 'l'
	}
	return 0
}
