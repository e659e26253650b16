package jsonl

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// Bytes takes a string as a slice that is only valid until the next call.
func (d *Decoder) Bytes() []byte { return d.text() }

// Text takes a string.
func (d *Decoder) Text() string { return string(d.text()) }

// TextLike takes a string and returns old itself if it is the same, which
// saves memory where neighbours often agree.
func (d *Decoder) TextLike(old string) string {
	s := d.text()
	if string(s) == old {
		return old
	}
	return string(s)
}

// NullableText takes a string or null.
func (d *Decoder) NullableText() *string {
	if d.err == nil && d.peek() == 'n' {
		d.literal("null")
		return nil
	}
	s := d.Text()
	return &s
}

// Base64 takes a string and decodes it.
func (d *Decoder) Base64() []byte {
	s := d.text()
	out, err := base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(s))), s)
	if err != nil {
		d.Fail(err)
		return nil
	}
	return out
}

// Bool takes true or false.
func (d *Decoder) Bool() bool {
	switch d.peek() {
	case 't':
		return d.literal("true")
	case 'f':
		d.literal("false")
	default:
		d.want("true or false")
	}
	return false
}

func (d *Decoder) literal(s string) bool {
	if d.err == nil && len(d.b)-d.i >= len(s) && string(d.b[d.i:d.i+len(s)]) == s {
		d.i += len(s)
		return true
	}
	d.Fail(errors.New("want " + s))
	return false
}

// integer takes a number without fraction and exponent.
func (d *Decoder) integer() []byte {
	c := d.peek()
	if d.err != nil {
		return nil
	}
	start, i := d.i, d.i
	if c == '-' {
		i++
	}
	digits := i
	for i < len(d.b) && '0' <= d.b[i] && d.b[i] <= '9' {
		i++
	}
	if i == digits || i-digits > 1 && d.b[digits] == '0' || i < len(d.b) && (d.b[i]|0x20 == 'e' || d.b[i] == '.') {
		d.want("a whole number")
		return nil
	}
	d.i = i
	return d.b[start:i]
}

// small returns the value of a token that is short and not negative, which is
// nearly every number there is.
func small(token []byte) (n uint64, ok bool) {
	if len(token) > 19 || len(token) == 0 || token[0] == '-' {
		return 0, false
	}
	for _, c := range token {
		n = n*10 + uint64(c-'0')
	}
	return n, n <= math.MaxInt64
}

// Int64 takes a whole number.
func (d *Decoder) Int64() int64 {
	token := d.integer()
	if n, ok := small(token); ok {
		return int64(n)
	}
	n, err := strconv.ParseInt(string(token), 10, 64)
	if err != nil {
		d.Fail(err)
	}
	return n
}

// Count takes a whole number that is not negative.
func (d *Decoder) Count() int64 {
	n := d.Int64()
	if n < 0 {
		d.Fail(fmt.Errorf("%d is negative", n))
	}
	return n
}

// Uint64 takes a whole number that is not negative.
func (d *Decoder) Uint64() uint64 { return d.unsigned(64) }

// Uint32 takes a whole number of at most 32 bits.
func (d *Decoder) Uint32() uint32 { return uint32(d.unsigned(32)) }

func (d *Decoder) unsigned(bits int) uint64 {
	token := d.integer()
	if n, ok := small(token); ok && n>>bits == 0 {
		return n
	}
	n, err := strconv.ParseUint(string(token), 10, bits)
	if err != nil {
		d.Fail(err)
	}
	return n
}

// Time takes nanoseconds since 1970, which may need more than 64 bits.
func (d *Decoder) Time() meta.Time {
	token := d.integer()
	if n, ok := small(token); ok {
		return meta.Time{Sec: int64(n / 1e9), Nsec: int32(n % 1e9)}
	}
	if d.err != nil {
		return meta.Time{}
	}
	t, err := meta.ParseTime(token)
	if err != nil {
		d.Fail(err)
	}
	return t
}

// Mode takes a string of at least four octal digits.
func (d *Decoder) Mode() uint32 {
	s := d.text()
	n, err := strconv.ParseUint(string(s), 8, 32)
	if d.err == nil && (err != nil || len(s) < 4 || n > 0o7777) {
		d.Fail(fmt.Errorf("%q is not a mode in octal", s))
	}
	return uint32(n)
}

// Sum takes a string of 64 hex digits.
func (d *Decoder) Sum() digest.Sum {
	s := d.text()
	if d.err != nil {
		return digest.Sum{}
	}
	sum, err := digest.Parse(s)
	if err != nil {
		d.Fail(err)
	}
	return sum
}

// Xattrs takes an object of names, coded as said, to values in base64 and adds
// them to x, which may be nil.
func (d *Decoder) Xattrs(x meta.Xattrs, names NameCoding) meta.Xattrs {
	if x == nil {
		x = meta.Xattrs{}
	}
	d.Object()
	for {
		key, ok := d.Key()
		if !ok {
			return x
		}
		name := string(key)
		if names == NamesBase64 {
			raw, err := base64.StdEncoding.DecodeString(name)
			if err != nil {
				d.Fail(err)
			}
			name = string(raw)
		}
		if _, twice := x[name]; twice {
			d.Fail(fmt.Errorf("xattr %q stands twice", name))
		}
		x[name] = d.Base64()
	}
}

// NameCoding says how names of xattrs are written.
type NameCoding uint8

// The codings of AppendXattrs' two members.
const (
	NamesPlain  NameCoding = iota // "xattrs"
	NamesBase64                   // "xattrs_b64"
)

// Scalar takes a string, a bool, or a number, which is an int64 if it is whole
// and fits, else a float64.
func (d *Decoder) Scalar() any {
	switch d.peek() {
	case '"':
		return d.Text()
	case 't', 'f':
		return d.Bool()
	case '{', '[', 'n':
		d.want("a string, a bool or a number")
		return nil
	}
	return d.number()
}

func (d *Decoder) number() any {
	raw := d.Raw()
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.Fail(err)
	}
	if f == math.Trunc(f) && math.Abs(f) < math.MaxInt64 {
		return int64(f)
	}
	return f
}

// Raw takes any value as it is written. It is a part of the input.
func (d *Decoder) Raw() []byte {
	d.peek()
	if d.err != nil {
		return nil
	}
	n, _ := endOfValue(d.b[d.i:])
	raw := d.b[d.i : d.i+n]
	if !json.Valid(raw) {
		d.want("a valid value")
	}
	d.i += n
	return raw
}

// Skip takes any value and forgets it.
func (d *Decoder) Skip() { d.Raw() }
