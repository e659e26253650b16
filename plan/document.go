package plan

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// Document is a whole plan, ready to be written. Totals are counted, those of
// its sources are ignored.
type Document struct {
	Header
	Sources []SourceDoc
	Keep    []Keep
	Prune   []Prune
	Digest  string // of the file, as in the file; set by Write
}

// SourceDoc is a source with its entries; a nil Spool has none.
type SourceDoc struct {
	Source
	Spool *Spool
}

func (s *SourceDoc) totals() Totals {
	if s.Spool == nil {
		return Totals{}
	}
	return s.Spool.Totals()
}

// Totals returns the sums over all sources, keeps and prunes.
func (d *Document) Totals() (PlanTotals, error) {
	var t PlanTotals
	for i := range d.Sources {
		own := d.Sources[i].totals()
		if err := t.sum(&own); err != nil {
			return t, err
		}
	}
	t.Keep = int64(len(d.Keep))
	for i := range d.Prune {
		if err := t.prune(&d.Prune[i]); err != nil {
			return t, err
		}
	}
	return t, nil
}

// prune counts a prune.
func (t *PlanTotals) prune(p *Prune) error {
	freed := Count{Bytes: t.FreesBytes}
	if err := freed.add(1, p.FreesBytes); err != nil {
		return err
	}
	t.Prune++
	t.FreesBytes = freed.Bytes
	return nil
}

// Write writes the plan file. The same document gives the same bytes.
func (d *Document) Write(w io.Writer) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	totals, err := d.Totals()
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	o := &output{w: w, hash: xxhash.New()}
	o.header(&d.Header)
	o.sources(d.Sources)
	o.list(" ", "keep", len(d.Keep), func(b []byte, i int) []byte { return appendKeep(b, &d.Keep[i]) })
	o.list(" ", "prune", len(d.Prune), func(b []byte, i int) []byte { return appendPrune(b, &d.Prune[i]) })
	o.b = appendPlanTotals(append(o.b, ` "totals":`...), &totals)
	o.b = append(o.b, ",\n "...)
	o.flush()
	d.Digest = digestText(o.hash.Sum64())
	o.b = append(append(append(o.b, `"digest":"`...), d.Digest...), "\"}\n"...)
	o.flush()
	if o.err != nil {
		return fmt.Errorf("write plan: %w", o.err)
	}
	return nil
}

// digestText is how a plan spells its digest.
func digestText(sum uint64) string { return fmt.Sprintf("xxh64:%016x", sum) }

// check refuses what the file cannot hold: names of snapshots and sources
// are text there, only paths can be any bytes.
func (d *Document) check() error {
	for i := range d.Sources {
		s := &d.Sources[i]
		if err := checkNames(s.Name, s.Snapshot, s.Parent); err != nil {
			return err
		}
		if err := checkGuards(s.Guards); err != nil {
			return err
		}
	}
	for _, k := range d.Keep {
		if err := checkNames(k.Snapshot, "", nil); err != nil {
			return err
		}
	}
	for _, p := range d.Prune {
		if err := checkNames(p.Snapshot, "", nil); err != nil {
			return err
		}
		if p.FreesBytes < 0 {
			return fmt.Errorf("pruning %s frees %d bytes", p.Snapshot, p.FreesBytes)
		}
	}
	return nil
}

var errName = errors.New("the name is not UTF-8")

func checkNames(name, snapshot string, parent *string) error {
	if !utf8.ValidString(name) || !utf8.ValidString(snapshot) || parent != nil && !utf8.ValidString(*parent) {
		return fmt.Errorf("%q: %w", name, errName)
	}
	return nil
}

func checkGuards(guards []Guard) error {
	for i := range guards {
		if g := &guards[i]; !g.valid() {
			return fmt.Errorf("guard %q: unknown status %q", g.Name, g.Status)
		}
	}
	return nil
}

func (g *Guard) valid() bool {
	switch g.Status {
	case GuardPassed, GuardTripped, GuardOverridden:
		return true
	}
	return false
}

// output writes the document and hashes it on the way.
type output struct {
	w    io.Writer
	hash *xxhash.Digest
	b    []byte // not yet written
	err  error
}

// Write implements io.Writer for blocks of entries.
func (o *output) Write(p []byte) (int, error) {
	o.hash.Write(p)
	return o.w.Write(p)
}

// flush writes what has been appended to b.
func (o *output) flush() {
	if o.err == nil {
		_, o.err = o.Write(o.b)
	}
	o.b = o.b[:0]
}

// list writes an array, one element a line.
func (o *output) list(indent, key string, n int, element func(b []byte, i int) []byte) {
	o.b = append(append(append(append(o.b, indent...), '"'), key...), `":[`...)
	for i := range n {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = element(append(o.b, '\n'), i)
	}
	o.endList(indent, n > 0)
}

func (o *output) endList(indent string, filled bool) {
	if filled {
		o.b = append(append(o.b, '\n'), indent...)
	}
	o.b = append(o.b, "],\n"...)
	o.flush()
}

// block writes an array of spooled values.
func (o *output) block(indent, key string, b *block) {
	o.b = append(append(append(append(o.b, indent...), '"'), key...), `":[`...)
	o.flush()
	if b != nil && o.err == nil {
		o.err = b.writeTo(o)
	}
	o.endList(indent, b != nil && b.some)
}
