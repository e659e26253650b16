package report

import (
	"fmt"
	"strings"
	"time"

	"phlb/internal/event"
)

const (
	plainFirst = 5 * time.Second  // a shorter phase is not worth a line
	plainEvery = 10 * time.Second // between two lines
)

// plainFront writes a line now and then, for logs and mails.
type plainFront struct {
	*lockedWriter
	tracker *tracker
}

func (f *plainFront) start(snapshot) error { return nil }

func (f *plainFront) progress(phase event.Phase) error {
	s, due := f.tracker.due(phase, plainFirst, plainEvery)
	if !due {
		return nil
	}
	_, err := fmt.Fprintln(f, plainLine(s))
	return err
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
	parts := []string{doneFiles(s)}
	if s.bytes > 0 || s.totalBytes > 0 {
		parts = append(parts, doneBytes(s))
	}
	if rate := rateOf(s); rate != "" {
		parts = append(parts, rate)
	}
	if s.left >= 0 {
		parts = append(parts, "about "+Duration(s.left.Round(time.Second))+" left")
	}
	if len(s.large) > 0 {
		parts = append(parts, "now "+largeLine(s.large))
	}
	return string(s.phase) + ": " + strings.Join(parts, ", ")
}

// endLine sums up a phase that is over.
func endLine(s snapshot, cause error) string {
	line := string(s.phase) + ": " + files(s.files)
	if s.bytes > 0 {
		line += ", " + Bytes(s.bytes)
	}
	line += " in " + Duration(s.elapsed)
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

// doneFiles returns "1,234 of 5,000 files".
func doneFiles(s snapshot) string {
	if s.totalFiles > 0 {
		return Count(s.files) + " of " + files(s.totalFiles)
	}
	return files(s.files)
}

// doneBytes returns "1.2 GiB of 4.0 GiB (30%)".
func doneBytes(s snapshot) string {
	if s.totalBytes > 0 {
		return fmt.Sprintf("%s of %s (%s)", Bytes(s.bytes), Bytes(s.totalBytes), percent(s.bytes, s.totalBytes))
	}
	return Bytes(s.bytes)
}

// rateOf returns bytes a second, or files where no bytes are moved, or
// nothing where neither is known.
func rateOf(s snapshot) string {
	switch {
	case s.byteRate >= 1:
		return Bytes(int64(s.byteRate)) + "/s"
	case s.fileRate >= 1:
		return Count(int64(s.fileRate)) + " files/s"
	}
	return ""
}

// largeLine names the large file that takes longest already.
func largeLine(large []largeFile) string {
	l := large[0]
	line := fmt.Sprintf("%s (%s of %s)", Name(l.path), Bytes(l.done), Bytes(l.size))
	if rest := len(large) - 1; rest > 0 {
		line += fmt.Sprintf(" and %d more", rest)
	}
	return line
}
