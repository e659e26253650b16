package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"phlb/plan"
)

// Finish writes the summary, with what reading the plan has yielded.
func (r *PlanReport) Finish(info *plan.Info) error {
	r.summary.Totals, r.summary.Digest = info.Totals, info.Digest
	err := r.list.end()
	if err == nil {
		err = r.writeSummary()
	}
	if err = errors.Join(err, r.w.Flush()); err != nil {
		return fmt.Errorf("write plan report: %w", err)
	}
	return nil
}

func (r *PlanReport) writeSummary() error {
	switch r.o.Format {
	case JSON:
		return r.writeJSON()
	case HTML:
		return r.writeHTML()
	case Markdown:
		list, ok := r.list.(*markdownList)
		if !ok {
			list = &markdownList{}
		}
		_, err := r.w.WriteString(planMarkdown(&r.summary, list, &r.o))
		return err
	}
	p := &page{Style: r.o.Style, w: r.w, used: r.list.used()}
	kept := r.o.Top
	if r.o.Listing == WithEntries {
		kept = len(r.summary.Keep)
	}
	planTable(p, &r.summary, kept)
	return p.flush()
}

// writeJSON writes the document, or what of it stands behind the sources.
func (r *PlanReport) writeJSON() error {
	start, rest := summaryStart(), any(&r.summary)
	if r.list.used() {
		start, rest = "", &summaryRest{PlanSummary: &r.summary}
	}
	body, err := members(rest, "")
	if err != nil {
		return err
	}
	_, err = r.w.WriteString(start + body + "\n")
	return err
}

// members encodes what stands between the opening brace of an object, which
// itself stands at indent, and the end of it.
func members(object any, indent string) (string, error) {
	body, err := json.MarshalIndent(object, indent, " ")
	if err != nil {
		return "", fmt.Errorf("encode JSON: %w", err)
	}
	return strings.TrimPrefix(string(body), "{\n"), nil
}

func summaryStart() string {
	return fmt.Sprintf("{\n \"format\": %q,\n \"format_version\": %q,\n", SummaryFormat, SummaryFormatVersion)
}
