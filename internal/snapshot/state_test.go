package snapshot

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newID() string { return "7f0c0000-0000-4000-8000-000000000001" }

func TestInitialize(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	if s, ok, err := r.State(); ok || err != nil {
		t.Fatalf("a new root has state %v, %v", s, err)
	}
	want := State{ID: newID(), FormatVersion: "1.0"}
	got, err := r.Initialize(newID)
	if err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
	if got, ok, err := r.State(); !ok || err != nil || got != want {
		t.Errorf("read %v, %v, %v", got, ok, err)
	}
	if _, err := r.Initialize(func() string { return "other" }); !errors.Is(err, fs.ErrExist) {
		t.Errorf("again: %v", err)
	}
	if got, _, _ := r.State(); got != want {
		t.Errorf("changed to %v", got)
	}
	if got := mode(t, dir, ".phlb"); got != 0o700 {
		t.Errorf(".phlb has mode %o", got)
	}
	if got := mode(t, dir, ".phlb/root.json"); got != 0o600 {
		t.Errorf("root.json has mode %o", got)
	}
}

func TestBumpGenerationKeepsUnknownKeys(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".phlb/root.json", `{"later":{"x":[1,2.50]},"id":"i","generation":41,"format_version":"1.7","a<b":"é"}`)
	r := openRoot(t, dir)
	got, err := r.BumpGeneration()
	if want := (State{"i", "1.7", 42}); err != nil || got != want {
		t.Fatalf("got %v, %v", got, err)
	}
	var text map[string]any
	must(t, json.Unmarshal([]byte(read(t, dir, ".phlb/root.json")), &text))
	want := map[string]any{
		"id": "i", "format_version": "1.7", "generation": 42.0, "a<b": "é",
		"later": map[string]any{"x": []any{1.0, 2.5}},
	}
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}

func TestBumpGenerationWithoutState(t *testing.T) {
	if _, err := openRoot(t, t.TempDir()).BumpGeneration(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestStateRefusesWhatItDoesNotKnow(t *testing.T) {
	for text, want := range map[string]error{
		`{"id":"i","format_version":"2.0","generation":1}`:   ErrFormat,
		`{"id":"i","format_version":"10.0","generation":1}`:  ErrFormat,
		`{"id":"i","generation":1}`:                          ErrDamaged,
		`{"format_version":"1.0","generation":1}`:            ErrDamaged,
		`{"id":"i","format_version":"1.0","generation":-1}`:  ErrDamaged,
		`{"id":"i","format_version":1,"generation":1}`:       ErrDamaged,
		`{"id":"i","format_version":"1.0","generation":1`:    ErrDamaged,
		`{"id":"i","format_version":"1.0","generation":1} x`: ErrDamaged,
		`null`: ErrDamaged,
		``:     ErrDamaged,
		`{"id":"i","format_version":"1.0"}` + strings.Repeat(" ", 1<<20): ErrDamaged,
	} {
		dir := t.TempDir()
		write(t, dir, ".phlb/root.json", text)
		r := openRoot(t, dir)
		if s, ok, err := r.State(); ok || !errors.Is(err, want) {
			t.Errorf("%.60s: %v, %v, %v", text, s, ok, err)
		}
		if _, err := r.BumpGeneration(); !errors.Is(err, want) {
			t.Errorf("bump %.60s: %v", text, err)
		}
		if got := read(t, dir, ".phlb/root.json"); got != text {
			t.Errorf("%.60s became %.60s", text, got)
		}
	}
}

func TestStateFollowsNoSymlink(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "root.json", `{"id":"i","format_version":"1.0","generation":1}`)
	dir := t.TempDir()
	symlink(t, outside, dir, ".phlb")
	r := openRoot(t, dir)
	if s, ok, err := r.State(); ok || err == nil {
		t.Errorf("state %v through a link", s)
	}
	if _, err := r.Initialize(newID); err == nil {
		t.Error("initialized through a link")
	}
	if got := read(t, outside, "root.json"); !strings.Contains(got, `"i"`) {
		t.Errorf("outside changed: %s", got)
	}
}

func TestStateWritesAreWholeOrNotAtAll(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		r := openRoot(t, dir, f.option())
		_, ierr := r.Initialize(newID)
		state, ok, err := r.State()
		if err != nil || ierr == nil && !ok || ok && state.ID != newID() {
			t.Fatalf("initialize: %v; then %v, %v, %v", ierr, state, ok, err)
		}
		if !ok {
			_, ierr = r.Initialize(newID)
			must(t, ierr)
		}
		_, berr := r.BumpGeneration()
		state, ok, err = r.State()
		if err != nil || !ok || berr == nil && state.Generation != 1 || state.Generation > 1 {
			t.Errorf("bump: %v; then %v, %v, %v", berr, state, ok, err)
		}
	})
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"id":"i","format_version":"1.0","generation":41,"later":null}`))
	f.Add([]byte(`{"ID":"i","format_version":"1.0","id":"j"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, keys, err := parseState(data)
		if err != nil {
			return
		}
		text, err := encodeState(s, keys)
		must(t, err)
		again, kept, err := parseState(text)
		if err != nil || again != s {
			t.Fatalf("%v became %v, %v", s, again, err)
		}
		for key := range keys {
			if _, ok := kept[key]; !ok && !isStateKey(key) {
				t.Errorf("lost key %q of %q", key, data)
			}
		}
	})
}

func isStateKey(key string) bool {
	for _, k := range stateKeys {
		if strings.EqualFold(k, key) {
			return true
		}
	}
	return false
}
