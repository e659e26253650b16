// Package digest holds the two hashes phlb uses: SHA-256 as the identity of
// content, and XXH64 samples of head and tail that cheaply tell different
// content apart.
//
// Equal samples never prove equal content; only Sum does. The package reads
// what it is given and must never open a file itself.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Sum is the SHA-256 of some content. The zero Sum stands for "not known":
// no content has it for practical purposes.
type Sum [sha256.Size]byte

// IsZero reports whether the sum is not known.
func (s Sum) IsZero() bool { return s == Sum{} }

// String returns 64 lower-case hex digits, or "" when the sum is not known.
func (s Sum) String() string {
	if s.IsZero() {
		return ""
	}
	return hex.EncodeToString(s[:])
}

// AppendHex appends the 64 lower-case hex digits.
func (s Sum) AppendHex(b []byte) []byte {
	var text [2 * len(s)]byte
	for i, c := range s {
		pair := &hexPairs[c]
		text[2*i], text[2*i+1] = pair[0], pair[1]
	}
	return append(b, text[:]...)
}

// hexPairs holds both digits of every byte: catalogues and plans have millions.
var hexPairs = func() (t [256][2]byte) {
	for c := range t {
		hex.Encode(t[c][:], []byte{byte(c)})
	}
	return t
}()

// Parse reads 64 hex digits in either case, as sha256sum does.
func Parse[T string | []byte](text T) (Sum, error) {
	var s Sum
	if len(text) != 2*len(s) {
		return Sum{}, fmt.Errorf("parse SHA-256: %d characters, want %d hex digits", len(text), 2*len(s))
	}
	if _, err := hex.Decode(s[:], []byte(text)); err != nil {
		return Sum{}, fmt.Errorf("parse SHA-256: %w", err)
	}
	return s, nil
}

// MarshalText writes the hex digits, or nothing when the sum is not known.
func (s Sum) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (s *Sum) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*s = Sum{}
		return nil
	}
	*s, err = Parse(b)
	return err
}
