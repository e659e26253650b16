package report

import "io"

// Next writes what to do next below a result.
func Next(w io.Writer, s Style, lines ...string) error {
	p := newPage(w, s)
	for _, line := range lines {
		p.line("%s", text(line))
	}
	return p.flush()
}
