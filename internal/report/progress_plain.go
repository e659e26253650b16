package report

import (
	"fmt"
	"strings"
	"time"

	"phlb/internal/event"
)

const (
	plainFirst = 5 * time.Second  // a shorter phase is not worth a line
	plainEvery = 10 * time.Second // between two lines at first
	plainSlow  = time.Minute      // between two lines of what runs for long
)

// plainFront writes a line now and then, for logs and mails.
type plainFront struct {
	*lockedWriter
	tracker *tracker
}

func (f *plainFront) start(snapshot) error { return nil }

func (f *plainFront) progress(phase event.Phase) error {
	s, due := f.tracker.due(phase, plainFirst, plainPause)
	if !due {
		return nil
	}
	_, err := fmt.Fprintln(f, plainLine(s))
	return err
}

// plainPause is the time between two lines of a phase: a tenth of how long it
// has been running, so that a log of many hours can still be read.
func plainPause(running time.Duration) time.Duration {
	return min(max(plainEvery, running/10), plainSlow)
}

func (f *plainFront) warning(e event.Event, _ time.Time) error {
	if e.Logged {
		return nil
	}
	_, err := fmt.Fprintln(f, warningLine(e))
	return err
}

func (f *plainFront) end(s snapshot, cause error) error {
	if s.elapsed < plainFirst {
		return nil
	}
	_, err := fmt.Fprintln(f, endLine(s, cause))
	return err
}

// plainLine returns a phase's state in words.
func plainLine(s snapshot) string {
	var parts []string
	if s.part >= 0 {
		parts = append(parts, fmt.Sprintf("%d%%", int(s.part*100)))
	}
	parts = append(parts, doneFiles(s))
	if s.bytes > 0 || s.totalBytes > 0 {
		parts = append(parts, doneBytes(s))
	}
	if rate := rateOf(s); rate != "" {
		parts = append(parts, rate)
	}
	if s.left >= 0 {
		parts = append(parts, "about "+leftOf(s)+" left")
	}
	if len(s.large) > 0 {
		parts = append(parts, "now "+largeLine(s.large))
	}
	return phaseOf(s) + ": " + strings.Join(parts, ", ")
}

// endLine sums up a phase that is over.
func endLine(s snapshot, cause error) string {
	line := phaseOf(s) + ": "
	if s.isCounted() {
		line += countedIn(s.phase, s.files)
		if s.bytes > 0 {
			line += ", " + Bytes(s.bytes)
		}
		line += " in "
	}
	line += Duration(s.elapsed)
	if rate := rateOf(s); rate != "" {
		line += ", " + rate
	}
	if cause != nil {
		line += ": " + text(cause.Error())
	}
	return line
}

func warningLine(e event.Event) string {
	line := "warning: "
	if e.Path != "" {
		line += Name(e.Path) + ": "
	}
	return line + text(e.Text)
}

// phaseOf names a phase and the source it is about.
func phaseOf(s snapshot) string {
	if s.name == "" {
		return string(s.phase)
	}
	return string(s.phase) + " " + Name(s.name)
}

// countedIn returns "1,234 files", or what else the phase counts.
func countedIn(phase event.Phase, n int64) string {
	many := unit(phase)
	one := strings.TrimSuffix(many, "s")
	if many == "entries" {
		one = "entry"
	}
	return counted(n, one, many)
}

// doneFiles returns "1,234 of 5,000 files".
func doneFiles(s snapshot) string {
	if s.totalFiles <= 0 {
		return countedIn(s.phase, s.files)
	}
	of := " of "
	if s.expected {
		of = " of about "
	}
	return Count(s.files) + of + countedIn(s.phase, s.totalFiles)
}

// doneBytes returns "1.2 GiB of 4.0 GiB".
func doneBytes(s snapshot) string {
	switch {
	case s.totalBytes <= 0:
		return Bytes(s.bytes)
	case s.expected:
		return Bytes(s.bytes) + " of about " + Bytes(s.totalBytes)
	}
	return Bytes(s.bytes) + " of " + Bytes(s.totalBytes)
}

// rateOf returns bytes a second, or files where no bytes are moved, or
// nothing where neither is known.
func rateOf(s snapshot) string {
	switch {
	case s.byteRate >= 1:
		return Bytes(int64(s.byteRate)) + "/s"
	case s.fileRate >= 1:
		return Count(int64(s.fileRate)) + " " + unit(s.phase) + "/s"
	}
	return ""
}

// largeLine names the large file that takes longest already.
func largeLine(large []largeFile) string {
	l := large[0]
	line := fmt.Sprintf("%s %s of %s", Name(l.path), percent(l.done, l.size), Bytes(l.size))
	if rest := len(large) - 1; rest > 0 {
		line += fmt.Sprintf(" and %d more", rest)
	}
	return line
}
