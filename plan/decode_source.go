package plan

import (
	"errors"
	"fmt"

	"phlb/internal/jsonl"
	"phlb/manifest"
)

// source is what is known of the source that is being read.
type source struct {
	Source
	seen    map[string]bool
	begun   bool   // handed out
	counted Totals // by its entries
	reason  string // of the last entry that has one
	last    order  // of entries
	gone    order  // of deleted
}

func (r *reader) source() error {
	r.src = &source{seen: map[string]bool{}}
	if err := r.in.Object(r.sourceMember); err != nil {
		return err
	}
	s := r.src
	for _, key := range []string{"entries", "deleted", "totals"} {
		if !s.seen[key] {
			return fmt.Errorf("source %q: %q is missing", s.Name, key)
		}
	}
	if s.Totals != s.counted {
		return fmt.Errorf("source %q: its totals do not fit its entries", s.Name)
	}
	if err := r.sum.sum(&s.counted); err != nil {
		return err
	}
	if r.v.EndSource == nil {
		return nil
	}
	return r.due(func() error { return r.v.EndSource(&s.Source) })
}

func (r *reader) sourceMember(key string) error {
	s := r.src
	name := key
	if key == "path_b64" {
		name = "path"
	}
	if s.seen[name] {
		return fmt.Errorf("%q stands twice", key)
	}
	if len(s.seen) >= maxKeys {
		return fmt.Errorf("more than %d keys", maxKeys)
	}
	s.seen[name] = true
	switch key {
	case "entries":
		return r.sourceList(r.entry())
	case "deleted":
		return r.sourceList(r.deleted)
	case "totals":
		return r.in.Take(&r.dec, func() { r.dec.Fields(totalsFields(&r.dec, &s.Totals)...) })
	}
	decode := r.sourceField(key)
	if decode == nil {
		return r.in.Skip()
	}
	if s.begun {
		return fmt.Errorf("%q stands after the entries", key)
	}
	return r.in.Take(&r.dec, decode)
}

// sourceField returns how to decode a key, nil for unknown ones.
func (r *reader) sourceField(key string) func() {
	s, d := &r.src.Source, &r.dec
	switch key {
	case "name":
		return func() { s.Name = d.Text() }
	case "path":
		return func() { s.Path = d.Text() }
	case "path_b64":
		return func() { s.Path = string(d.Base64()) }
	case "snapshot":
		return func() { s.Snapshot = nullableName(d) }
	case "parent":
		return func() { s.Parent = d.NullableText() }
	case "settings":
		return func() {
			s.Settings = manifest.Settings{}
			d.Unmarshal(&s.Settings)
		}
	case "guards":
		return func() { s.Guards = decodeGuards(d) }
	}
	return nil
}

// nullableName takes a snapshot's name, or null for none.
func nullableName(d *jsonl.Decoder) string {
	name := d.NullableText()
	switch {
	case name == nil:
		return ""
	case *name == "":
		d.Fail(errors.New("the snapshot's name is empty"))
	}
	return *name
}

// sourceList reads the entries or the deleted paths.
func (r *reader) sourceList(element func() error) error {
	if err := r.beginSource(); err != nil {
		return err
	}
	return r.in.Array(element)
}

func (r *reader) beginSource() error {
	s := r.src
	if s.begun {
		return nil
	}
	s.begun = true
	for _, key := range []string{"name", "path", "snapshot", "parent", "settings", "guards"} {
		if !s.seen[key] {
			return fmt.Errorf("source %q: %q is missing before its entries", s.Name, key)
		}
	}
	if r.v.Source == nil {
		return nil
	}
	begun := s.Source // its totals are yet to be read
	return r.due(func() error { return r.v.Source(&begun) })
}

// entry returns the function that reads an entry. It is called a million
// times, so it is made once.
func (r *reader) entry() func() error {
	s := r.src
	var e *Entry
	decode := func() {
		e = &r.ahead.slot().entry
		e.Reason = s.reason
		decodeEntry(&r.dec, e)
	}
	visit := func() error {
		if err := s.last.next(e.Path); err != nil {
			return err
		}
		if err := s.counted.add(e); err != nil {
			return err
		}
		if e.Reason != "" {
			s.reason = e.Reason
		}
		if r.v.Entry == nil {
			return nil
		}
		return r.due(nil)
	}
	return func() error { return r.element(decode, visit) }
}

func (r *reader) deleted() error {
	var path string
	return r.element(func() { path = decodeDeleted(&r.dec) }, func() error {
		if err := r.src.gone.next(path); err != nil {
			return err
		}
		r.src.counted.Deleted++
		if r.v.Deleted == nil {
			return nil
		}
		return r.due(func() error { return r.v.Deleted(path) })
	})
}

// decodeDeleted takes a string or {"path_b64":…}.
func decodeDeleted(d *jsonl.Decoder) (path string) {
	if !d.AtObject() {
		return d.Text()
	}
	d.Fields(jsonl.Field{Key: "path_b64", Decode: func() { path = string(d.Base64()) }})
	return path
}
