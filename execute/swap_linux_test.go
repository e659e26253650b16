package execute_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// swapper exchanges a directory with a symbolic link that leads outside, as
// fast as it can.
func (w *world) swapper(path, outside string) (stop func()) {
	w.t.Helper()
	w.ok(os.MkdirAll(path, 0o700))
	link := path + ".link"
	_ = os.RemoveAll(link)
	w.ok(os.Symlink(outside, link))
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
			}
		}
	}()
	return func() {
		close(end)
		<-done
		if look(path).Kind == "symlink" {
			w.ok(unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE))
		}
		_ = os.Remove(link) // the run may have removed it with all of staging
	}
}

// TestSwappedDirectoriesNeverLeadOutside has directories exchanged for
// symbolic links while a run works in them: in the source, in the parent
// snapshot, in staging and among phlb's own. Runs may fail; nothing outside is
// read or written.
func TestSwappedDirectoriesNeverLeadOutside(t *testing.T) {
	for name, place := range map[string]func(w *world, parent string) string{
		"source":       func(w *world, _ string) string { return filepath.Join(w.src, "d1") },
		"parent":       func(_ *world, parent string) string { return filepath.Join(parent, "d1") },
		"staging":      func(w *world, _ string) string { return filepath.Join(w.root, ".phlb/staging/home") },
		"staged tree":  func(w *world, _ string) string { return filepath.Join(w.root, ".phlb/staging/home/tree") },
		"hash lookup":  func(w *world, _ string) string { return filepath.Join(w.root, ".phlb/hash-lookup") },
		"catalogues":   func(w *world, _ string) string { return filepath.Join(w.root, ".phlb/catalog/home") },
		"private":      func(w *world, _ string) string { return filepath.Join(w.root, ".phlb") },
		"name of root": func(w *world, _ string) string { return filepath.Join(w.root, "home") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			outside := filepath.Join(w.dir, "outside")
			for _, sub := range []string{"", "d1", "home", "tree", "staging", "00"} {
				w.ok(os.MkdirAll(filepath.Join(outside, sub), 0o700))
			}
			const secret = "what lies outside\n"
			for i := range 8 {
				for _, sub := range []string{"", "d1"} {
					w.ok(os.WriteFile(filepath.Join(outside, sub, "f"+string(rune('0'+i))), []byte(strings.Repeat(secret, 200)), 0o600))
				}
			}
			w.tree(3, 8)
			path := place(w, w.snap(w.backup()))
			rounds := 6
			if testing.Short() {
				rounds = 2
			}
			for i := range rounds {
				w.write("d1/new", big(name+string(rune('0'+i)), 5000))
				w.write("d2/new", big(name+string(rune('0'+i)), 5001))
				f := w.plan()
				before := list(outside)
				stop := w.swapper(path, outside)
				_, err := w.try(f)
				stop()
				t.Log(err)
				same(t, "outside", list(outside), before)
			}
			for p, o := range list(w.root) {
				if data, err := os.ReadFile(filepath.Join(w.root, p)); o.Kind == "file" && (err != nil || strings.Contains(string(data), secret)) {
					t.Errorf("%s holds what lies outside (%v)", p, err)
				}
			}
		})
	}
}
