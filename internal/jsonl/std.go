package jsonl

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Unmarshal takes a value and leaves it to encoding/json, having refused what
// that would silently bend: keys that stand twice or differ only in case, and
// text that is not valid Unicode.
func (d *Decoder) Unmarshal(into any) {
	raw := d.Raw()
	if d.err != nil {
		return
	}
	var check Decoder
	check.Reset(raw)
	check.strict()
	err := check.err
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		d.Fail(err)
	}
}

// strict takes a valid value apart down to its strings.
func (d *Decoder) strict() {
	switch d.peek() {
	case '{':
		d.strictObject()
	case '[':
		for d.Array(); d.More(); {
			d.strict()
		}
	case '"':
		d.text()
	default:
		d.Skip()
	}
}

func (d *Decoder) strictObject() {
	seen := map[string]bool{}
	for d.Object(); ; {
		key, ok := d.Key()
		if !ok {
			return
		}
		folded := strings.Map(fold, string(key))
		if seen[folded] {
			d.Fail(fmt.Errorf("%q stands twice", key))
		}
		seen[folded] = true
		d.strict()
	}
}

// fold returns the smallest rune that differs from r only in case, by the
// same rule as encoding/json.
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
