package report

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"
	"time"

	"phlb/execute"
	"phlb/plan"
)

// What the JSON result of applying a plan says of itself.
const (
	ApplyFormat        = "phlb-apply"
	ApplyFormatVersion = "1.0"
)

// listed is how many paths of one kind a result names for people.
const listed = 10

// applyJSON is the JSON result of applying a plan: the reports of its
// sources as they lie beside the snapshots.
type applyJSON struct {
	Format        string            `json:"format"`
	FormatVersion string            `json:"format_version"`
	PlanID        string            `json:"plan_id"`
	Status        execute.Status    `json:"status"` // the worst of the reports'
	Reports       []*execute.Report `json:"reports"`
	Unfinished    bool              `json:"unfinished,omitempty"` // pruning took longer than it may
}

// ApplyJSON writes what became of a plan as one JSON document.
func ApplyJSON(w io.Writer, r *execute.Result) error {
	return WriteJSON(w, applyJSON{
		Format: ApplyFormat, FormatVersion: ApplyFormatVersion,
		PlanID: r.PlanID, Status: worst(r.Reports), Reports: append([]*execute.Report{}, r.Reports...), Unfinished: r.Unfinished,
	})
}

func worst(reports []*execute.Report) execute.Status {
	order := []execute.Status{execute.StatusComplete, execute.StatusPartial, execute.StatusFailed}
	status := execute.StatusComplete
	for _, r := range reports {
		if slices.Index(order, r.Status) > slices.Index(order, status) {
			status = r.Status
		}
	}
	return status
}

// Apply writes what became of a plan for people.
func Apply(w io.Writer, s Style, r *execute.Result) error {
	p := newPage(w, s)
	for _, rep := range r.Reports {
		applyPage(p, rep)
	}
	if r.Unfinished {
		p.gap()
		p.line("%s", p.paint(yellow, "Pruning took longer than it may: apply the same plan again to go on, or let the next run do so."))
	}
	return p.flush()
}

// ApplySummary is Apply for one source, for <time>-summary.txt: without
// colours, and the same whatever the terminal.
func ApplySummary(r *execute.Report) []byte {
	var b bytes.Buffer
	p := newPage(&b, Style{})
	applyPage(p, r)
	p.w.Flush() // into memory: cannot fail
	return b.Bytes()
}

func applyPage(p *page, r *execute.Report) {
	applyHead(p, r)
	if r.Snapshot != nil {
		applyCounts(p, r)
	}
	fileErrors(p, "Failed", r.Failed)
	fileErrors(p, "Vanished", r.Vanished)
	fileErrors(p, driftedTitle(r), r.Drifted)
	countLine(p, "More paths with such errors", r.Unlisted)
	prunedList(p, r.Pruned)
	notPrunedList(p, r.NotPruned)
	p.gap()
	p.line("  Took %s%s", Duration(r.End.Sub(r.Start)), phaseWords(r.Durations))
}

// driftedTitle is what stands above the paths that drifted. Where nothing was
// published, as with --strict, none of them is stored.
func driftedTitle(r *execute.Report) string {
	if r.Snapshot == nil {
		return "Drifted from the plan"
	}
	return "Drifted from the plan, stored as found"
}

// applyCounts tells what the snapshot holds, in PHLB's words where it has
// them.
func applyCounts(p *page, r *execute.Report) {
	t := r.Totals
	p.gap()
	stored := t.Copy.Files + t.Link.Files + t.Symlink
	p.line("  Total files processed: %s", Count(stored))
	p.line("   * Copied files: %s (total %s)", Count(t.Copy.Files), Bytes(t.Copy.Bytes))
	p.line("   * Hardlinked files: %s (saved %s)", Count(t.Link.Files), Bytes(t.Link.Bytes))
	p.line("   * Symlinked files: %s", Count(t.Symlink))
	p.line("  Directories: %s", Count(t.Mkdir))
	countLine(p, "Skipped", t.Skip.Files)
	countLine(p, "Deleted since the snapshot before", t.Deleted)
	if r.TakenOver.Files > 0 {
		p.line("  Taken over from an interrupted run: %s (%s)", files(r.TakenOver.Files), Bytes(r.TakenOver.Bytes))
	}
	countLine(p, "Links that became copies", r.LinkFallbacks)
	countLine(p, "Unreadable when planned", r.Unreadable)
	countLine(p, "Metadata not kept", r.NotKept)
	if len(r.Overrides) > 0 {
		p.line("  %s", p.paint(yellow, "Guards overridden: "+text(strings.Join(r.Overrides, ", "))))
	}
}

func applyHead(p *page, r *execute.Report) {
	switch {
	case r.Snapshot == nil && r.Status == execute.StatusFailed:
		p.section("Backup failed: %s, nothing was published", Name(r.Name))
	case r.Snapshot == nil:
		p.section("%s: no new snapshot", Name(r.Name))
	default:
		p.section("Backup %s: %s (total size %s)", text(string(r.Status)), Name(*r.Snapshot), Bytes(storedBytes(r.Totals)))
	}
	if r.Error == "" {
		return
	}
	// Hooks end with the last lines that they printed.
	for line := range strings.SplitSeq(strings.TrimRight(r.Error, "\n"), "\n") {
		p.line("  %s", p.paint(red, text(line)))
	}
}

// oneLine joins the lines of an error.
func oneLine(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

func storedBytes(t plan.Totals) int64 { return t.Copy.Bytes + t.Link.Bytes }

// countLine writes a count that is worth a line only if there is any.
func countLine(p *page, what string, n int64) {
	if n > 0 {
		p.line("  %s: %s", what, Count(n))
	}
}

func fileErrors(p *page, what string, all []execute.FileError) {
	if len(all) == 0 {
		return
	}
	p.gap()
	p.line("  %s", p.paint(yellow, what+": "+files(int64(len(all)))))
	for _, e := range all[:min(listed, len(all))] {
		p.line("    %s: %s", Name(e.Path), text(e.Err))
	}
	p.more(listed, int64(len(all)))
}

func prunedList(p *page, pruned []string) {
	if len(pruned) == 0 {
		return
	}
	p.gap()
	p.line("  Pruned: %s", counted(int64(len(pruned)), "snapshot", "snapshots"))
	for _, s := range pruned[:min(listed, len(pruned))] {
		p.line("    %s", Name(s))
	}
	p.more(listed, int64(len(pruned)))
}

func notPrunedList(p *page, kept []execute.NotPruned) {
	if len(kept) == 0 {
		return
	}
	p.gap()
	p.line("  %s", p.paint(yellow, "Not pruned: "+counted(int64(len(kept)), "snapshot", "snapshots")))
	for _, k := range kept[:min(listed, len(kept))] {
		p.line("    %s: %s", Name(k.Snapshot), text(k.Reason))
	}
	p.more(listed, int64(len(kept)))
}

// phaseWords tells which phases took the time, the longest first; those
// below a tenth of a second are nobody's concern.
func phaseWords(durations map[string]float64) string {
	type phase struct {
		name    string
		seconds float64
	}
	var phases []phase
	for name, seconds := range durations {
		if seconds >= 0.1 {
			phases = append(phases, phase{name, seconds})
		}
	}
	slices.SortFunc(phases, func(a, b phase) int {
		return cmp.Or(cmp.Compare(b.seconds, a.seconds), strings.Compare(a.name, b.name))
	})
	var words []string
	for _, ph := range phases {
		words = append(words, text(ph.name)+" "+Duration(time.Duration(ph.seconds*float64(time.Second))))
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}
