package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"phlb/execute"
)

// ErrNotApplied says that something is neither a report nor the result of
// applying a plan, or one of another major version.
var ErrNotApplied = errors.New("not a report this phlb can read")

// maxApplied bounds how much of a report is read, in bytes.
const maxApplied = 256 << 20

// Applied is a <time>-report.json, or the JSON result of apply.
type Applied struct {
	execute.Result
	// Single: it was the report of one source.
	Single bool
}

// IsApplied reports whether a file that begins so is one for ReadApplied.
func IsApplied(head []byte) bool {
	format := formatOf(head)
	return format == execute.ReportFormat || format == ApplyFormat
}

// formatOf returns the document's format, if its beginning tells it.
func formatOf(head []byte) string {
	dec := json.NewDecoder(bytes.NewReader(head))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return ""
		}
		if key == "format" {
			var format string
			if dec.Decode(&format) != nil {
				return ""
			}
			return format
		}
		var skipped json.RawMessage
		if dec.Decode(&skipped) != nil {
			return ""
		}
	}
	return ""
}

// ReadApplied reads a report, or the JSON result of apply.
func ReadApplied(r io.Reader) (*Applied, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxApplied+1))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if len(data) > maxApplied {
		return nil, fmt.Errorf("%w: it is larger than %s", ErrNotApplied, Bytes(maxApplied))
	}
	var a Applied
	switch formatOf(data) {
	case execute.ReportFormat:
		var rep execute.Report
		if err := json.Unmarshal(data, &rep); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotApplied, err)
		}
		a.Single, a.PlanID, a.Reports = true, rep.PlanID, []*execute.Report{&rep}
	case ApplyFormat:
		var doc applyJSON
		if err := json.Unmarshal(data, &doc); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotApplied, err)
		}
		if err := sameMajor(doc.FormatVersion, ApplyFormatVersion); err != nil {
			return nil, err
		}
		a.PlanID, a.Reports = doc.PlanID, doc.Reports
	default:
		return nil, ErrNotApplied
	}
	return &a, a.check()
}

func (a *Applied) check() error {
	for _, r := range a.Reports {
		if r == nil || r.Format != execute.ReportFormat {
			return ErrNotApplied
		}
		if err := sameMajor(r.FormatVersion, execute.ReportFormatVersion); err != nil {
			return err
		}
	}
	return nil
}

func sameMajor(got, want string) error {
	major, _, _ := strings.Cut(want, ".")
	if g, _, _ := strings.Cut(got, "."); g != major {
		return fmt.Errorf("%w: format version %q, want %s.x", ErrNotApplied, got, major)
	}
	return nil
}

// Write writes it in a format; limit bounds Markdown, in bytes.
func (a *Applied) Write(w io.Writer, f Format, s Style, limit int) error {
	switch f {
	case JSON:
		if a.Single {
			return WriteJSON(w, a.Reports[0])
		}
		return ApplyJSON(w, &a.Result)
	case Markdown:
		return ApplyMarkdown(w, &a.Result, limit)
	case HTML:
		return ApplyHTML(w, &a.Result)
	}
	return Apply(w, s, &a.Result)
}
