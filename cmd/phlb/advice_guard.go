package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"phlb/execute"
	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/plan"
)

// guardAdvice is about a guard that stands against a plan when it is applied.
func guardAdvice(err error) (advice, bool) {
	var e *execute.GuardError
	if !errors.As(err, &e) {
		return advice{}, errors.Is(err, execute.ErrGuard)
	}
	a := advice{code: report.CodeGuard, path: e.Path}
	lines := []string{}
	if look := whatToLookAt(e.Guard, e.Path); look != "" {
		lines = append(lines, look)
	}
	override := "plan again with --override-guard " + e.Guard
	switch {
	case e.Planned:
		lines = append(lines, "the plan was written for inspection only: mend that, and "+planAgain(e.Manifest)+"; or, if all is as it should be, "+override)
	case e.Always:
		lines = append(lines, "mend that, and apply the plan then")
	default:
		lines = append(lines, "mend that, and apply the plan then; or, if all is as it should be, "+override)
	}
	a.hint = strings.Join(lines, "\n")
	return a, true
}

// lookAtSource goes by what is the matter with a source right now.
func lookAtSource(path string) string {
	dir, err := fsys.Open(path)
	if err == nil {
		dir.Close()
	}
	switch fsys.ClassOf(err) {
	case fsys.ClassPermission:
		return "run as a user who may read the source (" + whoami() + " may not)"
	case fsys.ClassType:
		return "a source is a directory; a single file is backed up with the directory that it is in"
	}
	return "look at the path, and whether what belongs there is mounted: ls, findmnt"
}

// whatToLookAt is where to begin when a guard has tripped; path is the
// source's.
func whatToLookAt(guard, path string) string {
	switch guard {
	case "source":
		return lookAtSource(path)
	case "mountpoint", "sentinel":
		return "look whether the right disk is mounted there: findmnt, ls"
	case "root_id":
		return "look which disk is mounted at the destination; its id stands in .phlb/root.json"
	case "min_files":
		return "look whether the source is whole, with everything mounted in it, and what the excludes leave out: phlb show PLAN --entries --action skip"
	case "max_deleted_percent":
		return "look what is gone: phlb show PLAN --entries --action deleted"
	case "max_changed_percent":
		return "look what has changed, and whether it was you: phlb show PLAN --entries --change content"
	case "space", "min_free":
		return "make room: df -h and df -i tell; phlb plan MANIFEST --prune-only plans the removal of old snapshots alone"
	case "clock":
		return "look at the clock: date -u; a snapshot that a wrong clock made can be removed like any other: rm -rf"
	}
	return ""
}

// trippedAdvice is what to do about the guards that a plan was made against;
// then is what becomes of it.
func trippedAdvice(p *plan.Plan, then string) advice {
	a := advice{code: report.CodeGuard}
	var look []string
	for i := range p.Sources {
		s := &p.Sources[i]
		for _, g := range s.Guards {
			if g.Status != plan.GuardTripped {
				continue
			}
			if a.path == "" {
				a.path = s.Path
			}
			if l := whatToLookAt(g.Name, s.Path); l != "" && !slices.Contains(look, l) {
				look = append(look, l)
			}
		}
	}
	a.hint = strings.Join(append(look, then), "\n")
	return a
}

// notApplied is the error of a plan that a guard stands against, where nobody
// keeps it.
func notApplied(p *plan.Plan) error {
	then := "nothing was done; if all is as it should be, the same command with " + overrideFlags(p) + " goes on"
	switch {
	case p.Manifest.Path == "" && overrideFlags(p) == "--override-guard source":
		then = "nothing was done"
	case p.Manifest.Path == "":
		then = "nothing was done; to go on in spite of it write a manifest (phlb init), for which phlb apply takes " + overrideFlags(p)
	}
	a := trippedAdvice(p, then)
	a.hint = strings.ReplaceAll(a.hint, "phlb show PLAN ", "phlb plan "+shellQuote(p.Manifest.Path)+"; phlb show plan.json ")
	return &advised{tripped(p), a}
}

// notApplicable is the error of a plan that a guard stands against, which was
// written to a file.
func notApplicable(p *plan.Plan, file string) error {
	then := fmt.Sprintf("the plan is for inspection only; if all is as it should be, plan again with %s", overrideFlags(p))
	a := trippedAdvice(p, then)
	if file != "-" {
		a.hint = strings.ReplaceAll(a.hint, " PLAN ", " "+shellQuote(file)+" ")
	}
	return &advised{tripped(p), a}
}
