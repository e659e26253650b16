package plan

import (
	"errors"
	"fmt"
	"time"

	"phlb/internal/jsonl"
)

// headerMember reads a key that is not of the body: known ones only before it.
func (r *reader) headerMember(key string) error {
	decode := r.headerField(key)
	if decode == nil {
		return r.in.Skip()
	}
	if r.begun {
		return fmt.Errorf("%q stands after the plan's content", key)
	}
	return r.in.Take(&r.dec, decode)
}

// headerField returns how to decode a key, nil for unknown ones.
func (r *reader) headerField(key string) func() {
	h, d := &r.info.Header, &r.dec
	switch key {
	case "format":
		return func() { r.format(d.Text(), "") }
	case "format_version":
		return func() { r.format("", d.Text()) }
	case "plan_id":
		return func() { h.PlanID = d.Text() }
	case "phlb_version":
		return func() { h.PHLBVersion = d.Text() }
	case "created_at":
		return func() { h.CreatedAt = decodeTime(d) }
	case "manifest":
		return func() { decodeManifest(d, &h.Manifest) }
	case "destination":
		return func() { decodeDestination(d, &h.Destination) }
	case "applyable":
		return func() { h.Applyable = d.Bool() }
	case "overridden_guards":
		return func() { h.Overrides = decodeStrings(d) }
	case "prune_only":
		return func() { h.PruneOnly = d.Bool() }
	}
	return nil
}

func (r *reader) format(format, version string) {
	if r.dec.Err() != nil {
		return
	}
	if err := checkFormat(format, version); err != nil {
		r.dec.Fail(err)
	}
}

func decodeTime(d *jsonl.Decoder) time.Time {
	text := d.Text()
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		d.Fail(fmt.Errorf("%q is not a time", text))
	}
	return t.UTC()
}

func decodeManifest(d *jsonl.Decoder, m *ManifestRef) {
	*m = ManifestRef{}
	d.Fields(append(pathFields(d, &m.Path),
		jsonl.Field{Key: "sha256", Decode: func() { m.SHA256 = d.Text() }})...)
	requirePath(d, m.Path)
}

func decodeDestination(d *jsonl.Decoder, dst *Destination) {
	*dst = Destination{}
	d.Fields(append(pathFields(d, &dst.Path),
		jsonl.Field{Key: "id", Decode: func() { dst.ID = d.NullableText() }},
		jsonl.Field{Key: "generation", Decode: func() { dst.Generation = d.Count() }},
		jsonl.Field{Key: "create", Presence: jsonl.Optional, Decode: func() { dst.Create = d.Bool() }},
		jsonl.Field{Key: "require", Presence: jsonl.Optional, Decode: func() { decodeRequire(d, &dst.Require) }})...)
	requirePath(d, dst.Path)
}

func decodeRequire(d *jsonl.Decoder, r *Require) {
	d.Fields(
		jsonl.Field{Key: "mountpoint", Presence: jsonl.Optional, Decode: func() { r.Mountpoint = d.Bool() }},
		jsonl.Field{Key: "sentinel", Presence: jsonl.Optional, Decode: func() { r.Sentinel = d.Text() }},
	)
}

// pathFields are a path's two spellings.
func pathFields(d *jsonl.Decoder, path *string) []jsonl.Field {
	set := func(s string) {
		if *path != "" {
			d.Fail(errors.New("path stands twice"))
		}
		*path = s
	}
	return []jsonl.Field{
		{Key: "path", Presence: jsonl.Optional, Decode: func() { set(d.Text()) }},
		{Key: "path_b64", Presence: jsonl.Optional, Decode: func() { set(string(d.Base64())) }},
	}
}

func requirePath(d *jsonl.Decoder, path string) {
	if path == "" {
		d.Fail(errors.New("a path is missing or empty"))
	}
}

func decodeStrings(d *jsonl.Decoder) []string {
	var list []string
	for d.Array(); d.More(); {
		list = append(list, d.Text())
	}
	return list
}

func decodeKeep(d *jsonl.Decoder, k *Keep) {
	*k = Keep{}
	d.Fields(
		jsonl.Field{Key: "snapshot", Decode: func() { k.Snapshot = d.Text() }},
		jsonl.Field{Key: "reasons", Decode: func() { k.Reasons = decodeStrings(d) }},
	)
}

func decodePrune(d *jsonl.Decoder, p *Prune) {
	*p = Prune{}
	d.Fields(
		jsonl.Field{Key: "snapshot", Decode: func() { p.Snapshot = d.Text() }},
		jsonl.Field{Key: "reason", Decode: func() { p.Reason = d.Text() }},
		jsonl.Field{Key: "frees_bytes", Decode: func() { p.FreesBytes = d.Count() }},
	)
}

func decodeGuards(d *jsonl.Decoder) []Guard {
	var guards []Guard
	for d.Array(); d.More(); {
		var g Guard
		d.Fields(
			jsonl.Field{Key: "name", Decode: func() { g.Name = d.Text() }},
			jsonl.Field{Key: "limit", Presence: jsonl.Optional, Decode: func() { g.Limit = d.Scalar() }},
			jsonl.Field{Key: "status", Decode: func() { g.Status = d.Text() }},
			jsonl.Field{Key: "detail", Presence: jsonl.Optional, Decode: func() { g.Detail = d.Text() }},
			jsonl.Field{Key: "count", Presence: jsonl.Optional, Decode: func() { g.Count = d.Count() }},
			jsonl.Field{Key: "of", Presence: jsonl.Optional, Decode: func() { g.Of = d.Count() }},
		)
		if !g.valid() {
			d.Fail(fmt.Errorf("guard %q: unknown status %q", g.Name, g.Status))
		}
		guards = append(guards, g)
	}
	return guards
}

func totalsFields(d *jsonl.Decoder, t *Totals) []jsonl.Field {
	return []jsonl.Field{
		{Key: "copy", Decode: func() { decodeCount(d, &t.Copy) }},
		{Key: "link", Decode: func() { decodeCount(d, &t.Link) }},
		{Key: "skip", Decode: func() { decodeCount(d, &t.Skip) }},
		{Key: "mkdir", Decode: func() { t.Mkdir = d.Count() }},
		{Key: "symlink", Decode: func() { t.Symlink = d.Count() }},
		{Key: "deleted", Decode: func() { t.Deleted = d.Count() }},
	}
}

func decodePlanTotals(d *jsonl.Decoder, t *PlanTotals) {
	d.Fields(append(totalsFields(d, &t.Totals),
		jsonl.Field{Key: "keep", Decode: func() { t.Keep = d.Count() }},
		jsonl.Field{Key: "prune", Decode: func() { t.Prune = d.Count() }},
		jsonl.Field{Key: "frees_bytes", Decode: func() { t.FreesBytes = d.Count() }})...)
}

func decodeCount(d *jsonl.Decoder, c *Count) {
	d.Fields(
		jsonl.Field{Key: "files", Decode: func() { c.Files = d.Count() }},
		jsonl.Field{Key: "bytes", Decode: func() { c.Bytes = d.Count() }},
	)
}
