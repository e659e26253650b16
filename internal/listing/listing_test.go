package listing_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/treetest"
)

const when = "2026-11-23-140000"

var id = snapshot.ID{Name: "home", Time: when}

// world is a backup root with one snapshot.
type world struct {
	path string // of the root
	root *snapshot.Root
}

func (w *world) snapshot() string { return filepath.Join(w.path, "home", when) }

func newWorld(t *testing.T, tree treetest.Tree) *world {
	t.Helper()
	w := &world{path: t.TempDir()}
	treetest.Build(t, w.snapshot(), tree)
	// As phlb makes it; so names like SHA256SUMS are exchanged.
	if err := os.WriteFile(w.snapshot()+snapshot.SuffixReport, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := snapshot.Open(w.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	w.root = root
	return w
}

// writeCatalog writes the catalogue that a run would have written for what is
// there now.
func (w *world) writeCatalog(t *testing.T, change func(*catalog.Record)) {
	t.Helper()
	var records []catalog.Record
	_, err := listing.Each(t.Context(), w.root, id, listing.Options{Detail: listing.Content, WithoutCatalog: true},
		func(*listing.Stream) {}, func(e *listing.Entry) error {
			r := e.Record
			if e.Kind == meta.File {
				stored := *e.Stored
				r.Stored = &stored
				r.SHA256 = digest.Sum{1, byte(len(records))}
			}
			change(&r)
			records = append(records, r)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	f, err := w.root.CreateCatalog(id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.NewWriter(f, catalog.Header{
		Name: id.Name, Snapshot: id.Time, Started: time.Unix(1_790_000_000, 0), Origin: catalog.OriginApply,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := c.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Close(catalog.Trailer{Status: catalog.StatusComplete}), f.Commit()); err != nil {
		t.Fatal(err)
	}
}

func same(*catalog.Record) {}

// paths reads the whole listing.
func (w *world) paths(t *testing.T, o listing.Options) ([]string, listing.Info) {
	t.Helper()
	var list []string
	info, err := listing.Each(t.Context(), w.root, id, o,
		func(*listing.Stream) { list = nil },
		func(e *listing.Entry) error {
			list = append(list, e.Path)
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return list, info
}

var tree = treetest.Tree{
	"a":                   treetest.File{Content: "aaa"},
	"d/b":                 treetest.File{Content: "b"},
	"d/e/c":               treetest.File{Content: "cc"},
	"d.x":                 treetest.File{Content: "x"},
	"ln":                  treetest.Symlink("a"),
	"SHA256SUMS.source":   treetest.File{Content: "the source's own"},
	"SHA256SUMS.a":        treetest.File{Content: "sorted behind it in the source"},
	"SHA256SUMS":          treetest.File{Content: "nonsense\n"},
	"d/SHA256SUMS":        treetest.File{Content: "nonsense\n"},
	"SHA256SUMS.b/inside": treetest.File{Content: "1"},
}

func needLinks(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
}

// TestWithAndWithout: catalogue and files tell the same paths in one order.
func TestWithAndWithout(t *testing.T) {
	needLinks(t)
	w := newWorld(t, tree)
	want := []string{".", "SHA256SUMS", "SHA256SUMS.a", "SHA256SUMS.b", "SHA256SUMS.b/inside", "a", "d", "d/b", "d/e", "d/e/c", "d.x", "ln"}
	got, info := w.paths(t, listing.Options{})
	if !slices.Equal(got, want) || info.Origin != listing.FromFiles || info.Exact || info.Notice != "" {
		t.Errorf("files: %q, %+v", got, info)
	}
	w.writeCatalog(t, same)
	for _, check := range []listing.Check{listing.Presence, listing.Identity} {
		got, info = w.paths(t, listing.Options{Check: check})
		if !slices.Equal(got, want) || info.Origin != listing.FromCatalog || !info.Exact || info.Started.IsZero() {
			t.Errorf("catalogue: %q, %+v", got, info)
		}
	}
	for path, want := range map[string][]string{
		"d":                 {"d", "d/b", "d/e", "d/e/c"},
		"d/e/c":             {"d/e/c"},
		"SHA256SUMS.source": {"SHA256SUMS"},
		"d/nothing":         nil,
		"a/b":               nil,
	} {
		for _, without := range []bool{false, true} {
			if got, _ := w.paths(t, listing.Options{Path: path, WithoutCatalog: without}); !slices.Equal(got, want) {
				t.Errorf("%s, without catalogue %v: %q, want %q", path, without, got, want)
			}
		}
	}
}

// TestNotBelieved: what contradicts a catalogue is noticed, and the files are
// read.
func TestNotBelieved(t *testing.T) {
	needLinks(t)
	const presence, identity = listing.Presence, listing.Identity
	for _, c := range []struct {
		name   string
		change func(*catalog.Record)
		after  func(w *world) error
		checks []listing.Check // that notice it
	}{
		{"inodes", func(r *catalog.Record) {
			if r.Stored != nil {
				r.Stored.Ino += 1000
			}
		}, nil, []listing.Check{identity}},
		{"unknown inodes", func(r *catalog.Record) { r.Stored = nil }, nil, []listing.Check{identity}},
		{"size", func(r *catalog.Record) {
			if r.Path == "d/e/c" {
				r.Size++
			}
		}, nil, []listing.Check{presence, identity}},
		{"removed", same, func(w *world) error { return os.RemoveAll(filepath.Join(w.snapshot(), "d")) }, []listing.Check{presence, identity}},
		{"another kind", same, func(w *world) error {
			return errors.Join(os.Remove(filepath.Join(w.snapshot(), "ln")), os.Mkdir(filepath.Join(w.snapshot(), "ln"), 0o700))
		}, []listing.Check{presence, identity}},
		{"damaged", same, func(w *world) error {
			return os.Truncate(filepath.Join(w.path, ".phlb/catalog/home", when+".jsonl.zst"), 200)
		}, []listing.Check{presence, identity}},
		{"another snapshot's", same, func(w *world) error {
			return errors.Join(
				os.Rename(filepath.Join(w.path, ".phlb/catalog/home", when+".jsonl.zst"), filepath.Join(w.path, "x")),
				os.WriteFile(filepath.Join(w.path, ".phlb/catalog/home", when+".jsonl.zst"), []byte("no catalogue"), 0o600))
		}, []listing.Check{presence, identity}},
	} {
		w := newWorld(t, tree)
		w.writeCatalog(t, c.change)
		if c.after != nil {
			if err := c.after(w); err != nil {
				t.Fatal(err)
			}
		}
		files, _ := w.paths(t, listing.Options{WithoutCatalog: true})
		for _, check := range []listing.Check{presence, identity} {
			got, info := w.paths(t, listing.Options{Check: check})
			noticed := info.Notice != "" && info.Origin == listing.FromFiles
			if noticed != slices.Contains(c.checks, check) || noticed && !slices.Equal(got, files) {
				t.Errorf("%s, check %v: %+v, %q", c.name, check, info, got)
			}
		}
	}
}

// TestRemovedMeanwhile: a snapshot that is pruned while it is read is no empty
// one.
func TestRemovedMeanwhile(t *testing.T) {
	needLinks(t)
	for _, withCatalog := range []bool{false, true} {
		w := newWorld(t, tree)
		if withCatalog {
			w.writeCatalog(t, same)
		}
		s, err := listing.Open(w.root, id, listing.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(w.snapshot()); err != nil {
			t.Fatal(err)
		}
		var e listing.Entry
		for err == nil {
			err = s.Next(t.Context(), &e)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with catalogue %v: %v", withCatalog, err)
		}
		s.Close()
		if _, err := listing.Open(w.root, id, listing.Options{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open what is gone: %v", err)
		}
	}
}

func TestEndedContext(t *testing.T) {
	w := newWorld(t, treetest.Tree{"a": treetest.File{Content: "a"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := listing.Open(w.root, id, listing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Next(ctx, new(listing.Entry)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestEscape: a path cannot leave the snapshot.
func TestEscape(t *testing.T) {
	w := newWorld(t, treetest.Tree{"a": treetest.File{Content: "a"}})
	s, err := listing.Open(w.root, id, listing.Options{Path: "../../x"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Next(t.Context(), new(listing.Entry)); err == nil || err == io.EOF {
		t.Errorf("got %v", err)
	}
}

// TestHashes: SHA256SUMS tells them, unless it contradicts itself.
func TestHashes(t *testing.T) {
	w := newWorld(t, treetest.Tree{"d/a": treetest.File{Content: "a"}, "d/b": treetest.File{Content: "b"}})
	text := sums.Append(nil, sums.Line{Name: "a", Sum: digest.Sum{1}})
	text = sums.Append(text, sums.Line{Name: "b", Sum: digest.Sum{2}})
	text = sums.Append(text, sums.Line{Name: "b", Sum: digest.Sum{3}})
	if err := os.WriteFile(filepath.Join(w.snapshot(), "d", sums.FileName), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{".", "d", "d/a"} {
		_, err := listing.Each(t.Context(), w.root, id, listing.Options{Path: path, Detail: listing.Content},
			func(*listing.Stream) {}, func(e *listing.Entry) error {
				if want := map[string]digest.Sum{"d/a": {1}}[e.Path]; e.SHA256 != want {
					t.Errorf("%s: %s", e.Path, e.SHA256)
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSampleNoticesRemovals: whatever is removed from a snapshot with few
// files, the catalogue is not believed.
func TestSampleNoticesRemovals(t *testing.T) {
	needLinks(t)
	w := newWorld(t, tree)
	all, _ := w.paths(t, listing.Options{})
	for _, gone := range all[1:] {
		w := newWorld(t, tree)
		w.writeCatalog(t, same)
		if err := os.RemoveAll(filepath.Join(w.snapshot(), sums.StoredPath(gone))); err != nil {
			t.Fatal(err)
		}
		if _, info := w.paths(t, listing.Options{}); info.Notice == "" {
			t.Errorf("that %s is gone was not noticed", gone)
		}
	}
}
