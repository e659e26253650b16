package report

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

type syncBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// terminal is one with endless lines. It knows the sequences that progress
// may use and refuses all others.
type terminal struct {
	lines       []string
	row, column int // in runes
	noWrap      bool
	title       string
	titles      []string // pushed
}

// replay shows what a program has written, or as much of it as there is.
func replay(t *testing.T, out string) *terminal {
	t.Helper()
	s := &terminal{lines: []string{""}, title: "its own"}
	for out != "" {
		r, n := utf8.DecodeRuneInString(out)
		switch {
		case r == '\x1b':
			n = s.control(t, out)
		case r == '\r':
			s.column = 0
		case r == '\n': // the terminal's driver adds the carriage return
			s.row, s.column = s.row+1, 0
			if s.row == len(s.lines) {
				s.lines = append(s.lines, "")
			}
		default:
			line := []rune(s.lines[s.row])
			s.lines[s.row] = string(line[:s.column]) + string(r) + string(line[min(s.column+1, len(line)):])
			s.column++
		}
		out = out[n:]
	}
	return s
}

var sequence = regexp.MustCompile(`^\x1b(?:\[([?0-9;]*)([A-Za-z])|\]2;([^\a]*)\a)`)

func (s *terminal) control(t *testing.T, out string) int {
	t.Helper()
	m := sequence.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("not a known sequence: %.20q", out)
	}
	switch m[2] + m[1] {
	case "":
		s.title = m[3]
	case "K", "J":
		s.lines[s.row] = string([]rune(s.lines[s.row])[:s.column])
		if m[2] == "J" {
			s.lines = s.lines[:s.row+1]
		}
	case "l?7", "h?7":
		s.noWrap = m[2] == "l"
	case "t22;2":
		s.titles = append(s.titles, s.title)
	case "t23;2":
		last := len(s.titles) - 1
		s.title, s.titles = s.titles[last], s.titles[:last]
	default:
		n, err := strconv.Atoi(m[1])
		switch {
		case m[2] == "m": // colours
		case m[2] == "A" && err == nil && n <= s.row:
			s.row -= n
		default:
			t.Fatalf("not a known sequence here: %.20q in row %d", out, s.row)
		}
	}
	return len(m[0])
}

// TestScreenPassesLinesAbove: whatever comes, the block stands last and
// everything else above it, in order.
func TestScreenPassesLinesAbove(t *testing.T) {
	var out strings.Builder
	s := screen{out: &out, size: func() (int, int) { return 20, 10 }}
	for _, step := range []struct {
		above string
		block []string
	}{
		{"", []string{"one"}},
		{"first\n", []string{"one", "two", "three"}},
		{"", []string{"a shorter one"}},
		{"second\nthird\n", []string{"x", "y"}},
	} {
		if err := s.draw([]byte(step.above), step.block); err != nil {
			t.Fatal(err)
		}
	}
	shown := replay(t, out.String())
	if got := strings.Join(shown.lines, "|"); got != "first|second|third|x|y" || shown.row != 3 {
		t.Errorf("%q, cursor in row %d", got, shown.row)
	}
	if err := s.draw(nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(replay(t, out.String()).lines, "|"); got != "first|second|third|" {
		t.Errorf("%q", got)
	}
}
