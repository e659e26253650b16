package report

import (
	"slices"
	"strings"
	"time"

	"phlb/internal/fsys"
	"phlb/plan"
)

// planTable writes the summary for people: what is unusual first, then each
// source, then what becomes of old snapshots, then one line for all.
// Of the snapshots that stay, kept are listed.
func planTable(p *page, s *PlanSummary, kept int) {
	planHead(p, s)
	for i := range s.Sources {
		if s.PruneOnly {
			guardTable(p, s.Sources[i].Guards)
			continue
		}
		sourceTable(p, &s.Sources[i])
	}
	retentionTable(p, s, kept)
	planFoot(p, s)
}

func planHead(p *page, s *PlanSummary) {
	if s.Destination.ID == nil {
		p.gap()
		p.line("%s", p.paint(yellow, "A new root begins at "+Name(s.Destination.Raw())+"."))
		if len(s.Strangers) > 0 {
			p.line("%s", p.paint(yellow, "It is not empty and holds no snapshot: "+strangerWords(s.Strangers)+". Is it the right directory?"))
		}
	}
	p.section("Plan %s for %s", text(s.PlanID), Name(s.Destination.Raw()))
	made := "made " + s.CreatedAt.UTC().Format(time.DateTime) + " UTC by phlb " + text(s.PHLBVersion)
	if s.Manifest != nil {
		made += " from " + Name(s.Manifest.Raw())
	}
	p.line("%s%s", tableIndent, made)
	if s.File != nil {
		p.line("%ssha256 %s", tableIndent, text(s.File.SHA256))
	}
	if s.PruneOnly {
		p.line("%sStores nothing: it only prunes.", tableIndent)
	}
	if s.Filter != nil {
		p.line("%sShowing only %s.", tableIndent, filterWords(s.Filter))
	}
	for _, l := range s.Limits {
		if words := lackWords(l); words != "" {
			p.line("%s%s", tableIndent, p.paint(yellow, "The destination "+words+"."))
		}
	}
}

// strangerWords names the first few.
func strangerWords(names []string) string {
	var few []string
	for _, n := range names[:min(len(names), 3)] {
		few = append(few, Name(n))
	}
	words := strings.Join(few, ", ")
	if more := len(names) - len(few); more > 0 {
		words += " and " + Count(int64(more)) + " more"
	}
	return words
}

// lackWords says what it means for a backup that its destination cannot hold
// something.
func lackWords(l fsys.Limit) string {
	switch l {
	case fsys.LimitCase:
		return "ignores case: of names that differ only in it, the first of a directory is stored"
	case fsys.LimitNames:
		return "cannot hold every name: files with others are skipped"
	case fsys.LimitLinks:
		return "has no hard links: every snapshot copies everything"
	case fsys.LimitSymlinks:
		return "has no symbolic links: they fail, and the snapshot becomes partial"
	case fsys.LimitXattrs:
		return "has no extended attributes: ACLs and the like are kept in the catalogue alone"
	case fsys.LimitModes:
		return "keeps neither modes nor owners: they are kept in the catalogue alone"
	case fsys.LimitTimes:
		return "keeps coarse times: exact ones are kept in the catalogue alone"
	}
	return ""
}

func filterWords(f *Filter) string {
	var words []string
	if len(f.Actions) > 0 {
		words = append(words, "action "+strings.Join(f.Actions, " or "))
	}
	if len(f.Changes) > 0 {
		words = append(words, "change "+strings.Join(f.Changes, " or "))
	}
	if f.PathGlob != "" {
		words = append(words, "path "+Name(f.PathGlob))
	}
	return strings.Join(words, ", ")
}

func planFoot(p *page, s *PlanSummary) {
	p.gap()
	if len(s.Unlisted) > 0 {
		var names []string
		for _, n := range s.Unlisted {
			names = append(names, Name(n))
		}
		p.line("Names in the root that the manifest does not list, left alone: %s.", strings.Join(names, ", "))
	}
	t := s.Totals
	parts := []string{
		"copy " + files(t.Copy.Files) + " (" + Bytes(t.Copy.Bytes) + ")",
		"link " + files(t.Link.Files) + " (" + Bytes(t.Link.Bytes) + ")",
		"skip " + Count(t.Skip.Files),
		Count(t.Deleted) + " deleted",
		"prune " + Count(t.Prune),
	}
	whole := "Total"
	if s.Filter != nil {
		whole = "Total of the whole plan"
	}
	p.line("%s", p.paint(bold, whole+": "+strings.Join(parts, ", ")+"."))
	switch {
	case !s.Applyable: // a guarded source may not even have been looked at
		p.line("%s", p.paint(red, "Not applicable: "+trippedWords(s)+"."))
	case !s.HasChanges:
		p.line("Nothing has changed.")
	}
}

// Refused tells why the plan cannot be applied; empty if it can.
func (s *PlanSummary) Refused() string {
	if s.Applyable {
		return ""
	}
	return trippedWords(s)
}

// trippedWords names the guards that stand against applying.
func trippedWords(s *PlanSummary) string {
	var names []string
	for _, source := range s.Sources {
		for _, g := range source.Guards {
			if g.Status == plan.GuardTripped {
				names = append(names, Name(g.Name)+" of "+Name(source.Name))
			}
		}
	}
	if len(names) == 0 {
		return "a guard tripped"
	}
	slices.Sort(names)
	return "tripped " + strings.Join(slices.Compact(names), ", ")
}
