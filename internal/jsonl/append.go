// Package jsonl writes and reads JSON that holds one flat object a line and
// may be far larger than memory: the common ground of the plan file and the
// catalogues, which own their formats.
//
// Writing is appending to a byte slice. Reading is two layers: an Input finds
// one value after the other in a stream and holds no more than one of them,
// and a Decoder takes a value in memory apart. Any valid spelling of JSON is
// understood; what phlb writes itself (no white space, few escapes) is merely
// the fastest, and a Line, which knows only that, faster still. Unlike encoding/json, a key is its exact bytes, a key that
// stands twice, null where it means nothing, and text that is not valid
// Unicode are errors: what a reviewer sees in a file is what a reader gets.
//
// The package knows no key but those of paths and xattrs, opens no file, and
// never holds more than the limits it is given.
package jsonl

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"phlb/internal/meta"
)

// suffix64 marks a key whose value is base64 of bytes that are not UTF-8.
const suffix64 = "_b64"

// plain holds true for every byte that stands for itself in a JSON string.
// DEL is escaped as well, so that printing a file moves no cursor.
var plain = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f
	}
	return t
}()

// AppendString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD: what must come back exactly is written by AppendPath.
func AppendString(b []byte, s string) []byte {
	b, ok := appendPlain(b, s)
	switch {
	case ok:
		return b
	case utf8.ValidString(s):
		return appendValid(b, s)
	}
	return appendValid(b, string([]rune(s)))
}

// appendPlain appends s as a string if all of it is ASCII that stands for
// itself, which is nearly always so.
func appendPlain(b []byte, s string) (out []byte, ok bool) {
	before := len(b)
	b = append(append(b, '"'), s...)
	if !standsForItself(b[before+1:]) {
		return b[:before], false
	}
	return append(b, '"'), true
}

// standsForItself reports whether a string is written as it is, and is ASCII.
func standsForItself(b []byte) bool {
	if len(b) < 8 {
		for _, c := range b {
			if !plain[c] || c >= utf8.RuneSelf {
				return false
			}
		}
		return true
	}
	for i := 0; i < len(b)-8; i += 8 {
		if escapedBytes(binary.LittleEndian.Uint64(b[i:])) != 0 {
			return false
		}
	}
	return escapedBytes(binary.LittleEndian.Uint64(b[len(b)-8:])) == 0
}

// escapedBytes is specialBytes with DEL.
func escapedBytes(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return specialBytes(x) | ((x^ones*0x7f)-ones)&tops
}

func appendValid(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		if !plain[s[i]] {
			b = appendEscaped(append(b, s[start:i]...), s[i])
			start = i + 1
		}
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// AppendPath appends a member whose value is any bytes: `"key":"…"`, or
// `"key_b64":"…"` in standard base64 when they are not UTF-8.
func AppendPath(b []byte, key, value string) []byte {
	b = append(append(b, '"'), key...)
	afterKey := len(b)
	b, ok := appendPlain(append(b, `":`...), value)
	switch {
	case ok:
		return b
	case utf8.ValidString(value):
		return appendValid(b, value)
	}
	b = append(append(b[:afterKey], suffix64...), `":"`...)
	return append(base64.StdEncoding.AppendEncode(b, []byte(value)), '"')
}

// AppendMode appends permission bits as a string of at least four octal digits.
func AppendMode(b []byte, mode uint32) []byte {
	if mode > 0o7777 {
		return append(strconv.AppendUint(append(b, '"'), uint64(mode), 8), '"')
	}
	return append(b, '"', octal(mode>>9), octal(mode>>6), octal(mode>>3), octal(mode), '"')
}

func octal(n uint32) byte { return '0' + byte(n&7) }

// AppendXattrs appends the member `"xattrs":{…}`: names, sorted, to values in
// base64. Names that are not UTF-8 follow in a second member, "xattrs_b64",
// base64 themselves.
func AppendXattrs(b []byte, x meta.Xattrs) []byte {
	var odd []string
	b = append(b, `"xattrs":{`...)
	open := len(b)
	for _, name := range slices.Sorted(maps.Keys(x)) {
		if !utf8.ValidString(name) {
			odd = append(odd, name)
			continue
		}
		b = appendXattr(b, open, name, x[name])
	}
	b = append(b, '}')
	if odd == nil {
		return b
	}
	b = append(b, `,"xattrs_b64":{`...)
	open = len(b)
	for _, name := range odd {
		b = appendXattr(b, open, base64.StdEncoding.EncodeToString([]byte(name)), x[name])
	}
	return append(b, '}')
}

// appendXattr appends one member of an object whose first begins at open.
func appendXattr(b []byte, open int, name string, value []byte) []byte {
	if len(b) > open {
		b = append(b, ',')
	}
	b = append(appendValid(b, name), `:"`...)
	return append(base64.StdEncoding.AppendEncode(b, value), '"')
}
