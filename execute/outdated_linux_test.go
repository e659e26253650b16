package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/meta"
)

// stagedFiles are the names of files of d0 that an interrupted run has staged,
// at least n.
func (w *world) stagedFiles(n int) []string {
	w.t.Helper()
	if journaled(w) < n {
		w.t.Fatal("too few files are staged")
	}
	found, err := filepath.Glob(filepath.Join(w.root, ".phlb/staging/home/tree/d0/f*"))
	w.ok(err)
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	return found
}

// TestOutdatedAttributesAreNotTakenOver: where the source's ctime says nothing,
// staged files whose mode, owner or attributes have changed since are copied
// again, and the others are taken over.
func TestOutdatedAttributesAreNotTakenOver(t *testing.T) {
	const attr = "user.phlb"
	w := newWorld(t)
	w.settings = "  change_detection: mtime\n  link_match: content\n"
	w.tree(1, 30)
	src := func(name string) string { return filepath.Join(w.src, "d0", name) }
	for f := range 30 {
		if err := unix.Setxattr(src(fmt.Sprint("f", f)), attr, []byte("x"), 0); err != nil {
			t.Skip("no attributes here:", err)
		}
	}
	if err := w.cancelAfter(w.plan(), 25); err == nil {
		t.Fatal("not interrupted")
	}
	staged := w.stagedFiles(8)
	changed := map[string]error{
		staged[0]: os.Chmod(src(staged[0]), 0o600),
		staged[1]: unix.Setxattr(src(staged[1]), attr, []byte("y"), 0),
		staged[2]: unix.Removexattr(src(staged[2]), attr),
	}
	if os.Geteuid() == 0 {
		changed[staged[3]] = os.Chown(src(staged[3]), 12, 0)
		changed[staged[4]] = os.Chown(src(staged[4]), 0, 34)
	}
	for _, err := range changed {
		w.ok(err)
	}
	rep := w.apply(w.plan())
	same(t, "taken over", rep.TakenOver.Files, int64(len(staged)-len(changed)))
	same(t, "drifted", paths(rep.Drifted), []string(nil))
	w.whole(rep)
	w.cataloguedAsStored(rep)
	w.settled()
	same(t, "fallbacks", w.backup().LinkFallbacks, int64(0))
}

// cataloguedAsStored checks what the catalogue says of the stored files.
func (w *world) cataloguedAsStored(rep *execute.Report) {
	w.t.Helper()
	_, records, _ := w.catalog(*rep.Snapshot)
	for path, rec := range records {
		if rec.Kind != meta.File {
			continue
		}
		now := look(filepath.Join(w.snap(rep), path))
		attrs := map[string]string(nil)
		for name, value := range rec.Stored.Xattrs {
			if attrs == nil {
				attrs = map[string]string{}
			}
			attrs[name] = string(value)
		}
		same(w.t, "catalogued of "+path,
			[]any{rec.SHA256.String(), rec.Stored.Ino, rec.Stored.Mode, rec.Stored.UID, rec.Stored.GID, attrs},
			[]any{now.Content, now.Ino, now.Mode, now.UID, now.GID, now.Xattrs})
	}
}

// TestAttributesOfJustChangedFiles: within one tick of its clock a source's
// ctime does not tell of a chmod either.
func TestAttributesOfJustChangedFiles(t *testing.T) {
	w := newWorld(t)
	w.interruptedJustNow()
	staged := w.stagedFiles(2)
	private := filepath.Join(w.src, "d0", staged[0])
	w.ok(os.Chmod(private, 0o600))
	w.journalCtime("d0/"+staged[0], look(private).Ctime)
	w.now = w.now.Add(time.Hour)
	rep := w.apply(w.plan())
	same(t, "taken over", rep.TakenOver.Files, int64(len(staged)-1))
	w.whole(rep)
}

// journalCtime makes the journal say that a file was copied with another ctime.
func (w *world) journalCtime(path string, ns int64) {
	w.t.Helper()
	file := filepath.Join(w.root, ".phlb/staging/home/journal")
	data, err := os.ReadFile(file)
	w.ok(err)
	var out strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, `"path":"`+path+`"`) {
			line = regexp.MustCompile(`"ctime_ns":\d+`).ReplaceAllString(line, fmt.Sprintf(`"ctime_ns":%d`, ns))
		}
		out.WriteString(line)
	}
	w.ok(os.WriteFile(file, []byte(out.String()), 0o600))
}
