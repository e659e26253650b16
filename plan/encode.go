package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"phlb/internal/jsonl"
)

// header writes what stands before the sources.
func (o *output) header(h *Header) {
	b := append(o.b, `{"format":"`+Format+`","format_version":"`+FormatVersion+"\",\n"...)
	b = jsonl.AppendString(append(b, ` "plan_id":`...), h.PlanID)
	b = jsonl.AppendString(append(b, `,"phlb_version":`...), h.PHLBVersion)
	b = append(h.CreatedAt.UTC().AppendFormat(append(b, `,"created_at":"`...), time.RFC3339Nano), "\",\n"...)
	if h.Manifest != (ManifestRef{}) {
		b = jsonl.AppendPath(append(b, ` "manifest":{`...), "path", h.Manifest.Path)
		b = append(jsonl.AppendString(append(b, `,"sha256":`...), h.Manifest.SHA256), "},\n"...)
	}
	b = jsonl.AppendPath(append(b, ` "destination":{`...), "path", h.Destination.Path)
	b = appendNullable(append(b, `,"id":`...), h.Destination.ID)
	b = appendInt(b, `,"generation":`, h.Destination.Generation)
	if h.Destination.Create {
		b = append(b, `,"create":true`...)
	}
	b = appendRequire(b, h.Destination.Require)
	b = append(b, "},\n"...)
	b = strconv.AppendBool(append(b, ` "applyable":`...), h.Applyable)
	if len(h.Overrides) > 0 {
		b = appendStrings(append(b, `,"overridden_guards":`...), h.Overrides)
	}
	if h.PruneOnly {
		b = append(b, `,"prune_only":true`...)
	}
	o.b = append(b, ",\n"...)
}

func appendRequire(b []byte, r Require) []byte {
	if r == (Require{}) {
		return b
	}
	b = strconv.AppendBool(append(b, `,"require":{"mountpoint":`...), r.Mountpoint)
	if r.Sentinel != "" {
		b = jsonl.AppendString(append(b, `,"sentinel":`...), r.Sentinel)
	}
	return append(b, '}')
}

func (o *output) sources(sources []SourceDoc) {
	o.b = append(o.b, ` "sources":[`...)
	for i := range sources {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.source(&sources[i])
	}
	o.b = append(o.b, "],\n"...)
}

func (o *output) source(s *SourceDoc) {
	b := jsonl.AppendString(append(o.b, "\n  {\"name\":"...), s.Name)
	b = jsonl.AppendPath(append(b, ','), "path", s.Path)
	b = append(b, `,"snapshot":`...)
	if s.Snapshot == "" {
		b = append(b, "null"...)
	} else {
		b = jsonl.AppendString(b, s.Snapshot)
	}
	b = appendNullable(append(b, `,"parent":`...), s.Parent)
	b = o.value(append(b, ",\n   \"settings\":"...), "settings", s.Settings)
	b = append(b, ",\n   \"guards\":["...)
	for i := range s.Guards {
		if i > 0 {
			b = append(b, ',')
		}
		b = o.guard(b, &s.Guards[i])
	}
	o.b = append(b, "],\n"...)
	var entries, deleted *block
	if s.Spool != nil {
		entries, deleted = &s.Spool.entries, &s.Spool.deleted
	}
	o.block("   ", "entries", entries)
	o.block("   ", "deleted", deleted)
	totals := s.totals()
	o.b = append(appendTotals(append(o.b, `   "totals":{`...), &totals), "}}"...)
}

func (o *output) guard(b []byte, g *Guard) []byte {
	b = jsonl.AppendString(append(b, `{"name":`...), g.Name)
	if g.Limit != nil {
		b = o.value(append(b, `,"limit":`...), "limit of guard "+g.Name, g.Limit)
	}
	b = jsonl.AppendString(append(b, `,"status":`...), g.Status)
	if g.Count != 0 || g.Of != 0 {
		b = appendInt(appendInt(b, `,"count":`, g.Count), `,"of":`, g.Of)
	}
	return append(jsonl.AppendString(append(b, `,"detail":`...), g.Detail), '}')
}

// value appends whatever encoding/json makes of v, for the few values that
// are not written often.
func (o *output) value(b []byte, what string, v any) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err == nil && buf.Len() > MaxEntry {
		err = fmt.Errorf("%d bytes, more than %d", buf.Len(), MaxEntry)
	}
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("%s: %w", what, err)
	}
	return append(b, bytes.TrimRight(buf.Bytes(), "\n")...)
}

func appendKeep(b []byte, k *Keep) []byte {
	b = jsonl.AppendString(append(b, `{"snapshot":`...), k.Snapshot)
	return append(appendStrings(append(b, `,"reasons":`...), k.Reasons), '}')
}

func appendPrune(b []byte, p *Prune) []byte {
	b = jsonl.AppendString(append(b, `{"snapshot":`...), p.Snapshot)
	b = jsonl.AppendString(append(b, `,"reason":`...), p.Reason)
	return append(appendInt(b, `,"frees_bytes":`, p.FreesBytes), '}')
}

// appendTotals appends the members of a source's totals.
func appendTotals(b []byte, t *Totals) []byte {
	b = appendCount(b, `"copy"`, t.Copy)
	b = appendCount(b, `,"link"`, t.Link)
	b = appendCount(b, `,"skip"`, t.Skip)
	b = appendInt(b, `,"mkdir":`, t.Mkdir)
	b = appendInt(b, `,"symlink":`, t.Symlink)
	return appendInt(b, `,"deleted":`, t.Deleted)
}

func appendPlanTotals(b []byte, t *PlanTotals) []byte {
	b = appendTotals(append(b, '{'), &t.Totals)
	b = appendInt(b, `,"keep":`, t.Keep)
	b = appendInt(b, `,"prune":`, t.Prune)
	return append(appendInt(b, `,"frees_bytes":`, t.FreesBytes), '}')
}

func appendCount(b []byte, key string, c Count) []byte {
	b = appendInt(append(append(b, key...), `:{`...), `"files":`, c.Files)
	return append(appendInt(b, `,"bytes":`, c.Bytes), '}')
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonl.AppendString(b, s)
	}
	return append(b, ']')
}

func appendNullable(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return jsonl.AppendString(b, *s)
}
