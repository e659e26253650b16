package retain

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Span is a length of calendar time. Years, months and days are kept apart
// from hours because their length depends on where the span begins.
// No field is negative.
type Span struct{ Years, Months, Days, Hours int }

// maxSpanDigits keeps a span far away from the end of representable time.
const maxSpanDigits = 6

// ParseSpan reads a span as restic writes it: numbers with the units y
// (years), m (months), d (days) and h (hours), each at most once, such as
// "2d12h", "90d" or "2y5m7d3h". A span of nothing ("0d") is valid.
func ParseSpan(s string) (Span, error) {
	if s == "" {
		return Span{}, fmt.Errorf("parse span: it is empty")
	}
	var span Span
	seen := ""
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) {
			return Span{}, fmt.Errorf("parse span %q: each number needs a unit behind it: y, m, d or h", s)
		}
		if digits > maxSpanDigits {
			return Span{}, fmt.Errorf("parse span %q: %s is too large", s, rest[:digits])
		}
		field := span.field(rest[digits])
		if field == nil {
			return Span{}, fmt.Errorf("parse span %q: the units are y, m (months), d and h (a week is 7d)", s)
		}
		if strings.IndexByte(seen, rest[digits]) >= 0 {
			return Span{}, fmt.Errorf("parse span %q: unit %c occurs twice", s, rest[digits])
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil {
			return Span{}, fmt.Errorf("parse span %q: %w", s, err)
		}
		*field = n
		seen += rest[digits : digits+1]
		rest = rest[digits+1:]
	}
	return span, nil
}

// field returns where the number of a unit is kept, nil for an unknown unit.
func (s *Span) field(unit byte) *int {
	switch unit {
	case 'y':
		return &s.Years
	case 'm':
		return &s.Months
	case 'd':
		return &s.Days
	case 'h':
		return &s.Hours
	}
	return nil
}

// IsZero reports whether s is a span of nothing.
func (s Span) IsZero() bool { return s == Span{} }

// before returns the time that lies s before t: years, months and days by t's
// calendar, hours by the clock.
func (s Span) before(t time.Time) time.Time {
	return t.AddDate(-s.Years, -s.Months, -s.Days).Add(-time.Duration(s.Hours) * time.Hour)
}

// String returns s in the form ParseSpan reads, largest unit first; "0h" for
// a span of nothing.
func (s Span) String() string {
	var b strings.Builder
	for _, unit := range []byte("ymdh") {
		if n := *s.field(unit); n != 0 {
			b.WriteString(strconv.Itoa(n))
			b.WriteByte(unit)
		}
	}
	if b.Len() == 0 {
		return "0h"
	}
	return b.String()
}

// MarshalText returns what String returns.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSpan reads.
func (s *Span) UnmarshalText(text []byte) error {
	span, err := ParseSpan(string(text))
	if err != nil {
		return err
	}
	*s = span
	return nil
}
