package main

import (
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/term"

	"phlb/internal/report"
)

func isTerminal(w io.Writer) bool {
	f := fileOf(w)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// size returns the terminal's size now, zeros if w is none.
func size(w io.Writer) (columns, rows int) {
	f := fileOf(w)
	if f == nil {
		return 0, 0
	}
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// width returns the terminal's width, 0 if w is none.
func width(w io.Writer) int {
	columns, _ := size(w)
	return columns
}

// dumb reports whether the terminal says that it can do nothing but print.
func dumb() bool { return os.Getenv("TERM") == "dumb" }

// surface says whether bars can be drawn on w.
func surface(w io.Writer) report.Surface {
	if isTerminal(w) && !dumb() && understands(fileOf(w)) {
		return report.Terminal
	}
	return report.Stream
}

// hasTitle reports whether the terminal is one of those with a title: all
// that are not consoles or older.
func hasTitle() bool {
	name := os.Getenv("TERM")
	if name == "" {
		return runtime.GOOS == "windows"
	}
	old := []string{"dumb", "linux", "ansi", "cons25", "unknown"}
	return !slices.Contains(old, name) && !strings.HasPrefix(name, "vt")
}

func (a *app) colors(w io.Writer) report.Colors {
	if a.noColor || os.Getenv("NO_COLOR") != "" || dumb() || !isTerminal(w) {
		return report.NoColors
	}
	return report.ANSIColors
}

func (a *app) style(w io.Writer) report.Style {
	return report.Style{Width: width(w), Colors: a.colors(w)}
}
