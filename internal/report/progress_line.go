package report

import (
	"fmt"
	"strings"
	"time"

	"phlb/internal/event"
)

// barLayout says which parts a bar line has.
type barLayout struct {
	cells                    int // of the bar itself, brackets included; 0: none
	name, files, rate, rates bool
}

// barLayouts are the layouts from wide to narrow: what matters less goes
// first.
func barLayouts() []barLayout {
	return []barLayout{
		{cells: 40, name: true, files: true, rate: true, rates: true},
		{cells: 24, name: true, files: true, rate: true, rates: true},
		{cells: 24, files: true, rate: true},
		{cells: 10, files: true, rate: true},
		{cells: 10, rate: true},
		{cells: 10},
		{},
	}
}

// shortLines are for terminals with hardly any room.
func shortLines(s snapshot) []string {
	short := shortest(s)
	return []string{strings.Join(append([]string{short}, clock(s)...), " "), short}
}

// barLine lays a phase's state out in at most cells terminal cells.
func barLine(s snapshot, cells int, style Style) string {
	for _, l := range barLayouts() {
		if line := l.line(s, style); width(line) <= cells {
			return line
		}
	}
	for _, line := range shortLines(s) {
		if width(line) <= cells {
			return line
		}
	}
	return fit(string(s.phase), cells)
}

func (l barLayout) line(s snapshot, style Style) string {
	parts := []string{pad(string(s.phase), len("compare"))}
	if l.name && s.name != "" {
		parts = append(parts, fit(Name(s.name), 30))
	}
	if s.part >= 0 {
		if l.cells > 0 {
			parts = append(parts, bar(s.part, l.cells, style))
		}
		parts = append(parts, fmt.Sprintf("%3d%%", int(s.part*100)))
	}
	if s.bytes > 0 || s.totalBytes > 0 {
		parts = append(parts, ofTotal(Bytes(s.bytes), Bytes(s.totalBytes), s.totalBytes, s.expected))
	}
	if s.isCounted() && (l.files || s.totalBytes == 0) {
		parts = append(parts, ofTotal(Count(s.files), Count(s.totalFiles), s.totalFiles, s.expected)+" "+unit(s.phase))
	}
	if l.rate && s.isCounted() {
		parts = append(parts, l.speed(s)...)
	}
	return strings.Join(append(parts, clock(s)...), "  ")
}

// speed is the rate now: of bytes or, where none are moved, of files; of both
// where there is room. Numbers do not jump about while they change.
func (l barLayout) speed(s snapshot) []string {
	if !l.rates {
		if rate := rateOf(s); rate != "" {
			return []string{rate}
		}
		return nil
	}
	var parts []string
	if s.bytes > 0 {
		parts = append(parts, pad(Bytes(int64(s.byteRate))+"/s", len("1023 MiB/s")))
	}
	return append(parts, pad(Count(int64(s.fileRate))+" "+unit(s.phase)+"/s", len("99,999 /s")+len(unit(s.phase))))
}

// clock is the time left or, where nobody knows, the time so far.
func clock(s snapshot) []string {
	switch {
	case s.left >= 0:
		return []string{leftOf(s) + " left"}
	case s.elapsed >= settleAfter:
		return []string{Duration(s.elapsed.Truncate(time.Second)) + " so far"}
	}
	return nil
}

// leftOf is the time left, no finer than anybody could know.
func leftOf(s snapshot) string {
	return Duration(coarse(s.left))
}

// coarse rounds a time left up, more the longer it is.
func coarse(d time.Duration) time.Duration {
	step := time.Second
	switch {
	case d >= 10*time.Minute:
		step = time.Minute
	case d >= 2*time.Minute:
		step = 10 * time.Second
	}
	up := d.Truncate(step)
	if up < d {
		up += step
	}
	return max(up, time.Second)
}

// shortest is what remains of a bar on a terminal with hardly any room.
func shortest(s snapshot) string {
	switch {
	case s.part >= 0:
		return fmt.Sprintf("%s %d%%", s.phase, int(s.part*100))
	case !s.isCounted():
		return string(s.phase)
	case s.totalBytes == 0 && s.bytes == 0:
		return fmt.Sprintf("%s %s", s.phase, Count(s.files))
	}
	return fmt.Sprintf("%s %s", s.phase, Bytes(s.bytes))
}

// titleLine is what a terminal's title says.
func titleLine(s snapshot) string {
	line := "phlb " + string(s.phase)
	if s.name != "" {
		line += " " + Name(s.name)
	}
	if s.part >= 0 {
		line += fmt.Sprintf(" %d%%", int(s.part*100))
	}
	if s.left >= 0 {
		line += ", " + leftOf(s) + " left"
	}
	return line
}

// unit is what a phase counts.
func unit(phase event.Phase) string {
	switch phase {
	case event.Plan, event.Scan:
		return "entries"
	case event.Prune:
		return "snapshots"
	}
	return "files"
}

// ofTotal returns "done/all", "done/~all" where that is an expectation, or
// done alone where nothing is known.
func ofTotal(done, all string, total int64, expected bool) string {
	switch {
	case total == 0:
		return done
	case expected:
		return done + "/~" + all
	}
	return done + "/" + all
}

func bar(fraction float64, cells int, style Style) string {
	full := int(fraction * float64(cells-2))
	return "[" + style.paint(green, strings.Repeat("#", full)) + strings.Repeat("-", cells-2-full) + "]"
}
