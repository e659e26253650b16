package report

import (
	"io"

	"phlb/manifest"
)

// problemJSON is one problem of a manifest in JSON.
type problemJSON struct {
	Path
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what was probably meant
}

// problemsJSON is the JSON result of validating a manifest.
type problemsJSON struct {
	Valid    bool          `json:"valid"`
	Problems []problemJSON `json:"problems"`
}

// ProblemsJSON writes the outcome of validating a manifest as JSON; no
// problems mean that it is valid.
func ProblemsJSON(w io.Writer, problems manifest.Problems) error {
	return WriteJSON(w, problemsJSON{Valid: len(problems) == 0, Problems: problemsOf(problems)})
}

func problemsOf(problems manifest.Problems) []problemJSON {
	all := []problemJSON{}
	for _, p := range problems {
		all = append(all, problemJSON{
			Path: NewPath(p.Pos.File), Line: p.Pos.Line, Column: p.Pos.Column, Message: p.Message, Hint: p.Hint,
		})
	}
	return all
}

// Problems writes what is wrong with a manifest, a line for each, and the
// count at the end.
func Problems(w io.Writer, s Style, problems manifest.Problems) error {
	p := newPage(w, s)
	for _, problem := range problems {
		p.line("%s", text(problem.String()))
	}
	if len(problems) > 0 {
		p.line("%s", p.paint(red, counted(int64(len(problems)), "problem", "problems")+" found."))
	}
	return p.flush()
}
