package doctor

import (
	"slices"
	"strings"
)

// Purposes of a Verdict.
const (
	BackupRoot = "backup_root"
	Source     = "source"
)

func verdicts(r *Report) []Verdict {
	return []Verdict{rootVerdict(r), sourceVerdict(r)}
}

// rootVerdict: every failure speaks against a backup root. The reasons are
// those failures, or else what works but with a loss.
func rootVerdict(r *Report) Verdict {
	v := Verdict{Purpose: BackupRoot, Because: reasons(r, Fail)}
	if len(v.Because) > 0 {
		return v
	}
	v.Good = true
	v.Because = append([]string{"hard links, renames, locks and syncing work"}, reasons(r, Warn)...)
	return v
}

func reasons(r *Report, level Level) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Level == level {
			all = append(all, title(f.Check)+": "+f.Result)
		}
	}
	return all
}

// sourceVerdict: anything that can be read can be backed up; only changes may
// be harder to see.
func sourceVerdict(r *Report) Verdict {
	v := Verdict{Purpose: Source, Good: true}
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Check == "inode_numbers" })
	if i >= 0 && r.Findings[i].Level != OK || i < 0 && madeUp(r.FileSystem) {
		v.Because = append(v.Because, "inode numbers are not stable: set change_detection: mtime")
	}
	j := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Check == "time_resolution" })
	if j >= 0 && r.Findings[j].Level != OK {
		v.Because = append(v.Because, "times are coarse ("+r.Findings[j].Result+"): a change within that step can be missed by change_detection: mtime")
	}
	if len(v.Because) == 0 {
		v.Because = []string{"unchanged files can be told without reading them"}
		if i < 0 {
			v.Because = []string{"it can be read; how well changes can be told was not tried"}
		}
	}
	return v
}

// title turns a check's name into words.
func title(check string) string { return strings.ReplaceAll(check, "_", " ") }
