package lookup

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/fsys"
)

// open opens the lookups below dir; everything is closed with the test.
func open(t *testing.T, dir string, opts ...fsys.Option) *DB {
	t.Helper()
	root, err := fsys.Open(dir, opts...)
	if err != nil {
		t.Fatal(err)
	}
	db, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = db.Close(), root.Close() })
	return db
}

func sumOf(text string) digest.Sum { return sha256.Sum256([]byte(text)) }

// sumIn returns different sums with the same directory.
func sumIn(first, second, i byte) digest.Sum { return digest.Sum{first, second, i, 1} }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantGet(t *testing.T, db *DB, sum digest.Sum, want string) {
	t.Helper()
	got, ok, err := db.Get(sum)
	if err != nil || got != want || ok != (want != "") {
		t.Errorf("Get(%v) = %.60q, %v, %v; want %.60q", sum, got, ok, err, want)
	}
}

func wantSize(t *testing.T, db *DB, size int64, want bool) {
	t.Helper()
	if got, err := db.HasSize(size); err != nil || got != want {
		t.Errorf("HasSize(%d) = %v, %v; want %v", size, got, err, want)
	}
}

// phlbHashes and phlbSizes are lookups that PHLB 1.9.1 made.
var phlbHashes = map[string]string{
	"07/86/0786f809f430e419f278cc0329e3f4ca155586d5effa584b3feaabb4b323f419": "photos/2026-11-23-140648/2026/same-size-new-content.raw",
	"38/6b/386b08a1d745f0838c7febc25482ee98db7175894ffd6e52c66577d266091e09": "photos/2026-11-23-140648/2026/umläut 日本.txt",
}

var phlbSizes = map[string]int64{
	"10/00/1000": 1000, "12/34/12345": 12345, "50/00/5000": 5000, "12/34/123456789": 123456789,
}

func phlbRoot(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range phlbHashes {
		writeFile(t, filepath.Join(dir, hashesDir, name), text)
	}
	for name := range phlbSizes {
		writeFile(t, filepath.Join(dir, sizesDir, name), "")
	}
	return dir
}

func TestReadPHLB(t *testing.T) {
	db := open(t, phlbRoot(t))
	for name, path := range phlbHashes {
		sum, err := digest.Parse(name[len("ab/cd/"):])
		if err != nil {
			t.Fatal(err)
		}
		wantGet(t, db, sum, path)
	}
	wantGet(t, db, sumOf("other"), "")
	for _, size := range phlbSizes {
		wantSize(t, db, size, true)
	}
	for _, size := range []int64{-1, 0, 10, 999, 1001, 1234, 12346, 50000, 1 << 62} {
		wantSize(t, db, size, false)
	}
}

// TestWritePHLB: the layout that is written is the one that PHLB made.
func TestWritePHLB(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for name, path := range phlbHashes {
		sum, err := digest.Parse(name[len("ab/cd/"):])
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Put(sum, path); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range phlbSizes {
		if err := db.AddSize(size); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(tree(t, phlbRoot(t)), tree(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// tree maps the paths below dir to their content, and directories to "dir".
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", rel, info.Mode())
		}
		if e.IsDir() {
			found[rel] = "dir"
			return nil
		}
		text, err := os.ReadFile(path)
		found[rel] = "file " + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestNothingIsMadeByReading(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	wantGet(t, db, sumOf("a"), "")
	wantSize(t, db, 5000, false)
	if err := errors.Join(db.Remove(sumOf("a")), db.RemoveSize(5000), db.RemoveSize(5)); err != nil {
		t.Error(err)
	}
	sums, sizes, strays := walkAll(t, db)
	if len(sums)+len(sizes)+len(strays) > 0 {
		t.Errorf("found %v %v %v", sums, sizes, strays)
	}
	if found := tree(t, dir); len(found) > 0 {
		t.Errorf("made %v", found)
	}
}

func walkAll(t *testing.T, db *DB) (sums map[digest.Sum]string, sizes []int64, strays []string) {
	t.Helper()
	sums = map[digest.Sum]string{}
	stray := OnStray(func(path string) error { strays = append(strays, path); return nil })
	err := db.Sums(t.Context(), func(sum digest.Sum, path string) error { sums[sum] = path; return nil }, stray)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Sizes(t.Context(), func(size int64) error { sizes = append(sizes, size); return nil }, stray)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(sizes)
	slices.Sort(strays)
	return sums, sizes, strays
}

func TestGetRefuses(t *testing.T) {
	for _, text := range []string{
		"", "/", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\x00b", strings.Repeat("a/", 40_000) + "a",
		strings.Repeat("x", maxPath+1),
	} {
		dir := t.TempDir()
		db := open(t, dir)
		sum := sumOf(text)
		sub, name := hashName(sum)
		writeFile(t, filepath.Join(dir, hashesDir, sub, name), text)
		wantGet(t, db, sum, "")
		if err := db.Put(sum, text); !errors.Is(err, ErrPath) {
			t.Errorf("Put of %.20q: %v", text, err)
		}
		if err := db.Put(sum, "home/2026-11-22-140000/a"); err != nil {
			t.Errorf("Put over %.20q: %v", text, err)
		}
		wantGet(t, db, sum, "home/2026-11-22-140000/a")
	}
}

func TestGetTakes(t *testing.T) {
	db := open(t, t.TempDir())
	for _, path := range []string{
		"a", "a/b", "...", "a/..b", "line\nfeed/\r", "ends with a newline\n", "\xff", strings.Repeat("x", maxPath),
		strings.Repeat("x", 511), strings.Repeat("x", 512), strings.Repeat("x", 513),
	} {
		if err := db.Put(sumOf(path), path); err != nil {
			t.Fatal(err)
		}
		wantGet(t, db, sumOf(path), path)
	}
}

// TestSymlinkIsNoEntry: whoever plants a link in the lookup leads nowhere.
func TestSymlinkIsNoEntry(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	sum := sumOf("a")
	sub, name := hashName(sum)
	writeFile(t, filepath.Join(dir, "secret"), "home/x/y")
	writeFile(t, filepath.Join(dir, hashesDir, sub, "stray"), "")
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, hashesDir, sub, name)); err != nil {
		t.Skip("cannot make symbolic links:", err)
	}
	wantGet(t, db, sum, "")
	if err := db.Put(sum, "home/x/z"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, db, sum, "home/x/z")
	if text, err := os.ReadFile(filepath.Join(dir, "secret")); err != nil || string(text) != "home/x/y" {
		t.Errorf("the link's target became %q, %v", text, err)
	}
}

func TestSmallSizes(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for _, size := range []int64{-5, 0, 999} {
		if err := db.AddSize(size); !errors.Is(err, ErrSize) {
			t.Errorf("AddSize(%d): %v", size, err)
		}
	}
	if found := tree(t, dir); len(found) > 0 {
		t.Errorf("made %v", found)
	}
}

func TestStrays(t *testing.T) {
	dir := phlbRoot(t)
	want := []string{
		".phlb/hash-lookup/07/86/0786f809f430e419f278cc0329e3f4ca155586d5effa584b3feaabb4b323f419.new",
		".phlb/hash-lookup/07/86/386b08a1d745f0838c7febc25482ee98db7175894ffd6e52c66577d266091e09",
		".phlb/hash-lookup/07/86/sub",
		".phlb/hash-lookup/07/x",
		".phlb/hash-lookup/38/6b/386B08A1D745F0838C7FEBC25482EE98DB7175894FFD6E52C66577D266091E09",
		".phlb/hash-lookup/38/6b/386b000000000000000000000000000000000000000000000000000000000000",
		".phlb/hash-lookup/AB",
		".phlb/size-lookup/10/00/01000",
		".phlb/size-lookup/10/00/100",
		".phlb/size-lookup/10/00/2000",
		".phlb/size-lookup/1x",
		".phlb/size-lookup/README",
	}
	for _, path := range want {
		if strings.HasSuffix(path, "sub") || strings.HasSuffix(path, "1x") {
			path += "/below" // belongs to its stray directory
		}
		writeFile(t, filepath.Join(dir, path), "")
	}
	sums, sizes, strays := walkAll(t, open(t, dir))
	if diff := cmp.Diff(want, strays); diff != "" {
		t.Errorf("strays: %s", diff)
	}
	if len(sums) != len(phlbHashes) {
		t.Errorf("hashes: %v", sums)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Values(phlbSizes)), sizes); diff != "" {
		t.Errorf("sizes: %s", diff)
	}
}

// TestWalkStops: an error of the callback ends the walk and comes back.
func TestWalkStops(t *testing.T) {
	db := open(t, phlbRoot(t))
	calls, stop := 0, errors.New("stop")
	if err := db.Sums(t.Context(), func(digest.Sum, string) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("Sums: %v after %d calls", err, calls)
	}
	if err := db.Sizes(t.Context(), func(int64) error { calls++; return stop }); err != stop || calls != 2 {
		t.Errorf("Sizes: %v after %d calls", err, calls-1)
	}
}

// TestNoRewrite: what is right already is not written again, and a new entry
// takes the fewest calls.
func TestNoRewrite(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	sum := sumIn(1, 2, 3)
	if err := errors.Join(db.Put(sum, "a/b"), db.AddSize(5000), db.Close()); err != nil {
		t.Fatal(err)
	}

	var ops []fsys.Op
	db = open(t, dir, fsys.WithFaults(func(op fsys.Op, _ string) error { ops = append(ops, op); return nil }))
	if err := errors.Join(db.Put(sum, "a/b"), db.AddSize(5000), db.AddSize(5000)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fsys.Op{fsys.OpCreate}, ops); diff != "" { // refused by the file system: it exists
		t.Errorf("existing entries: %s", diff)
	}
	ops = nil
	if err := errors.Join(db.Put(sumIn(1, 2, 4), "a/b"), db.AddSize(50001)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fsys.Op{fsys.OpCreate, fsys.OpWrite, fsys.OpCreate}, ops); diff != "" {
		t.Errorf("new entries in known directories: %s", diff)
	}
	ops = nil
	if err := db.Put(sumIn(1, 9, 4), "a/b"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fsys.Op{fsys.OpMkdir, fsys.OpCreate, fsys.OpWrite}, ops); diff != "" {
		t.Errorf("new entry in a new directory: %s", diff)
	}
}

// TestTidiedUp: directories that go while the lookups are open come back.
func TestTidiedUp(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	if err := errors.Join(db.Put(sumIn(1, 2, 3), "a"), db.AddSize(5000)); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{hashesDir + "/01/02", sizesDir + "/50"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(db.Put(sumIn(1, 2, 4), "b"), db.AddSize(50001)); err != nil {
		t.Fatal(err)
	}
	wantGet(t, db, sumIn(1, 2, 4), "b")
	wantSize(t, open(t, dir), 50001, true)
}

// TestRepoint: only an entry that says what was expected changes, and a file
// with another name elsewhere is never written over.
func TestRepoint(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	sum := sumOf("x")
	repoint := func(from, to string) bool {
		t.Helper()
		held, err := db.Repoint(sum, from, func() string { return to })
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	if repoint("home/1/x", "home/2/x") {
		t.Error("there was no entry")
	}
	wantGet(t, db, sum, "")
	if err := db.Put(sum, "home/1/x"); err != nil {
		t.Fatal(err)
	}
	shard, name := hashName(sum)
	file := filepath.Join(dir, hashesDir, shard, name)
	for _, c := range []struct {
		from, to, want string
		held           bool
	}{
		{"home/2/x", "home/3/x", "home/1/x", false},
		{"home/1", "home/3/x", "home/1/x", false},
		{"home/1/x", "", "home/1/x", true},
		{"home/1/x", "home/2/x", "home/2/x", true},
		{"home/2/x", "home/3/longer", "home/3/longer", true},
		{"home/3/longer", "h/4/x", "h/4/x", true},
	} {
		if held := repoint(c.from, c.to); held != c.held {
			t.Errorf("%s -> %s: held is %v", c.from, c.to, held)
		}
		wantGet(t, db, sum, c.want)
	}
	if _, err := db.Repoint(sum, "h/4/x", func() string { return "../x" }); !errors.Is(err, ErrPath) {
		t.Errorf("a path that leads outside: %v", err)
	}
	other := filepath.Join(dir, "other")
	if err := os.Link(file, other); err != nil {
		t.Skip(err)
	}
	repoint("h/4/x", "h/5/x")
	wantGet(t, db, sum, "h/5/x")
	if text, err := os.ReadFile(other); err != nil || string(text) != "h/4/x" {
		t.Errorf("the other name's file is %q, %v", text, err)
	}
}

// TestIsAMap does random things to the lookups and to two maps.
func TestIsAMap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		db := open(t, dir)
		sums, sizes := map[digest.Sum]string{}, map[int64]struct{}{}
		drawSum := func(rt *rapid.T) digest.Sum {
			b := rapid.ByteRange(0, 2)
			return sumIn(b.Draw(rt, "first"), b.Draw(rt, "second"), b.Draw(rt, "third"))
		}
		drawSize := func(rt *rapid.T) int64 {
			return rapid.OneOf(rapid.Int64Range(1000, 1010), rapid.Int64Range(10_000, 10_010), rapid.Int64Min(1000)).Draw(rt, "size")
		}
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				sum, path := drawSum(rt), rapid.StringMatching(`[a-c\n]{1,3}(/[a-c]{1,2}){0,3}`).Draw(rt, "path")
				if err := db.Put(sum, path); err != nil {
					rt.Fatal(err)
				}
				sums[sum] = path
			},
			"remove": func(rt *rapid.T) {
				sum := drawSum(rt)
				if err := db.Remove(sum); err != nil {
					rt.Fatal(err)
				}
				delete(sums, sum)
			},
			"get": func(rt *rapid.T) {
				sum := drawSum(rt)
				path, ok, err := db.Get(sum)
				if want, has := sums[sum]; err != nil || ok != has || path != want {
					rt.Fatalf("Get = %q, %v, %v; want %q, %v", path, ok, err, want, has)
				}
			},
			"add size": func(rt *rapid.T) {
				size := drawSize(rt)
				if err := db.AddSize(size); err != nil {
					rt.Fatal(err)
				}
				sizes[size] = struct{}{}
			},
			"remove size": func(rt *rapid.T) {
				size := drawSize(rt)
				if err := db.RemoveSize(size); err != nil {
					rt.Fatal(err)
				}
				delete(sizes, size)
			},
			"has size": func(rt *rapid.T) {
				size := drawSize(rt)
				_, want := sizes[size]
				if got, err := db.HasSize(size); err != nil || got != want {
					rt.Fatalf("HasSize(%d) = %v, %v; want %v", size, got, err, want)
				}
			},
			"reopen": func(rt *rapid.T) {
				if err := db.Close(); err != nil {
					rt.Fatal(err)
				}
				db = open(t, dir)
			},
		})
		gotSums, gotSizes, strays := walkAll(t, db)
		if diff := cmp.Diff(sums, gotSums); diff != "" {
			rt.Fatal(diff)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(sizes)), gotSizes, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		if len(strays) > 0 {
			rt.Fatal("left behind:", strays)
		}
	})
}

// TestConcurrent lets workers make the same directories and write the same
// entries at the same time.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	db, other := open(t, dir), open(t, dir)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				use := db
				if i%7 == 0 {
					use = other // another process makes the same directories
				}
				path := fmt.Sprintf("home/%d", worker)
				if err := errors.Join(db.Put(sumIn(byte(i%3), byte(i%50), byte(i)), path), use.AddSize(int64(1000+i*i))); err != nil {
					t.Error(err)
				}
				if path, ok, err := db.Get(sumIn(byte(i%3), byte(i%50), byte(i))); err != nil || !ok || !strings.HasPrefix(path, "home/") {
					t.Errorf("Get = %q, %v, %v", path, ok, err)
				}
			}
		})
	}
	wg.Wait()
	sums, sizes, strays := walkAll(t, db)
	if len(sums) != 200 || len(sizes) != 200 || len(strays) != 0 {
		t.Errorf("%d hashes, %d sizes, strays %v", len(sums), len(sizes), strays)
	}
}

var errFault = errors.New("injected")

// TestFaults fails each writing operation once, and each together with all
// later ones, as a full or broken disk does. The error must come out, and
// every entry must be the old or the new one.
func TestFaults(t *testing.T) {
	old, added := sumIn(1, 2, 3), sumIn(1, 7, 4)
	run := func(db *DB) map[string]error {
		return map[string]error{
			"replace": db.Put(old, "new/path"), "put": db.Put(added, "added/path"), "size": db.AddSize(7000),
			"remove": db.Remove(sumIn(1, 2, 9)), "remove size": db.RemoveSize(8000),
		}
	}
	for _, onlyOne := range []bool{true, false} {
		for n := 0; ; n++ {
			dir := t.TempDir()
			db := open(t, dir)
			if err := errors.Join(db.Put(old, "old/path"), db.Put(sumIn(1, 2, 9), "z"), db.AddSize(8000), db.Close()); err != nil {
				t.Fatal(err)
			}
			count, fired := 0, []string{}
			db = open(t, dir, fsys.WithFaults(func(op fsys.Op, name string) error {
				count++
				if count == n+1 || !onlyOne && count > n {
					fired = append(fired, string(op)+" "+name)
					return errFault
				}
				return nil
			}))
			errs := run(db)
			if len(fired) == 0 {
				if n < 9 {
					t.Errorf("only %d writing operations", n)
				}
				break
			}
			what := strconv.Itoa(n) + ": " + strings.Join(fired, ", ")
			checkFaults(t, what, errs, db)
			checkFaults(t, what+", reopened", errs, open(t, dir))
			// What went wrong is put right by the next run.
			if again := open(t, dir); errors.Join(slices.Collect(maps.Values(run(again)))...) != nil {
				t.Errorf("%s: the next run fails: %v", what, run(again))
			}
			wantGet(t, open(t, dir), old, "new/path")
			wantGet(t, open(t, dir), added, "added/path")
		}
	}
}

func checkFaults(t *testing.T, what string, errs map[string]error, db *DB) {
	t.Helper()
	failed := false
	for _, err := range errs {
		failed = failed || errors.Is(err, errFault)
	}
	if !failed {
		t.Errorf("%s: no error returned", what)
	}
	path, ok, err := db.Get(sumIn(1, 2, 3))
	if isNew := path == "new/path"; err != nil || !ok || isNew != (errs["replace"] == nil) || !isNew && path != "old/path" {
		t.Errorf("%s: replaced entry %q, %v, %v (Put: %v)", what, path, ok, err, errs["replace"])
	}
	path, ok, err = db.Get(sumIn(1, 7, 4))
	if err != nil || ok != (errs["put"] == nil) || ok && path != "added/path" {
		t.Errorf("%s: new entry %q, %v, %v (Put: %v)", what, path, ok, err, errs["put"])
	}
	if has, err := db.HasSize(7000); err != nil || has != (errs["size"] == nil) {
		t.Errorf("%s: new size %v, %v (AddSize: %v)", what, has, err, errs["size"])
	}
	if _, ok, err := db.Get(sumIn(1, 2, 9)); err != nil || ok != (errs["remove"] != nil) {
		t.Errorf("%s: removed entry %v, %v (Remove: %v)", what, ok, err, errs["remove"])
	}
	if has, err := db.HasSize(8000); err != nil || has != (errs["remove size"] != nil) {
		t.Errorf("%s: removed size %v, %v (RemoveSize: %v)", what, has, err, errs["remove size"])
	}
}

// TestLeftover: what an interrupted replacement leaves is no obstacle.
func TestLeftover(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	sum := sumOf("a")
	if err := db.Put(sum, "old"); err != nil {
		t.Fatal(err)
	}
	sub, name := hashName(sum)
	writeFile(t, filepath.Join(dir, hashesDir, sub, name+newSuffix), "half a pa")
	if err := db.Put(sum, "new"); err != nil {
		t.Fatal(err)
	}
	wantGet(t, db, sum, "new")
	if _, _, strays := walkAll(t, db); len(strays) > 0 {
		t.Errorf("left: %v", strays)
	}
}

// FuzzNames: names are accepted only where, and as, they would be written;
// paths only if they stay below the root.
func FuzzNames(f *testing.F) {
	f.Add("12/34", "12345", "a/b")
	f.Add("10/00", "+1000", "a/../b")
	f.Add("99/99", "99999999999999999999", "/a")
	f.Add("ab", "ab", "\x00")
	f.Fuzz(func(t *testing.T, dir, name, path string) {
		if size, ok := parseSize(dir, name); ok {
			if wantDir, wantName := sizeName(size); size < MinSize || dir != wantDir || name != wantName {
				t.Fatalf("%q in %q read as %d", name, dir, size)
			}
		}
		if b, ok := parseByte(name); ok && fmt.Sprintf("%02x", b) != name {
			t.Fatalf("%q read as %02x", name, b)
		}
		if local := filepath.IsLocal(path) && filepath.Clean(path) == path && path != "."; runtime.GOOS == "linux" &&
			len(path) <= maxPath && !strings.Contains(path, "\x00") && validPath(path) != local {
			t.Fatalf("validPath(%q) = %v", path, !local)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	root, err := fsys.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	db, err := Open(root)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	i := 0
	for b.Loop() {
		i++
		if err := db.Put(sumOf(strconv.Itoa(i)), "home/2026-11-22-140000/docs/letter.txt"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestFewSizes: the first questions about a directory are answered without a
// listing, the later ones with one, and all alike.
func TestFewSizes(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	at := func(size string) string { return filepath.Join(dir, sizesDir, "12", "34", size) }
	writeFile(t, at("1234"), "")
	writeFile(t, filepath.Join(at("12345"), "x"), "") // a directory
	for i := range 3 * maxAsked {
		if listed := db.sizes[1234].loaded; listed != (i*3 > maxAsked) {
			t.Errorf("after %d questions: listed %v", i*3, listed)
		}
		wantSize(t, db, 1234, true)
		wantSize(t, db, 12345, false)
		wantSize(t, db, 12346, false)
	}
	if err := open(t, dir).AddSize(12347); err != nil { // as another process does
		t.Fatal(err)
	}
	db = open(t, dir)
	wantSize(t, db, 12347, true)
	if err := db.RemoveSize(12347); err != nil {
		t.Fatal(err)
	}
	for range 2 * maxAsked {
		wantSize(t, db, 12347, false)
	}
}
