package snapshot

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// TimeLayout is the form of a snapshot's directory name, as in PHLB.
const TimeLayout = "2006-01-02-150405"

// maxNameDepth is how many elements a nested name may have. It bounds how
// deep Names descends into directories that may be nobody's backup.
const maxNameDepth = 64

// ID names one snapshot: a source's name and a time in TimeLayout.
type ID struct{ Name, Time string }

// String returns the snapshot's path relative to the root.
func (id ID) String() string { return id.Name + "/" + id.Time }

func (id ID) check() error {
	if err := CheckName(id.Name); err != nil {
		return err
	}
	if !IsTime(id.Time) {
		return fmt.Errorf("snapshot time %q: %w", id.Time, ErrName)
	}
	return nil
}

// ParseID splits "home/2026-11-22-140000" at its last slash and checks both
// parts.
func ParseID(s string) (ID, error) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return ID{}, fmt.Errorf("snapshot %q: %w: want NAME/TIME", s, ErrName)
	}
	id := ID{Name: s[:i], Time: s[i+1:]}
	if err := id.check(); err != nil {
		return ID{}, err
	}
	return id, nil
}

// CheckName checks a source's name: slash-separated elements of which none
// is empty, starts with a dot or looks like a snapshot time.
func CheckName(name string) error {
	if strings.Count(name, "/") >= maxNameDepth {
		return fmt.Errorf("source name %q: %w: more than %d elements", name, ErrName, maxNameDepth)
	}
	for element := range strings.SplitSeq(name, "/") {
		if !isNameElement(element) {
			return fmt.Errorf("source name %q: %w: element %q", name, ErrName, element)
		}
	}
	return nil
}

func isNameElement(s string) bool {
	return s != "" && s[0] != '.' && strings.IndexByte(s, 0) < 0 && !IsTime(s)
}

// IsTime reports whether s has exactly the form of TimeLayout and is a valid
// calendar time.
func IsTime(s string) bool {
	// Parse alone would accept a fraction after the seconds; and most names
	// that are asked about are none, so they are refused without parsing.
	if len(s) != len(TimeLayout) || s[4] != '-' || s[7] != '-' || s[10] != '-' {
		return false
	}
	_, err := time.Parse(TimeLayout, s)
	return err == nil
}

// ParseTime reads a snapshot's time as local time of loc. In the hour that
// daylight saving repeats or leaves out it is one of the times that it can
// mean.
func ParseTime(s string, loc *time.Location) (time.Time, error) {
	if !IsTime(s) {
		return time.Time{}, fmt.Errorf("snapshot time %q: %w", s, ErrName)
	}
	return time.ParseInLocation(TimeLayout, s, loc)
}

// NextTime returns the time of the snapshot that begins now, in loc. It is
// always later, as text and so in listing order, than newest ("" if there is
// none): the next free second where daylight saving or a clock that was set
// back would make it earlier. It is "" when the calendar of TimeLayout, which
// ends with the year 9999, has no later time.
func NextTime(now time.Time, loc *time.Location, newest string) string {
	next := now.In(loc).Format(TimeLayout)
	if next <= newest {
		// Plain calendar arithmetic: the names have to go up by a second,
		// whatever the zone does there.
		t, err := time.Parse(TimeLayout, newest)
		if err != nil {
			return ""
		}
		next = t.Add(time.Second).Format(TimeLayout)
	}
	if !IsTime(next) {
		return ""
	}
	return next
}

// Published splits a stored path such as "home/2026-11-22-140000/docs/b.txt"
// into the snapshot and the path below it. It is purely syntactic: ok is
// false for paths outside snapshots, for a snapshot itself, and for any path
// with an empty element, "." or "..".
func Published(path string) (id ID, rel string, ok bool) {
	for i := 0; i < len(path); {
		element, _, more := strings.Cut(path[i:], "/")
		if i > 0 && more && IsTime(element) {
			id = ID{Name: path[:i-1], Time: element}
			rel = path[i+len(element)+1:]
			return id, rel, isLocal(rel) && strings.Count(id.Name, "/") < maxNameDepth
		}
		if !isNameElement(element) {
			break
		}
		i += len(element) + 1
	}
	return ID{}, "", false
}

// isLocal reports whether rel is a relative path of proper elements.
func isLocal(rel string) bool {
	for element := range strings.SplitSeq(rel, "/") {
		if element == "" || element == "." || element == ".." || strings.IndexByte(element, 0) >= 0 {
			return false
		}
	}
	return true
}

// maxEscaped leaves room for a time and a number in a file name of 255 bytes.
const maxEscaped = 200

// escape makes one file name out of a source's name; different names give
// different file names, none of which starts with a dot.
func escape(name string) string {
	s := strings.NewReplacer("%", "%25", "/", "%2F").Replace(name)
	if len(s) <= maxEscaped {
		return s
	}
	// "%~" occurs in no short name, so a hash never meets one.
	sum := sha256.Sum256([]byte(name))
	return s[:maxEscaped-2*len(sum)] + "%~" + hex.EncodeToString(sum[:])
}
