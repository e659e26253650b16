package review

import "strings"

func help() []string {
	return strings.Split(`Keys

  ↑ ↓ j k           up and down          PgUp PgDn Space   by pages
  g G Home End      first and last       → l               open, go in
  ← h               close, go out        Enter             open or close
  e  E              open all, close all  s                 by name or by size
  u                 unchanged entries on and off
  f                 filter by action and change
  /                 search names (with a / in it: paths); Esc shows all again
  i                 summary: alarms, guards, retention
  a                 apply the plan (asks first)
  q                 quit: nothing is done
  Ctrl-C            the same, with exit code 130

Columns: size (of a directory: what is copied and linked below it), action,
change compared with the parent snapshot, name (number of entries below it).
A ! behind the change: the content changed although size and time did not.
The lines at the bottom tell why the plan decides so about the selected entry.`, "\n")
}

// summary tells what is known of the plan beside its entries.
func (m *Model) summary() []string {
	w, t := m.o.Words, m.tree
	lines := []string{
		"Plan " + w.Name(t.Header.PlanID), "  for " + w.Name(t.Header.Destination.Path),
	}
	if t.Header.Destination.ID == nil {
		lines = append(lines, "  A new root begins there.")
	}
	if m.o.Refused != "" {
		lines = append(lines, "  Not applicable: "+w.Text(m.o.Refused))
	}
	if len(m.o.Alarms) > 0 {
		lines = append(lines, "", "To look at")
		for _, a := range m.o.Alarms {
			lines = append(lines, "  "+w.Text(a))
		}
	}
	for i := range t.Sources {
		lines = append(lines, m.sourceSummary(i)...)
	}
	if len(t.Prune) > 0 {
		lines = append(lines, "", "Pruned: "+w.Count(int64(len(t.Prune))))
		for _, p := range t.Prune {
			lines = append(lines, "  "+w.Name(p.Snapshot)+"  "+w.Bytes(p.FreesBytes)+"  "+w.Text(p.Reason))
		}
	}
	if len(t.Keep) > 0 {
		lines = append(lines, "", "Kept: "+w.Count(int64(len(t.Keep))))
		for _, k := range t.Keep {
			lines = append(lines, "  "+w.Name(k.Snapshot)+"  "+w.Text(strings.Join(k.Reasons, ", ")))
		}
	}
	return lines
}

func (m *Model) sourceSummary(i int) []string {
	w, s := m.o.Words, &m.tree.Sources[i]
	lines := []string{"", "Source " + w.Name(s.Name) + "  " + w.Name(s.Path)}
	if s.Snapshot != "" {
		lines = append(lines, "  makes "+w.Name(s.Snapshot))
	}
	if s.Parent != nil {
		lines = append(lines, "  compared with "+w.Name(*s.Parent))
	}
	lines = append(lines, "  copy "+w.Count(s.Totals.Copy.Files)+" ("+w.Bytes(s.Totals.Copy.Bytes)+"), link "+
		w.Count(s.Totals.Link.Files)+" ("+w.Bytes(s.Totals.Link.Bytes)+"), skip "+w.Count(s.Totals.Skip.Files)+", deleted "+w.Count(s.Totals.Deleted))
	for _, g := range s.Guards {
		lines = append(lines, "  guard "+w.Name(g.Name)+" "+w.Text(g.Status)+"  "+w.Text(g.Detail))
	}
	return lines
}
