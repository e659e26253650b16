package execute

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// FuzzReadReport: whatever lies beside a snapshot, reading it ends in a report
// or an error, the span of time in which it explains changes is bounded by
// what it says, and a report that was read is written and read the same.
func FuzzReadReport(f *testing.F) {
	for _, seed := range []string{
		`{"format":"phlb-report","status":"complete","ctime_window":{"from_ns":1,"to_ns":99999999999999999999}}`,
		`{"format":"phlb-report","drifted":[{"path_b64":"/w==","error":"x"}],"start":"2026-11-23T13:00:00Z","end":"0001-01-01T00:00:00Z"}`,
		`{"format":"phlb-report","durations":null,"failed":null}`, `{"format":"other"}`, `[`, ``,
	} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	id := snapshot.ID{Name: "n", Time: "2026-01-01-000000"}
	if err := os.Mkdir(filepath.Join(dir, "n"), 0o700); err != nil {
		f.Fatal(err)
	}
	root, err := snapshot.Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { root.Close() })
	read := func(t *testing.T, text []byte) (*Report, error) {
		if err := os.WriteFile(filepath.Join(dir, "n", id.Time+snapshot.SuffixReport), text, 0o600); err != nil {
			t.Fatal(err)
		}
		return readReport(root, id)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		rep, err := read(t, text)
		if err != nil {
			return
		}
		own := windows{rep.window()}
		for _, at := range []meta.Time{{}, rep.window().From, rep.window().To, endOfTime} {
			if own.cover(at) && (at.Compare(rep.window().From) <= 0 || at.Compare(rep.window().To) >= 0) {
				t.Errorf("%v is not within %v", at, rep.window())
			}
		}
		written, err := json.Marshal(rep)
		if err != nil {
			return // a year that JSON cannot hold
		}
		again, err := read(t, written)
		if err != nil {
			t.Fatalf("cannot be read again: %v\n%s", err, written)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(twice, written) {
			t.Errorf("read again it is\n%s\nnot\n%s (%v)", twice, written, err)
		}
	})
}
