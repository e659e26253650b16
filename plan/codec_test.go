package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/manifest"
)

func ptr[T any](v T) *T { return &v }

func mustSum(hex string) digest.Sum {
	s, err := digest.Parse(hex)
	if err != nil {
		panic(err)
	}
	return s
}

// sample has everything a plan can hold.
func sample(t testing.TB) *Document {
	t.Helper()
	sum := mustSum(strings.Repeat("0a", 32))
	spool := NewSpool()
	for _, e := range []Entry{
		{Action: ActionMkdir, Path: ".", Mode: 0o755, Mtime: meta.Time{Sec: 1795442400, Nsec: 5}, Change: ChangeUnchanged},
		{Action: ActionSkip, Path: "big", Size: 1 << 40, Reason: "too large: more than 2 GiB", InParent: true},
		{Action: ActionMkdir, Path: "docs", Mode: 0o1777, UID: 1000, GID: math.MaxUint32, Mtime: meta.Time{Sec: -1, Nsec: 1},
			Xattrs: meta.Xattrs{"user.b": []byte("x"), "user.a": {}, "user.\xff": {0}}, Change: ChangeNew},
		{Action: ActionCopy, Path: "docs/a \"quoted\"\n.txt", Size: 4711, Mode: 0o644, Mtime: meta.Time{Sec: math.MaxInt64, Nsec: 999999999},
			Ctime: meta.Time{Sec: math.MinInt64}, Ino: math.MaxUint64, Change: ChangeContent, Reason: "new size", Quiet: true},
		{Action: ActionLink, Path: "docs/b.txt", Size: 4711, Mode: 0o644, UID: 1000, GID: 100, SHA256: sum, Target: "home/2026-11-22-140000/docs/b.txt",
			Hardlink: "docs/\xff", Mtime: meta.Time{Sec: 1}, Ctime: meta.Time{Sec: 2}, Ino: 7, Change: ChangeUnchanged, Reason: "same as in the parent"},
		{Action: ActionCopy, Path: "docs/\xfe", Mode: 0, Xattrs: meta.Xattrs{"security.capability": {1, 2, 3}}, SHA256: sum, Hardlink: "docs/ä", Change: ChangeType},
		{Action: ActionSymlink, Path: "ln", Target: "docs/a.txt", UID: 1, GID: 2, Mtime: meta.Time{Sec: 3}, Change: ChangeMoved},
		{Action: ActionSymlink, Path: "ln2", Target: "\xfd"},
		{Action: ActionSkip, Path: "run.sock", Reason: "socket"},
	} {
		if err := spool.Add(&e); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"docs/old.txt", "docs/\xff", "x"} {
		if err := spool.AddDeleted(p); err != nil {
			t.Fatal(err)
		}
	}
	return &Document{
		Header: Header{
			PlanID: "0f8e9a52-1c6b-4f0e-9f1d-2f6a1f0c7a11", PHLBVersion: "2.0.0",
			CreatedAt:   time.Date(2026, 11, 23, 15, 0, 0, 0, time.FixedZone("", 3600)),
			Manifest:    ManifestRef{Path: "/etc/phlb.yaml", SHA256: strings.Repeat("0f", 32)},
			Destination: Destination{Path: "/mnt/backup", ID: ptr("7f0c"), Generation: 41, Require: Require{Mountpoint: true, Sentinel: ".disk"}},
			Applyable:   true, Overrides: []string{"min_free", "clock"},
		},
		Sources: []SourceDoc{
			{Source: Source{
				Name: "home", Path: "/home/me", Snapshot: "home/2026-11-23-140000", Parent: ptr("home/2026-11-22-140000"),
				Settings: manifest.Settings{
					Excludes: []manifest.Pattern{{Text: ".cache/"}, {Text: "<a>&*"}}, OneFileSystem: true, ChangeDetection: manifest.DetectMetadata,
					LinkMatch: manifest.MatchPermissions, SmallFiles: manifest.SmallFilesCopy, SmallFileThreshold: 1000,
					Guards: manifest.Guards{MaxDeletedPercent: ptr(20.0)},
				},
				Guards: []Guard{
					{Name: "max_deleted_percent", Limit: int64(20), Status: GuardPassed, Detail: "3 of 100", Count: 3, Of: 100},
					{Name: "max_changed_percent", Limit: 12.5, Status: GuardTripped, Detail: "50 %"},
					{Name: "sentinel", Limit: ".mounted", Status: GuardOverridden},
					{Name: "source", Status: GuardPassed},
				},
			}, Spool: spool},
			{Source: Source{Name: "srv", Path: "/srv/\xff", Settings: manifest.Settings{Excludes: []manifest.Pattern{}}}},
		},
		Keep:  []Keep{{Snapshot: "home/2026-11-22-140000", Reasons: []string{"last#2", "daily#2"}}, {Snapshot: "home/2026-11-23-140000", Reasons: []string{"newest"}}},
		Prune: []Prune{{Snapshot: "home/2026-01-01-000000", Reason: "kept by no rule", FreesBytes: 123}},
	}
}

func encode(t testing.TB, d *Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readBack is a whole plan in memory.
type readBack struct {
	Header  Header
	Sources []readSource
	Keep    []Keep
	Prune   []Prune
	Info    *Info
}

type readSource struct {
	Source
	Entries []Entry
	Deleted []string
}

func (p *readBack) visitor() Visitor {
	last := func() *readSource { return &p.Sources[len(p.Sources)-1] }
	return Visitor{
		Header:    func(h *Header) error { p.Header = *h; return nil },
		Source:    func(s *Source) error { p.Sources = append(p.Sources, readSource{Source: *s}); return nil },
		Entry:     func(e *Entry) error { last().Entries = append(last().Entries, *e); return nil },
		Deleted:   func(path string) error { last().Deleted = append(last().Deleted, path); return nil },
		EndSource: func(s *Source) error { last().Totals = s.Totals; return nil },
		Keep:      func(k *Keep) error { p.Keep = append(p.Keep, *k); return nil },
		Prune:     func(x *Prune) error { p.Prune = append(p.Prune, *x); return nil },
	}
}

func readAll(in []byte) (*readBack, error) {
	var p readBack
	var err error
	p.Info, err = Read(context.Background(), bytes.NewReader(in), p.visitor())
	return &p, err
}

// document makes a writable plan of one that was read.
func (p *readBack) document() (*Document, error) {
	d := &Document{Header: p.Header, Keep: p.Keep, Prune: p.Prune}
	for _, s := range p.Sources {
		spool := NewSpool()
		for i := range s.Entries {
			if err := spool.Add(&s.Entries[i]); err != nil {
				return nil, err
			}
		}
		for _, path := range s.Deleted {
			if err := spool.AddDeleted(path); err != nil {
				return nil, err
			}
		}
		d.Sources = append(d.Sources, SourceDoc{Source: s.Source, Spool: spool})
	}
	return d, nil
}

// sealed gives a text that ends before the digest its digest.
func sealed(text string) []byte {
	return fmt.Appendf(nil, "%s\"digest\":\"xxh64:%016x\"}\n", text, xxhash.Sum64String(text))
}

// resealed is text after an edit, with the digest made anew.
func resealed(text string) []byte {
	return sealed(text[:strings.LastIndex(text, `"digest"`)])
}

func TestGolden(t *testing.T) {
	const file = "testdata/plan.golden.json"
	got := encode(t, sample(t))
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("set UPDATE_GOLDEN to accept:\n%s", diff)
	}
	if !bytes.Equal(resealed(string(got)), got) {
		t.Error("the digest is not the XXH64 of everything before its key")
	}
	if !json.Valid(got) {
		t.Error("it is not JSON")
	}
	if again := encode(t, sample(t)); !bytes.Equal(got, again) {
		t.Error("the same plan, written again, differs")
	}
}

func TestRoundTrip(t *testing.T) {
	text := encode(t, sample(t))
	p, err := readAll(text)
	if err != nil {
		t.Fatal(err)
	}
	want := sample(t)
	want.CreatedAt = want.CreatedAt.UTC()
	if diff := cmp.Diff(want.Header, p.Header); diff != "" {
		t.Error(diff)
	}
	totals, err := want.Totals()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Info{Header: want.Header, Totals: totals, Digest: p.Info.Digest}, p.Info); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Keep, p.Keep); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Prune, p.Prune); diff != "" {
		t.Error(diff)
	}
	for i, s := range p.Sources {
		src := want.Sources[i].Source
		src.Totals = want.Sources[i].totals()
		if diff := cmp.Diff(src, s.Source); diff != "" {
			t.Error(diff)
		}
	}
	e := p.Sources[0].Entries
	if e[2].Path != "docs" || !e[2].Xattrs.Equal(meta.Xattrs{"user.a": nil, "user.b": []byte("x"), "user.\xff": {0}}) {
		t.Errorf("xattrs: %+v", e[2])
	}
	if e[3].Mtime != (meta.Time{Sec: math.MaxInt64, Nsec: 999999999}) || e[3].Ctime.Sec != math.MinInt64 || e[3].Ino != math.MaxUint64 {
		t.Errorf("large numbers: %+v", e[3])
	}
	if diff := cmp.Diff([]string{"docs/old.txt", "docs/\xff", "x"}, p.Sources[0].Deleted); diff != "" {
		t.Error(diff)
	}
	d, err := p.document()
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, d); !bytes.Equal(again, text) {
		t.Errorf("written again it differs:\n%s", cmp.Diff(string(text), string(again)))
	}
}

func TestEmptyPlan(t *testing.T) {
	d := &Document{Header: Header{PlanID: "x", CreatedAt: time.Unix(0, 1).UTC(), Destination: Destination{Path: "/b", Create: true}, PruneOnly: true}}
	text := encode(t, d)
	for _, want := range []string{`"id":null,"generation":0,"create":true}`, `"applyable":false,"prune_only":true,`, " \"sources\":[],\n \"keep\":[],\n \"prune\":[],\n"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if bytes.Contains(text, []byte(`"manifest"`)) {
		t.Error("a manifest that does not exist is written")
	}
	p, err := readAll(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d.Header, p.Header); diff != "" {
		t.Error(diff)
	}
}

// TestNilVisitor: reading checks everything even if nobody looks.
func TestNilVisitor(t *testing.T) {
	text := encode(t, sample(t))
	info, err := Read(context.Background(), bytes.NewReader(text), Visitor{})
	if err != nil || info.Totals.Copy.Files != 2 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := Read(context.Background(), bytes.NewReader(text[:len(text)-10]), Visitor{}); err == nil {
		t.Error("a plan that was cut off is accepted")
	}
}

// TestOtherSpellings: what jq, an editor or another library make of a plan is
// read alike, if only the digest is renewed.
func TestOtherSpellings(t *testing.T) {
	text := encode(t, sample(t))
	want, err := readAll(text)
	if err != nil {
		t.Fatal(err)
	}
	var indented, compact bytes.Buffer
	if err := errors.Join(json.Indent(&indented, text, "\t", "  "), json.Compact(&compact, text)); err != nil {
		t.Fatal(err)
	}
	unicode := strings.NewReplacer(`docs/b.txt`, `\u0064ocs\/b.t\u0078t`, `"action"`, `"\u0061ction"`, `"user.a":""`, `"user.\u0061":"\u0059Q=="`)
	extra := strings.NewReplacer(`{"action"`, `{"new":[{"path":"x"},null,1e9],"Action":"x","action"`, ` "sources":[`, ` "extra":{"sources":[1]},"sources":[`,
		`"entries":[`, `"later":[[]], "entries":[`, `"deleted":[`, `"deleted_why":{}, "deleted":[`, `"status":"passed"`, `"why":null,"status":"passed"`)
	for name, in := range map[string][]byte{
		"indented": resealed(indented.String()),
		"compact":  resealed(compact.String()),
		"CRLF":     resealed(strings.ReplaceAll(string(text), "\n", "\r\n")),
		"escapes":  resealed(strings.ReplaceAll(unicode.Replace(string(text)), `"\u0059Q=="`, `""`)),
		"unknown":  resealed(extra.Replace(string(text))),
		"spaces":   append(resealed(strings.ReplaceAll(string(text), `,"`, " ,\t\r\n \"")), " \n\t\r"...),
	} {
		got, err := readAll(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got.Info.Digest = want.Info.Digest
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestReaders(t *testing.T) {
	text := encode(t, sample(t))
	var packed bytes.Buffer
	z, err := NewZstdWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := sample(t).Write(z); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.Reader{
		"one byte": iotest.OneByteReader(bytes.NewReader(text)),
		"data+EOF": iotest.DataErrReader(bytes.NewReader(text)),
		"zstd":     bytes.NewReader(packed.Bytes()),
	} {
		info, err := Read(context.Background(), r, Visitor{})
		if err != nil || info.Totals.Copy.Files != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range packed.Len() {
		if _, err := Read(context.Background(), bytes.NewReader(packed.Bytes()[:i]), Visitor{}); err == nil {
			t.Fatalf("zstd cut off at %d of %d is accepted", i, packed.Len())
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, bytes.NewReader(text), Visitor{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Read(context.Background(), io.MultiReader(bytes.NewReader(text[:500]), iotest.ErrReader(broken)), Visitor{}); !errors.Is(err, broken) {
		t.Errorf("a read error: %v", err)
	}
}

// TestAnyDamage: no byte can be changed, and nothing be cut off or added,
// without its being noticed.
func TestAnyDamage(t *testing.T) {
	text := encode(t, sample(t))
	for i := range text[:len(text)-1] { // the last line break means nothing
		damaged := bytes.Clone(text)
		damaged[i] ^= 1
		if _, err := readAll(damaged); err == nil {
			t.Errorf("byte %d (%q for %q) may change", i, damaged[i], text[i])
		}
		if _, err := readAll(text[:i]); err == nil {
			t.Errorf("it may be cut off at %d", i)
		}
	}
	for _, more := range []string{"x", "{}", "\x00", string(text)} {
		if _, err := readAll(append(bytes.Clone(text), more...)); err == nil {
			t.Errorf("%.10q may follow", more)
		}
	}
}

func TestRefusals(t *testing.T) {
	text := string(encode(t, sample(t)))
	const (
		mkdir = `{"action":"mkdir","path":".","mode":"0755","uid":0,"gid":0,"mtime_ns":1795442400000000005,"change":"unchanged"}`
		skip  = `{"action":"skip","path":"run.sock","reason":"socket"}`
	)
	for _, c := range []struct{ old, new, want string }{
		{`"phlb-plan"`, `"phlb-report"`, ErrFormat.Error()},
		{`"format_version":"1.0"`, `"format_version":"2.0"`, ErrFormat.Error()},
		{`"format_version":"1.0"`, `"format_version":"1x"`, ErrFormat.Error()},
		{`{"format":"phlb-plan",`, `{`, ErrFormat.Error()},
		{`"plan_id":`, `"Plan_ID":`, `"plan_id" is missing`},
		{`"applyable":true`, `"applyable":1`, "line 5: want true or false, found a number"},
		{`"applyable":true`, `"applyable":null`, "found null"},
		{`"applyable":true`, `"applyable":true,"applyable":true`, "stands twice"},
		{`"generation":41`, `"generation":-1`, "negative"},
		{`"generation":41`, `"generation":41,"generation":41`, "twice"},
		{`"path":"/mnt/backup"`, `"path":"/mnt/backup","path_b64":"YQ=="`, "path stands twice"},
		{`"path":"/mnt/backup",`, ``, "a path is missing"},
		{`"2026-11-23T14:00:00Z"`, `"yesterday"`, "not a time"},
		{` "keep":[`, ` "plan_id":"x","keep":[`, `"plan_id" stands twice`},
		{` "keep":[`, ` "prune_only":true,"keep":[`, "after the plan's content"},
		{`"name":"home"`, `"name":null`, "found null"},
		{`"snapshot":"home/2026-11-23-140000","parent"`, `"snapshot":"","parent"`, "empty"},
		{`"parent":"home/2026-11-22-140000",`, ``, `"parent" is missing`},
		{`"name":"home"`, `"name":"home","name":"home"`, "twice"},
		{`"path":"/home/me"`, `"path":"/home/me","path_b64":"YQ=="`, "twice"},
		{`"one_file_system":true`, `"one_file_system":true,"One_File_System":false`, "twice"},
		{`"one_file_system":true`, `"one_file_system":"x"`, "cannot unmarshal"},
		{`"status":"passed"`, `"status":"maybe"`, "unknown status"},
		{`"limit":20`, `"limit":null`, "found null"},
		{`   "deleted":[`, `   "name":"x","deleted":[`, "twice"},
		{`   "deleted":[`, `   "removed":[`, `"deleted" is missing`},
		{mkdir, mkdir + "," + mkdir, "does not come after"},
		{mkdir, skip + "," + mkdir, "does not come after"},
		{mkdir, "null", "line 11: want an object, found null"},
		{mkdir, "[]", "want an object"},
		{skip, `{"action":"delete","path":"run.sock"}`, `line 19: "run.sock": unknown action "delete"`},
		{skip, `{"action":"skip","path":"zzz","reason":"socket"},` + skip, "does not come after"},
		{skip, `{"action":"skip","reason":"socket"}`, "without path"},
		{skip, `{"path":"run.sock","reason":"socket"}`, "without action"},
		{skip, `{"action":"skip","path":"run.sock","path":"run.sock"}`, "twice"},
		{skip, `{"action":"skip","path":"run.sock","path_b64":"YQ=="}`, "twice"},
		{skip, `{"action":"skip","path":"run.\ud800"}`, "Unicode"},
		{skip, `{"action":"skip","path":null}`, "found null"},
		{skip, `{"action":"skip","path":"run.sock","size":"1"}`, "found a string"},
		{skip, `{"action":"skip","path":"run.sock","size":9223372036854775807}`, "exceeds 64 bits"},
		{skip, skip + ",", "want a value"},
		{skip, skip + " " + skip, "want ','"},
		{skip, skip + `,{"action":"skip","path":"s","reason":"socket"}`, "totals do not fit"},
		{mkdir, `{"action":"mkdir","path":".","uid":0,"gid":0,"mtime_ns":0}`, "a key is missing"},
		{mkdir, `{"action":"copy","path":".","mode":"0755","uid":0,"gid":0,"mtime_ns":0,"ctime_ns":0,"ino":1}`, "a key is missing"},
		{mkdir, `{"action":"link","path":".","size":1,"mode":"0755","uid":0,"gid":0,"mtime_ns":0,"ctime_ns":0,"ino":1}`, "a key is missing"},
		{mkdir, `{"action":"symlink","path":".","uid":0,"gid":0,"mtime_ns":0}`, "a key is missing"},
		{`"mode":"0755"`, `"mode":"755"`, "not a mode"},
		{`"mode":"0755"`, `"mode":493`, "found a number"},
		{`"uid":1000`, `"uid":-1`, "invalid syntax"},
		{`"uid":1000`, `"uid":4294967296`, "out of range"},
		{`"ino":18446744073709551615`, `"ino":18446744073709551616`, "out of range"},
		{`"mtime_ns":1795442400000000005`, `"mtime_ns":1.795442400000000005e18`, "whole number"},
		{`"change":"new"`, `"change":"strange"`, "unknown change"},
		{`"docs/old.txt"`, `"zzz"`, "does not come after"},
		{`"docs/old.txt"`, `null`, "want a string"},
		{`"docs/old.txt"`, `{"path":"docs/old.txt"}`, `"path_b64" is missing`},
		{`"copy":{"files":2,`, `"copy":{"files":3,`, "totals do not fit"},
		{`"totals":{"copy":{"files":2,"bytes":4711},`, `"totals":{`, `"copy" is missing`},
		{`"keep":2,`, `"keep":3,`, "the plan's totals do not fit"},
		{`"frees_bytes":123},`, `"frees_bytes":124},`, "the plan's totals do not fit"},
		{`"frees_bytes":123}`, `"frees_bytes":-123}`, "negative"},
		{`"kept by no rule"`, `7`, "want a string"},
		{" \"prune\":[\n", ` "pruned":[`, `"prune" is missing`},
		{` "keep":[`, ` "k":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `,"keep":[`, "too deep"},
		{`"reason":"socket"`, `"reason":"` + strings.Repeat("x", MaxEntry) + `"`, "longer than"},
	} {
		if !strings.Contains(text, c.old) {
			t.Errorf("the sample has no %s", c.old)
			continue
		}
		edited := strings.Replace(text, c.old, c.new, 1)
		_, err := readAll(resealed(edited))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %.100s: got %v, want %s", c.old, c.new, err, c.want)
		}
		var at *LineError
		if !errors.As(err, &at) {
			t.Errorf("%s -> %.100s: no line number: %v", c.old, c.new, err)
		}
	}
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"edited":        {strings.Replace(text, `"path":"ln"`, `"path":"lm"`, 1), ErrDigest},
		"no digest":     {text[:strings.LastIndex(text, ",\n \"digest\"")] + "}", ErrDigest},
		"empty":         {"", ErrFormat},
		"YAML":          {"version: 1\n", ErrFormat},
		"other JSON":    {`{"a":1}`, ErrFormat},
		"array":         {`[1]`, ErrFormat},
		"cut off":       {text[:1000], io.ErrUnexpectedEOF},
		"after digest":  {strings.Replace(text, "\"}\n", "\",\"sources\":[]}\n", 1), nil},
		"digest first":  {`{"digest":"xxh64:` + fmt.Sprintf("%016x", xxhash.Sum64String("{")) + `",` + text[1:], nil},
		"digest number": {string(resealed(text)[:len(text)-27]) + "1}", nil},
	} {
		_, err := readAll([]byte(c.in))
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

// TestVisitorErrors: each function can end the reading, and its error comes
// back with the line.
func TestVisitorErrors(t *testing.T) {
	text := encode(t, sample(t))
	no := errors.New("no")
	for line, v := range map[int]Visitor{
		6:  {Header: func(*Header) error { return no }},
		10: {Source: func(*Source) error { return no }},
		16: {Entry: func(e *Entry) error {
			if e.Path == "docs/\xfe" {
				return no
			}
			return nil
		}},
		22: {Deleted: func(string) error { return no }},
		26: {EndSource: func(*Source) error { return no }},
		34: {Keep: func(*Keep) error { return no }},
		38: {Prune: func(*Prune) error { return no }},
	} {
		_, err := Read(context.Background(), bytes.NewReader(text), v)
		var at *LineError
		if !errors.Is(err, no) || !errors.As(err, &at) || at.Line != line {
			t.Errorf("got %v, want line %d", err, line)
		}
	}
}

func TestSpoolRefuses(t *testing.T) {
	for name, e := range map[string]Entry{
		"action":  {Action: "x", Path: "b"},
		"change":  {Action: ActionCopy, Path: "b", Change: "x"},
		"size":    {Action: ActionCopy, Path: "b", Size: -1},
		"sum":     {Action: ActionCopy, Path: "b", Size: math.MaxInt64},
		"mode":    {Action: ActionMkdir, Path: "b", Mode: 0o100644},
		"length":  {Action: ActionMkdir, Path: "b", Xattrs: meta.Xattrs{"user.a": make([]byte, MaxEntry)}},
		"same":    {Action: ActionMkdir, Path: "a"},
		"earlier": {Action: ActionMkdir, Path: "."},
	} {
		s := NewSpool()
		if err := s.Add(&Entry{Action: ActionCopy, Path: "a", Size: 1}); err != nil {
			t.Fatal(err)
		}
		if err := s.Add(&e); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	s := NewSpool()
	if err := errors.Join(s.AddDeleted("a/b"), s.AddDeleted("a-b")); err != nil {
		t.Error(err)
	}
	if s.AddDeleted("a/c") == nil {
		t.Error("deleted out of order: accepted")
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*Document){
		"name":     func(d *Document) { d.Sources[0].Name = "\xff" },
		"snapshot": func(d *Document) { d.Sources[0].Snapshot = "\xff/2026-11-23-140000" },
		"parent":   func(d *Document) { d.Sources[0].Parent = ptr("\xff") },
		"keep":     func(d *Document) { d.Keep[0].Snapshot = "\xff" },
		"prune":    func(d *Document) { d.Prune[0].Snapshot = "\xff" },
		"frees":    func(d *Document) { d.Prune[0].FreesBytes = -1 },
		"freed":    func(d *Document) { d.Prune = append(d.Prune, Prune{FreesBytes: math.MaxInt64}) },
		"status":   func(d *Document) { d.Sources[0].Guards[0].Status = "" },
		"limit":    func(d *Document) { d.Sources[0].Guards[0].Limit = math.NaN() },
		"settings": func(d *Document) {
			d.Sources[0].Settings.Excludes = []manifest.Pattern{{Text: strings.Repeat("x", MaxEntry)}}
		},
	} {
		d := sample(t)
		change(d)
		if err := d.Write(io.Discard); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	text := encode(t, sample(t))
	for _, n := range []int{0, 1, 500, 1500, len(text) - 1} {
		if err := sample(t).Write(&short{left: n}); err == nil {
			t.Errorf("a write error at byte %d was swallowed", n)
		}
	}
}

// short fails when it is full.
type short struct{ left int }

func (s *short) Write(p []byte) (int, error) {
	if len(p) > s.left {
		return 0, io.ErrShortWrite
	}
	s.left -= len(p)
	return len(p), nil
}
