package hook

import (
	"strconv"
	"strings"
)

// Facts are what a command is told.
type Facts struct {
	When        When
	Name        string // of the source
	Source      string // its absolute path
	Destination string // absolute path of the backup root
	Manifest    string // absolute path
	PlanID      string // empty before planning
	Parent      string // name/time of the snapshot before; empty: none, or not known yet
	Snapshot    string // name/time of what was published; empty: nothing
	Status      string // complete, partial, unchanged, failed; empty before planning
	Report      string // absolute path of report.json; empty: none
	Log         string // absolute path of the run's log; empty: none
	Error       string // why the source failed; empty: it did not
	ExitCode    int    // that the run would end with but for what hooks do
	Counts      Counts
}

// Counts are those of the report: files, and bytes where it says so.
type Counts struct {
	CopiedFiles, CopiedBytes, LinkedFiles, LinkedBytes      int64
	Skipped, Deleted, Drifted, Vanished, Failed, Unreadable int64
	LinkFallbacks, Pruned                                   int64
}

// maxValue bounds a variable, in bytes: systems refuse to start a command with
// more than some 128 KiB of one.
const maxValue = 16 << 10

// Environment returns the variables, each as NAME=value. All are always set,
// so that none is left from a phlb around this one.
func (f *Facts) Environment() []string {
	c := &f.Counts
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	root := strings.TrimSuffix(f.Destination, "/")
	path := ""
	if f.Snapshot != "" {
		path = root + "/" + f.Snapshot
	}
	var env []string
	for _, v := range [...][2]string{
		{"PHLB_HOOK", string(f.When)},
		{"PHLB_NAME", f.Name},
		{"PHLB_SOURCE", f.Source},
		{"PHLB_DESTINATION", f.Destination},
		{"PHLB_MANIFEST", f.Manifest},
		{"PHLB_PLAN_ID", f.PlanID},
		{"PHLB_PARENT", f.Parent},
		{"PHLB_SNAPSHOT", f.Snapshot},
		{"PHLB_SNAPSHOT_PATH", path},
		{"PHLB_STATUS", f.Status},
		{"PHLB_EXIT_CODE", strconv.Itoa(f.ExitCode)},
		{"PHLB_ERROR", f.Error},
		{"PHLB_REPORT", f.Report},
		{"PHLB_LOG", f.Log},
		{"PHLB_FILES", number(c.CopiedFiles + c.LinkedFiles)},
		{"PHLB_COPIED_FILES", number(c.CopiedFiles)},
		{"PHLB_COPIED_BYTES", number(c.CopiedBytes)},
		{"PHLB_LINKED_FILES", number(c.LinkedFiles)},
		{"PHLB_LINKED_BYTES", number(c.LinkedBytes)},
		{"PHLB_SKIPPED", number(c.Skipped)},
		{"PHLB_DELETED", number(c.Deleted)},
		{"PHLB_DRIFTED", number(c.Drifted)},
		{"PHLB_VANISHED", number(c.Vanished)},
		{"PHLB_FAILED", number(c.Failed)},
		{"PHLB_UNREADABLE", number(c.Unreadable)},
		{"PHLB_LINK_FALLBACKS", number(c.LinkFallbacks)},
		{"PHLB_PRUNED", number(c.Pruned)},
	} {
		value := strings.ReplaceAll(v[1], "\x00", "")
		env = append(env, v[0]+"="+value[:min(len(value), maxValue)])
	}
	return env
}
