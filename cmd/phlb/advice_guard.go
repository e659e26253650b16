package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"phlb/execute"
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
	if look := whatToLookAt(e.Guard); look != "" {
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

// whatToLookAt is where to begin when a guard has tripped.
func whatToLookAt(guard string) string {
	switch guard {
	case "source", "mountpoint", "sentinel":
		return "look whether the right disk is mounted there: findmnt, ls"
	case "root_id":
		return "look which disk is mounted at the destination; its id stands in .phlb/root.json"
	case "min_files":
		return "look whether the source is whole, or something is not mounted in it"
	case "max_deleted_percent":
		return "look what is gone: phlb show PLAN --entries --action deleted"
	case "max_changed_percent":
		return "look what has changed, and whether it was you: phlb show PLAN --entries --change content"
	case "space", "min_free":
		return "make room: df -h and df -i tell; phlb plan MANIFEST --prune-only plans the removal of old snapshots alone"
	case "clock":
		return "look at the clock: date -u; a snapshot that was made by a wrong clock can be renamed or removed"
	}
	return ""
}

// trippedAdvice is what to do about the guards that a plan was made against;
// then is what becomes of it.
func trippedAdvice(p *plan.Plan, then string) advice {
	a := advice{code: report.CodeGuard}
	var look []string
	for _, g := range p.Tripped {
		if l := whatToLookAt(g.Name); l != "" && !slices.Contains(look, l) {
			look = append(look, l)
		}
	}
	for i := range p.Sources {
		s := &p.Sources[i]
		if a.path == "" && slices.ContainsFunc(s.Guards, func(g plan.Guard) bool { return g.Status == plan.GuardTripped }) {
			a.path = s.Path
		}
	}
	a.hint = strings.Join(append(look, then), "\n")
	return a
}

// notApplied is the error of a plan that a guard stands against, where nobody
// keeps it.
func notApplied(p *plan.Plan) error {
	then := "nothing was done; if all is as it should be, the same command with " + overrideFlags(p) + " goes on"
	if p.Manifest.Path == "" {
		then = "nothing was done; to go on in spite of it write a manifest (phlb init), for which phlb apply takes " + overrideFlags(p)
	}
	return &advised{tripped(p), trippedAdvice(p, then)}
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
