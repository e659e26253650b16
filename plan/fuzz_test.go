package plan

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// decodeOne takes an entry that is the whole of in.
func decodeOne(in []byte) (Entry, error) {
	var e Entry
	input := jsonl.NewInput(bytes.NewReader(in), MaxEntry, jsonl.Tap{})
	var d jsonl.Decoder
	if err := input.Take(&d, func() { decodeEntry(&d, &e) }); err != nil {
		return Entry{}, err
	}
	if _, err := input.Peek(); err != io.EOF {
		return Entry{}, errors.New("something is left")
	}
	return e, nil
}

// reference decodes an entry by encoding/json alone, key by key: slow and
// plain. Keys that stand twice it does not notice.
func reference(in []byte) (Entry, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(in, &m); err != nil {
		return Entry{}, err
	}
	if m == nil {
		return Entry{}, errors.New("null")
	}
	var e Entry
	r := referenceKeys{m: m}
	e.Action = Action(r.text("action"))
	e.Path = r.path("path")
	e.Size = r.int("size", big.NewInt(0), new(big.Int).SetInt64(1<<63-1)).Int64()
	if mode := r.text("mode"); r.has("mode") {
		n, err := strconv.ParseUint(mode, 8, 12)
		r.check(err == nil && len(mode) >= 4)
		e.Mode = uint32(n)
	}
	max32, max64 := new(big.Int).SetUint64(1<<32-1), new(big.Int).SetUint64(1<<64-1)
	e.UID = uint32(r.int("uid", big.NewInt(0), max32).Uint64())
	e.GID = uint32(r.int("gid", big.NewInt(0), max32).Uint64())
	e.Ino = r.int("ino", big.NewInt(0), max64).Uint64()
	e.Mtime, e.Ctime = r.time("mtime_ns"), r.time("ctime_ns")
	r.xattrs(&e)
	if sum := r.text("sha256"); r.has("sha256") {
		var err error
		e.SHA256, err = digest.Parse(sum)
		r.check(err == nil)
	}
	e.Target, e.Hardlink = r.path("target"), r.path("hardlink")
	e.Change, e.Reason = Change(r.text("change")), r.text("reason")
	if r.has("quiet") {
		var quiet *bool
		r.check(json.Unmarshal(r.m["quiet"], &quiet) == nil && quiet != nil)
		e.Quiet = quiet != nil && *quiet
	}
	if r.has("in_parent") {
		var in *bool
		r.check(json.Unmarshal(r.m["in_parent"], &in) == nil && in != nil)
		e.InParent = in != nil && *in
	}
	r.check(!r.has("change") || e.Change != "" && e.Change.known())
	keep := map[Action]string{
		ActionMkdir:   "mode uid gid mtime_ns change",
		ActionCopy:    "size mode uid gid mtime_ns ctime_ns ino change reason",
		ActionLink:    "size mode uid gid mtime_ns ctime_ns ino target change reason",
		ActionSymlink: "target uid gid mtime_ns change",
		ActionSkip:    "",
	}
	need, known := keep[e.Action]
	r.check(known && r.has("action") && (r.has("path") || r.has("path_b64")))
	for _, key := range strings.Fields(need) {
		r.check(key == "change" || key == "reason" || r.has(key) || r.has(key+"_b64"))
	}
	if r.bad {
		return Entry{}, errors.New("refused")
	}
	return stripped(e), nil
}

// stripped is e with only what an entry of its action has.
func stripped(e Entry) Entry {
	s := Entry{Action: e.Action, Path: e.Path}
	switch e.Action {
	case ActionSkip:
		s.Size, s.Reason, s.InParent = e.Size, e.Reason, e.InParent
		return s
	case ActionCopy, ActionLink:
		s = e
		s.InParent = false
	case ActionMkdir:
		s.Mode = e.Mode
	case ActionSymlink:
		s.Target = e.Target
	}
	if e.Action == ActionCopy {
		s.Target = ""
	}
	s.UID, s.GID, s.Mtime, s.Xattrs, s.Change = e.UID, e.GID, e.Mtime, e.Xattrs, e.Change
	return s
}

type referenceKeys struct {
	m   map[string]json.RawMessage
	bad bool
}

func (r *referenceKeys) check(ok bool) { r.bad = r.bad || !ok }

func (r *referenceKeys) has(key string) bool { return r.m[key] != nil }

func (r *referenceKeys) text(key string) string {
	var s *string
	if r.has(key) {
		r.check(json.Unmarshal(r.m[key], &s) == nil && s != nil)
	}
	if s == nil {
		return ""
	}
	return *s
}

func (r *referenceKeys) path(key string) string {
	odd := r.text(key + "_b64")
	raw, err := base64.StdEncoding.DecodeString(odd)
	r.check(err == nil && !(r.has(key) && r.has(key+"_b64")))
	return r.text(key) + string(raw)
}

func (r *referenceKeys) int(key string, min, max *big.Int) *big.Int {
	n := new(big.Int)
	if r.has(key) {
		_, ok := n.SetString(string(r.m[key]), 10)
		r.check(ok && (min == nil || n.Cmp(min) >= 0 && n.Cmp(max) <= 0) && !(min != nil && max.BitLen() != 63 && r.m[key][0] == '-'))
	}
	return n
}

func (r *referenceKeys) time(key string) meta.Time {
	if !r.has(key) {
		return meta.Time{}
	}
	n := r.int(key, nil, nil)
	sec, nsec := new(big.Int).DivMod(n, big.NewInt(1e9), new(big.Int))
	r.check(sec.IsInt64() && len(r.m[key]) <= 32)
	return meta.Time{Sec: sec.Int64(), Nsec: int32(nsec.Int64())}
}

func (r *referenceKeys) xattrs(e *Entry) {
	for _, key := range []string{"xattrs", "xattrs_b64"} {
		var x map[string]*[]byte
		if !r.has(key) {
			continue
		}
		r.check(json.Unmarshal(r.m[key], &x) == nil && x != nil)
		for name, value := range x {
			if key == "xattrs_b64" {
				raw, err := base64.StdEncoding.DecodeString(name)
				r.check(err == nil)
				name = string(raw)
			}
			if e.Xattrs == nil {
				e.Xattrs = meta.Xattrs{}
			}
			_, twice := e.Xattrs[name]
			r.check(value != nil && !twice)
			if value != nil {
				e.Xattrs[name] = *value
			}
		}
	}
}

// FuzzDecodeEntry: the decoder agrees with encoding/json about every entry,
// but for what only it refuses; and what it accepts is written and read back
// the same.
func FuzzDecodeEntry(f *testing.F) {
	for line := range bytes.SplitSeq(encode(f, sample(f)), []byte("\n")) {
		if bytes.HasPrefix(line, []byte(`{"action"`)) {
			f.Add(bytes.TrimSuffix(line, []byte(",")))
		}
	}
	for _, s := range []string{
		`{ "path" : "\u0061" , "action" : "\u0073kip", "size" : -0 }`,
		`{"action":"symlink","path":"a","target_b64":"","uid":1,"gid":1,"mtime_ns":-1,"mode":"0777","xattrs":{}}`,
		`{"action":"skip","path":"a","xattrs":{"a":null}}`, `{"action":"skip","path":"a","mtime_ns":1e3}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := decodeOne(in)
		want, refErr := reference(in)
		if err != nil {
			onlyOurs := strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "Unicode") || !utf8.Valid(in) ||
				errors.Is(err, jsonl.ErrTooLong) || repeats(in)
			if refErr == nil && !onlyOurs {
				t.Fatalf("%q: refused: %v; encoding/json has %+v", in, err, want)
			}
			return
		}
		if refErr != nil {
			t.Fatalf("%q: accepted, encoding/json refuses: %v", in, refErr)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q:\n%s", in, diff)
		}
		if line := appendEntry(nil, &got, appendHexSum); len(line) <= MaxEntry {
			again, err := decodeOne(line)
			if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Fatalf("%q, written as %s: %v\n%s", in, line, err, diff)
			}
		}
	})
}

// repeats reports whether a key of an object stands in it twice: of such,
// encoding/json looks at the last one only, and so misses what is wrong before.
func repeats(in []byte) bool {
	d := json.NewDecoder(bytes.NewReader(in))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return false
	}
	seen := map[any]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil || seen[key] {
			return err == nil
		}
		seen[key] = true
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
	}
	return false
}

// FuzzReadPlan: reading never panics, and whatever is accepted is written
// and read back the same. Half of the inputs get a right digest, else the
// fuzzer would never pass it.
func FuzzReadPlan(f *testing.F) {
	text := encode(f, sample(f))
	empty := encode(f, &Document{Header: Header{CreatedAt: time.Unix(0, 0), Destination: Destination{Path: "/"}}})
	f.Add(text)
	f.Add(empty)
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0})
	f.Add(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n ")))
	f.Fuzz(func(t *testing.T, in []byte) {
		if i := bytes.LastIndex(in, []byte(`"digest"`)); i >= 0 {
			in = sealed(string(in[:i]))
		}
		p, err := readAll(in)
		if err != nil {
			return
		}
		d, err := p.document()
		if err != nil {
			t.Fatalf("what was read cannot be added: %v", err)
		}
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			if strings.Contains(err.Error(), "more than") { // the other spelling was shorter
				return
			}
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := readAll(b.Bytes())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, b.Bytes())
		}
		again.Info.Digest = p.Info.Digest
		if diff := cmp.Diff(p, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s", diff)
		}
	})
}

// entries draws any entry that a plan can hold.
func entries(path string) *rapid.Generator[Entry] {
	anyBytes := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
	when := rapid.Custom(func(t *rapid.T) meta.Time {
		return meta.Time{Sec: rapid.Int64().Draw(t, "sec"), Nsec: rapid.Int32Range(0, 999_999_999).Draw(t, "nsec")}
	})
	return rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{
			Action: rapid.SampledFrom([]Action{ActionCopy, ActionLink, ActionSkip, ActionMkdir, ActionSymlink}).Draw(t, "action"),
			Path:   path, Size: rapid.Int64Range(0, 1<<50).Draw(t, "size"), Mode: rapid.Uint32Range(0, 0o7777).Draw(t, "mode"),
			UID: rapid.Uint32().Draw(t, "uid"), GID: rapid.Uint32().Draw(t, "gid"), Ino: rapid.Uint64().Draw(t, "ino"),
			Mtime: when.Draw(t, "mtime"), Ctime: when.Draw(t, "ctime"),
			Xattrs: rapid.MapOfN(anyBytes, rapid.SliceOf(rapid.Byte()), 0, 3).Draw(t, "xattrs"),
			Target: anyBytes.Draw(t, "target"), Hardlink: anyBytes.Draw(t, "hardlink"), Reason: rapid.String().Draw(t, "reason"),
			Quiet: rapid.Bool().Draw(t, "quiet"), InParent: rapid.Bool().Draw(t, "in parent"),
			Change: rapid.SampledFrom([]Change{"", ChangeNew, ChangeContent, ChangeMetadata, ChangeMoved, ChangeType, ChangeUnchanged}).Draw(t, "change"),
		}
		if rapid.Bool().Draw(t, "known") {
			copy(e.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
		}
		return stripped(e)
	})
}

// TestAnyPlan: any entries, in order, come back exactly, however many there
// are, and the totals are their sums.
func TestAnyPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "name")) })
		paths := rapid.SliceOfNDistinct(name, 0, 20, rapid.ID[string]).Draw(t, "paths")
		sortPaths(paths)
		var want []Entry
		spool := NewSpool()
		for _, path := range paths {
			e := entries(path).Draw(t, "entry")
			if err := errors.Join(spool.Add(&e), spool.AddDeleted(path)); err != nil {
				t.Fatal(err)
			}
			want = append(want, e)
		}
		d := &Document{Header: Header{PlanID: "x", Destination: Destination{Path: "/b"}}, Sources: []SourceDoc{{Source: Source{Name: "n", Path: "/a"}, Spool: spool}}}
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(b.Bytes()) {
			t.Fatalf("not JSON:\n%s", b.Bytes())
		}
		p, err := readAll(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p.Sources[0].Entries, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(paths, p.Sources[0].Deleted, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if n := p.Info.Totals; n.Copy.Files+n.Link.Files+n.Skip.Files+n.Mkdir+n.Symlink != int64(len(want)) || n.Deleted != int64(len(want)) {
			t.Fatalf("%+v for %d entries", n, len(want))
		}
	})
}

func TestReadKeepsNothing(t *testing.T) {
	// Entries of neighbours share the decoder; what one has must not show in
	// the next, whatever the first one had.
	all := []string{
		`{"action":"link","path":"a","size":1,"mode":"0644","uid":1,"gid":1,"mtime_ns":1,"ctime_ns":1,"ino":1,"xattrs":{"a":""},"sha256":"` +
			strings.Repeat("ab", 32) + `","target":"t","hardlink":"h","change":"new","reason":"r"}`,
		`{"action":"skip","path":"b"}`,
	}
	var e Entry
	var d jsonl.Decoder
	for _, line := range all {
		d.Reset([]byte(line))
		decodeEntry(&d, &e)
	}
	if diff := cmp.Diff(Entry{Action: ActionSkip, Path: "b"}, e); d.Err() != nil || diff != "" {
		t.Error(d.Err(), diff)
	}
}

// TestBombs: what unpacks to very much is refused or passed without being
// held, and a done context ends it.
func TestBombs(t *testing.T) {
	var packed bytes.Buffer
	z, err := NewZstdWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, `{"format":"phlb-plan","x":"`); err != nil {
		t.Fatal(err)
	}
	zeros := bytes.Repeat([]byte("a"), 1<<20)
	for range 256 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(context.Background(), &packed, Visitor{}); !errors.Is(err, jsonl.ErrTooLong) {
		t.Errorf("got %v", err)
	}
}
