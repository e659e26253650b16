package metrics

import (
	"math"
	"slices"
)

// Family is a metric that files may hold. All are gauges: a file tells of the
// last run, and counts nothing up.
type Family struct {
	Name   string
	Help   string
	Labels []string // beside file, in this order
}

// Families are all metrics, in the order in which files hold them.
func Families() []Family {
	return []Family{
		{"phlb_build_info", "The version of phlb that wrote this file last; always 1.", []string{"version"}},
		{"phlb_run_last_timestamp_seconds", "When the last run of the command ended, as Unix time.", []string{"command"}},
		{"phlb_run_last_success_timestamp_seconds", "When a run of the command last did what it was to do (exit code 0; for apply and backup also 3), as Unix time; 0: never.", []string{"command"}},
		{"phlb_run_exit_code", "The exit code of the last run.", []string{"command"}},
		{"phlb_run_duration_seconds", "How long the last run took.", []string{"command"}},
		{"phlb_run_phase_duration_seconds", "How long a part of the last run took that is not of one source alone.", []string{"command", "phase"}},
		{"phlb_source_last_run_timestamp_seconds", "When the last run over the source ended, as Unix time.", []string{"source"}},
		{"phlb_source_last_success_timestamp_seconds", "When the source was last backed up completely, or found unchanged, as Unix time; 0: never.", []string{"source"}},
		{"phlb_source_last_snapshot_timestamp_seconds", "When a snapshot of the source was last published, complete or partial, as Unix time; 0: never.", []string{"source"}},
		{"phlb_source_status", "1 for the status that the last run came to, 0 for the others.", []string{"source", "status"}},
		{"phlb_source_files", "Files by what the last run did with them.", []string{"source", "action"}},
		{"phlb_source_bytes", "Size of these files.", []string{"source", "action"}},
		{"phlb_source_deleted", "Paths that the parent snapshot has and the source no longer.", []string{"source"}},
		{"phlb_source_drifted", "Files that were stored in another state than planned.", []string{"source"}},
		{"phlb_source_vanished", "Files that were gone when it came to them.", []string{"source"}},
		{"phlb_source_failed", "Files that could not be stored.", []string{"source"}},
		{"phlb_source_unreadable", "Files that could not be read when planning.", []string{"source"}},
		{"phlb_source_link_fallbacks", "Links that became copies.", []string{"source"}},
		{"phlb_source_metadata_not_kept", "Paths of which the destination refused owner, mode, times or extended attributes.", []string{"source"}},
		{"phlb_source_pruned_snapshots", "Old snapshots that were removed.", []string{"source"}},
		{"phlb_source_duration_seconds", "How long the last run worked on the source.", []string{"source"}},
		{"phlb_source_phase_duration_seconds", "How long a part of that took.", []string{"source", "phase"}},
		{"phlb_verify_snapshots", "Snapshots that the last verification looked at.", nil},
		{"phlb_verify_files", "Files whose content it compared with what is on record.", nil},
		{"phlb_verify_read_bytes", "Bytes that it read for that; files that share storage are read once.", nil},
		{"phlb_verify_not_sampled_files", "Files that it left out of its sample.", nil},
		{"phlb_verify_damaged", "Findings that are damage.", nil},
		{"phlb_verify_incomplete", "1: the time was up before everything was checked.", nil},
	}
}

// place is where a metric stands among the others.
func place(name string) int {
	return slices.IndexFunc(Families(), func(f Family) bool { return f.Name == name })
}

// wellFormed reports whether a sample is one that Render could have written.
func wellFormed(s *Sample) bool {
	i := place(s.Name)
	if i < 0 || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return false
	}
	names := []string{}
	for _, l := range s.Labels {
		names = append(names, l.Name)
	}
	return slices.Equal(names, append([]string{"file"}, Families()[i].Labels...))
}
