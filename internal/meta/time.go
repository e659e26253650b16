package meta

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"
)

// Time is a file time: seconds since 1970 (negative before) and nanoseconds
// within that second (0 to 999,999,999). File systems hold times that 64 bits
// of nanoseconds do not, so it is not a single number.
type Time struct {
	Sec  int64
	Nsec int32
}

const nsPerSec = 1_000_000_000

var errTime = errors.New("not a whole number of nanoseconds in range")

// At converts t; the location is dropped.
func At(t time.Time) Time { return Time{Sec: t.Unix(), Nsec: int32(t.Nanosecond())} }

// Std converts back to the standard library's type, in UTC.
func (t Time) Std() time.Time { return time.Unix(t.Sec, int64(t.Nsec)).UTC() }

// IsZero reports whether t is the zero value, which phlb writes as absent.
func (t Time) IsZero() bool { return t == Time{} }

// Compare orders times; the earlier is the smaller.
func (t Time) Compare(o Time) int {
	if c := cmp.Compare(t.Sec, o.Sec); c != 0 {
		return c
	}
	return cmp.Compare(t.Nsec, o.Nsec)
}

// AppendText appends the nanoseconds since 1970 in decimal, which may need
// more than 64 bits.
func (t Time) AppendText(b []byte) ([]byte, error) { return t.Append(b), nil }

// Append is AppendText without the error, for codecs.
func (t Time) Append(b []byte) []byte {
	// From 1973 to 2286 there are 18 or 19 digits.
	if n := uint64(t.Sec)*nsPerSec + uint64(t.Nsec); t.Sec >= 1e8 && t.Sec < 1e10 {
		b = strconv.AppendUint(b, n/1e16, 10)
		b = binary.LittleEndian.AppendUint64(b, decimal8(n/1e8%1e8))
		return binary.LittleEndian.AppendUint64(b, decimal8(n%1e8))
	}
	// Within ±292 years of 1970 one machine word is enough.
	if t.Sec > math.MinInt64/nsPerSec && t.Sec < math.MaxInt64/nsPerSec {
		return strconv.AppendInt(b, t.Sec*nsPerSec+int64(t.Nsec), 10)
	}
	n := new(big.Int).Mul(big.NewInt(t.Sec), big.NewInt(nsPerSec))
	return n.Add(n, big.NewInt(int64(t.Nsec))).Append(b, 10)
}

// decimal8 returns the eight decimal digits of n, with zeros in front, the
// first in the lowest byte. It halves all parts at once: to fours, pairs and
// digits, dividing by multiplication.
func decimal8(n uint64) uint64 {
	n = n/10_000 | n%10_000<<32
	hundreds := n * 10_486 >> 20 & 0x0000007f_0000007f
	n = hundreds | (n-hundreds*100)<<16
	tens := n * 103 >> 10 & 0x000f000f_000f000f
	return (tens | (n-tens*10)<<8) + 0x30303030_30303030
}

// ParseTime is the inverse of Append.
func ParseTime(text []byte) (Time, error) {
	if len(text) > 32 {
		return Time{}, fmt.Errorf("parse time: %w", errTime)
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil && text[0] != '+' {
		sec, nsec := n/nsPerSec, n%nsPerSec
		if nsec < 0 {
			sec, nsec = sec-1, nsec+nsPerSec
		}
		return Time{Sec: sec, Nsec: int32(nsec)}, nil
	}
	return parseBigTime(text)
}

func parseBigTime(text []byte) (Time, error) {
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok || text[0] == '+' {
		return Time{}, fmt.Errorf("parse time %q: %w", text, errTime)
	}
	sec, nsec := new(big.Int).DivMod(n, big.NewInt(nsPerSec), new(big.Int))
	if !sec.IsInt64() {
		return Time{}, fmt.Errorf("parse time %q: %w", text, errTime)
	}
	return Time{Sec: sec.Int64(), Nsec: int32(nsec.Int64())}, nil
}

// MarshalJSON writes the time as a bare integer of nanoseconds.
func (t Time) MarshalJSON() ([]byte, error) { return t.Append(nil), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *Time) UnmarshalJSON(b []byte) (err error) {
	*t, err = ParseTime(b)
	return err
}
