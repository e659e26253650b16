package jsonl

import (
	"fmt"
)

// Field is one known key of an object and how to take its value.
type Field struct {
	Key      string
	Decode   func()
	Presence Presence
}

// Presence says whether a key may be missing.
type Presence uint8

// The presences of a key.
const (
	Required Presence = iota
	Optional
)

// Fields takes an object with these keys. Unknown ones are skipped. It is
// meant for the few objects of a file that are not worth a loop of their own.
func (d *Decoder) Fields(fields ...Field) {
	var seen uint32
	d.Object()
	for {
		key, ok := d.Key()
		if !ok {
			break
		}
		d.field(fields, string(key), &seen)
	}
	for i, f := range fields {
		if d.err == nil && f.Presence == Required && seen&(1<<i) == 0 {
			d.Fail(fmt.Errorf("%q is missing", f.Key))
		}
	}
}

func (d *Decoder) field(fields []Field, key string, seen *uint32) {
	for i, f := range fields {
		if f.Key != key {
			continue
		}
		d.Once(seen, 1<<i)
		f.Decode()
		if d.err != nil {
			d.err = fmt.Errorf("%s: %w", key, d.err)
		}
		return
	}
	d.Skip()
}
