package catalog

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"phlb/internal/jsonl"
)

func decodeHeader(d *jsonl.Decoder, h *Header) {
	*h = Header{}
	d.Fields(
		jsonl.Field{Key: "format", Decode: func() { h.Format = d.Text() }},
		jsonl.Field{Key: "format_version", Decode: func() { h.FormatVersion = d.Text() }},
		jsonl.Field{Key: "name", Decode: func() { h.Name = d.Text() }},
		jsonl.Field{Key: "snapshot", Decode: func() { h.Snapshot = d.Text() }},
		jsonl.Field{Key: "source", Presence: jsonl.Optional, Decode: func() { h.Source = d.Text() }},
		jsonl.Field{Key: "source_b64", Presence: jsonl.Optional, Decode: func() { h.Source = string(d.Base64()) }},
		jsonl.Field{Key: "plan_id", Presence: jsonl.Optional, Decode: func() { h.PlanID = d.Text() }},
		jsonl.Field{Key: "started", Decode: func() { h.Started = decodeClock(d) }},
		jsonl.Field{Key: "origin", Decode: func() { h.Origin = d.Text() }},
	)
	if d.Err() == nil && h.Origin != OriginApply && h.Origin != OriginRebuild {
		d.Fail(fmt.Errorf("unknown origin %q", h.Origin))
	}
}

// checkFormat refuses other formats and major versions.
func checkFormat(h *Header) error {
	major, _, _ := strings.Cut(FormatVersion, ".")
	if got, _, _ := strings.Cut(h.FormatVersion, "."); h.Format != Format || got != major {
		return fmt.Errorf("format %q version %q, want %q version %s.x", h.Format, h.FormatVersion, Format, major)
	}
	return nil
}

func decodeTrailer(d *jsonl.Decoder, t *Trailer) {
	*t = Trailer{}
	end := false
	d.Fields(
		jsonl.Field{Key: "end", Decode: func() { end = d.Bool() }},
		jsonl.Field{Key: "entries", Decode: func() { t.Entries = d.Count() }},
		jsonl.Field{Key: "files", Decode: func() { t.Files = d.Count() }},
		jsonl.Field{Key: "bytes", Decode: func() { t.Bytes = d.Count() }},
		jsonl.Field{Key: "status", Decode: func() { t.Status = d.Text() }},
		jsonl.Field{Key: "finished", Decode: func() { t.Finished = decodeClock(d) }},
	)
	if d.Err() == nil && (!end || t.Status != StatusComplete && t.Status != StatusPartial) {
		d.Fail(errors.New("not a catalogue's last line"))
	}
}

func decodeClock(d *jsonl.Decoder) time.Time {
	text := d.Text()
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		d.Fail(fmt.Errorf("%q is not a time", text))
	}
	return t.UTC()
}
