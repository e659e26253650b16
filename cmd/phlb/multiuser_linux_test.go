package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/sums"
)

// Users of the tests below.
const (
	alice   = 2001
	mallory = 2002
)

// commune is a root that root keeps for many users.
type commune struct {
	t        *testing.T
	dir      string
	src      string
	root     string
	manifest string
}

// newCommune makes a source with directories of several users.
func newCommune(t *testing.T, settings string) *commune {
	t.Helper()
	needsRoot(t)
	openToAll(t)
	old := unix.Umask(0)
	t.Cleanup(func() { unix.Umask(old) })
	c := &commune{t: t, dir: fastDir(t)}
	c.src, c.root, c.manifest = filepath.Join(c.dir, "src"), filepath.Join(c.dir, "root"), filepath.Join(c.dir, "m.yaml")
	check(t, os.Mkdir(c.src, 0o755))
	c.write("alice/diary", alice, 0o600, "alice's secret ")
	c.write("alice/public", alice, 0o644, "alice's public ")
	c.write("alice/same", alice, 0o644, "everybody has this ")
	c.write("mallory/same", mallory, 0o644, "everybody has this ")
	c.write("mallory/a", mallory, 0o644, "a of mallory ")
	c.write("mallory/b", mallory, 0o644, "b of mallory ")
	c.write("mallory/sub/c", mallory, 0o644, "c of mallory ")
	c.write("shared/of mallory", mallory, 0o644, "mallory's where she may not write ")
	c.write("shared/of root", 0, 0o600, "root's secret ")
	text := fmt.Sprintf("version: 1\ndestination: %q\nsources:\n- {name: all, path: %q%s}\n", c.root, c.src, settings)
	check(t, os.WriteFile(c.manifest, []byte(text), 0o600))
	return c
}

// write makes a file of the source of 5000 bytes, in a directory of its owner
// unless that is called shared.
func (c *commune) write(rel string, owner int, mode os.FileMode, text string) {
	c.t.Helper()
	p := filepath.Join(c.src, rel)
	dir := filepath.Dir(p)
	check(c.t, os.MkdirAll(dir, 0o755))
	if filepath.Base(dir) != "shared" {
		check(c.t, os.Lchown(dir, owner, owner))
	}
	check(c.t, os.WriteFile(p, fill(text), mode))
	check(c.t, os.Lchown(p, owner, owner))
	check(c.t, os.Chtimes(p, longAgo, longAgo))
}

// longAgo is a time that files are given and keep.
var longAgo = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)

func fill(text string) []byte { return []byte(strings.Repeat(text, 5000/len(text)+1)[:5000]) }

// backup makes a snapshot and returns its path.
func (c *commune) backup() string {
	c.t.Helper()
	phlbAs(c.t, 0, 0, "apply", c.manifest, "--yes")
	found, err := filepath.Glob(filepath.Join(c.root, "all/????-??-??-??????"))
	check(c.t, err)
	return found[len(found)-1]
}

// open is the admin's choice to let users into their old files.
func (c *commune) open() {
	for _, dir := range []string{".", "all"} {
		check(c.t, os.Chmod(filepath.Join(c.root, dir), 0o755))
	}
}

// attack runs a script as mallory, with the snapshot as its directory. What
// she may not do fails, and she goes on.
func (c *commune) attack(snap, script string) string {
	c.t.Helper()
	cmd := asUser(exec.Command("sh", "-c", script), mallory)
	cmd.Dir = snap
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp")
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// run is a phlb of root's that must not hang, whatever it says.
func (c *commune) run(args ...string) (code int, output string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, phlbPath(c.t), args...).CombinedOutput()
	if ctx.Err() != nil {
		c.t.Fatalf("phlb %s hangs:\n%s", strings.Join(args, " "), out)
	}
	return exitCodeOf(c.t, err), string(out)
}

// intact checks that a snapshot is its source, that all of its SHA256SUMS are
// right, and that no inode of it belongs to anybody but its source's owner.
func (c *commune) intact(snap string) {
	c.t.Helper()
	c.intactBut(snap, "")
}

// intactBut leaves out what lies below a path.
func (c *commune) intactBut(snap, but string) {
	c.t.Helper()
	theirs := func(p string, _ thing) bool { return but != "" && (p == but || strings.HasPrefix(p, but+"/")) }
	want, got := tree(c.t, c.src), tree(c.t, snap)
	maps.DeleteFunc(want, theirs)
	maps.DeleteFunc(got, theirs)
	for p, o := range got {
		if filepath.Base(p) != sums.FileName || o.Kind != "file" {
			continue
		}
		delete(got, p)
		if out, err := sha256sum(filepath.Join(snap, filepath.Dir(p))); err != nil {
			c.t.Errorf("sha256sum in %s: %s", filepath.Dir(p), out)
		}
	}
	if diff := diffThings(want, got); diff != "" {
		c.t.Errorf("%s (-source +snapshot):\n%s", snap, diff)
	}
}

// TestPrivacyOfWhatPhlbMakes: what phlb writes for itself is for its owner
// alone, whatever the umask, and the users whose files it holds cannot reach
// them.
func TestPrivacyOfWhatPhlbMakes(t *testing.T) {
	c := newCommune(t, "")
	text, err := os.ReadFile(c.manifest)
	check(t, err)
	check(t, os.WriteFile(c.manifest, append(text, "create_destination: true\n"...), 0o600))
	c.backup()
	snap := c.backup()
	phlbAs(t, 0, 0, "rebuild", c.root)
	for p, o := range tree(t, c.root) {
		if strings.HasPrefix(p, "all/") && strings.Count(p, "/") > 1 || p == "all/"+filepath.Base(snap) || filepath.Dir(p) == "all" && o.Kind == "dir" {
			continue // a snapshot: it has its source's modes
		}
		if want := map[string]uint32{"dir": 0o700, "file": 0o600}[o.Kind]; o.Mode != want || o.UID != 0 {
			t.Errorf("%s is a %s with mode %o of %d", p, o.Kind, o.Mode, o.UID)
		}
	}
	for _, p := range []string{c.root, c.root + "/all", snap + "/mallory/a", snap + "/alice/public", snap + "-report.json", c.root + "/.phlb/root.json"} {
		if out := c.attack("/", "cat '"+p+"' || ls '"+p+"'"); !strings.Contains(out, "Permission denied") {
			t.Errorf("mallory reaches %s: %s", p, out)
		}
	}
	c.intact(snap)
}

// TestExistingModesAreLeftAlone: opening a root is the admin's choice. Then
// SHA256SUMS can be read by whoever may read its directory, and .phlb, logs
// and reports still by nobody.
func TestExistingModesAreLeftAlone(t *testing.T) {
	c := newCommune(t, "")
	check(t, os.Mkdir(c.root, 0o755))
	check(t, os.Chmod(filepath.Join(c.src, "alice"), 0o750))
	c.backup()
	if got := tree(t, c.root); got["."].Mode != 0o755 || got["all"].Mode != 0o700 || got[".phlb"].Mode != 0o700 {
		t.Errorf("modes %o, %o, %o", got["."].Mode, got["all"].Mode, got[".phlb"].Mode)
	}
	c.open()
	check(t, os.Chmod(c.root, 0o775))
	snap := c.backup()
	if got := tree(t, c.root); got["."].Mode != 0o775 || got["all"].Mode != 0o755 {
		t.Errorf("modes %o, %o", got["."].Mode, got["all"].Mode)
	}
	for _, try := range [][2]string{
		{"cd mallory && sha256sum --strict -c SHA256SUMS && echo good", "good"},
		{"cd shared && cat SHA256SUMS && echo good", "good"},
		{"cat alice/SHA256SUMS", "Permission denied"},
		{"cat alice/public", "Permission denied"},
		{"cat 'shared/of root'", "Permission denied"},
		{"cat ../*-report.json", "Permission denied"},
		{"cat ../*-backup.log", "Permission denied"},
		{"ls ../../.phlb", "Permission denied"},
		{"rm -f 'shared/of mallory'", "Permission denied"},
		{"rm -rf ../*; ls shared", "of mallory"},
	} {
		if out := c.attack(snap, try[0]); !strings.Contains(out, try[1]) {
			t.Errorf("mallory: %s\n%s", try[0], out)
		}
	}
	c.intactBut(snap, "mallory")
}

// rewrite puts other content of the same size into a file, in place, and gives
// it its time back.
func rewrite(path string) string {
	return fmt.Sprintf("head -c 5000 /dev/zero | dd of=%[1]q conv=notrunc status=none; touch -d @%[2]d %[1]q; ", path, longAgo.Unix())
}

// attacks are what a user can do to an opened root, whose own directories in
// the snapshots belong to her.
func attacks(secret string) map[string]string {
	const line = "%s  %s\\n"
	forged := fmt.Sprintf(line, secret, "planted")
	return map[string]string{
		"rewrites in place": rewrite("mallory/a") + rewrite("mallory/same") + rewrite("shared/of mallory"),
		"rewrites and lists it": rewrite("mallory/a") + rewrite("mallory/b") +
			"cd mallory; sha256sum a b same > x; mv -f x SHA256SUMS",
		"rewrites and lists what it was": rewrite("mallory/a") + "cp mallory/SHA256SUMS x; touch mallory/SHA256SUMS",
		"replaces files":                 "cd mallory; head -c 5000 /dev/zero > x; touch -d @" + fmt.Sprint(longAgo.Unix()) + " x; cp -p x a; mv -f x b; rm same",
		"claims a secret's hash": "cd mallory; head -c 5000 /dev/zero > planted; touch -d @" + fmt.Sprint(longAgo.Unix()) +
			" planted; rm SHA256SUMS; printf '" + forged + "' > SHA256SUMS",
		"links to secrets":       "cd mallory; rm -f a b; ln -s ../alice/diary a; ln -s /etc/shadow b; ln ../alice/diary c; ln '../shared/of root' d",
		"plants fifos":           "cd mallory; rm -f a SHA256SUMS; mkfifo a SHA256SUMS; rm -rf sub; mkfifo sub",
		"plants directories":     "cd mallory; rm -f a SHA256SUMS; mkdir a SHA256SUMS SHA256SUMS/x",
		"links SHA256SUMS away":  "cd mallory; rm SHA256SUMS; ln -s /etc/shadow SHA256SUMS",
		"links a directory away": "cd mallory; rm -rf sub; ln -s ../alice sub",
		"swaps directories":      "mv mallory/sub mallory/x; mkdir mallory/sub; mv mallory/a mallory/sub/c",
		"a line without end":     "cd mallory; rm SHA256SUMS; truncate -s 2G SHA256SUMS",
		"much of nothing":        "cd mallory; rm SHA256SUMS; yes '' | head -c 30000000 > SHA256SUMS",
		"closes directories":     "chmod 0 mallory mallory/sub",
		"opens directories":      "chmod -R 777 mallory",
		"removes everything":     "rm -rf mallory",
		"deep below": "cd mallory; for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f g h i j k l m n o p q r s t u v w x y z; do " +
			"n=$(printf '%0200d' 0); mkdir $n && cd -P $n || break; done; echo x > x",
	}
}

// TestOpenedRootBelievesNobody attacks an opened root in every way, with and
// without catalogues: whatever a user does to her old files, new snapshots are
// their source, nobody else's old files change, and nothing hangs.
func TestOpenedRootBelievesNobody(t *testing.T) {
	for _, settings := range []string{"", ", link_match: content, small_files: link"} {
		c := newCommune(t, settings)
		check(t, os.Mkdir(c.root, 0o755))
		c.backup()
		c.open()
		snap := c.backup()
		keep := filepath.Join(c.dir, "keep")
		copyTree(t, c.root, keep)
		all := attacks(fmt.Sprintf("%x", sha256.Sum256(fill("a new secret "))))
		for i, name := range slices.Sorted(maps.Keys(all)) {
			forges := strings.HasPrefix(name, "re") || strings.HasPrefix(name, "claims")
			if testing.Short() && i%3 != 0 || settings != "" && !forges {
				continue
			}
			t.Run(name+settings, func(t *testing.T) {
				c.t = t
				c.attackOnce(snap, all[name], func() {})
				c.restore(keep)
				if forges {
					c.attackOnce(snap, all[name], func() { check(t, os.RemoveAll(filepath.Join(c.root, ".phlb/catalog"))) })
					c.restore(keep)
				}
			})
		}
	}
}

// restore puts back the root as it was before the attack.
func (c *commune) restore(keep string) {
	check(c.t, os.RemoveAll(c.root))
	copyTree(c.t, keep, c.root)
}

// copyTree copies exactly, with hard links.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// attackOnce attacks, and has root go on working, after the admin did something
// of his own.
func (c *commune) attackOnce(snap, script string, admin func()) {
	t := c.t
	said := c.attack(snap, script)
	admin()
	c.write("alice/new secret", alice, 0o600, "a new secret ")
	defer os.Remove(filepath.Join(c.src, "alice/new secret"))
	if code, out := c.run("verify", c.root); code != 0 && code != 6 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
	c.intact(c.backup())
	code, out := c.run("rebuild", c.root)
	if code != 0 && code != 6 {
		t.Errorf("rebuild: exit code %d\n%s", code, out)
	}
	c.intact(c.backup())
	c.untouched(snap)
	if t.Failed() {
		t.Logf("mallory: %s\n%s", said, out)
	}
}

// untouched checks that of the attacked snapshot all that is not mallory's is
// what it was.
func (c *commune) untouched(snap string) {
	c.t.Helper()
	for p, text := range map[string]string{
		"alice/diary": "alice's secret ", "alice/public": "alice's public ", "alice/same": "everybody has this ", "shared/of root": "root's secret ",
	} {
		got, err := os.ReadFile(filepath.Join(snap, p))
		if err != nil || !bytes.Equal(got, fill(text)) {
			c.t.Errorf("%s of the attacked snapshot was altered (%v)", p, err)
		}
	}
	for p, o := range tree(c.t, snap) {
		if o.Kind == "file" && strings.HasPrefix(p, "mallory/") && o.UID == alice {
			c.t.Errorf("mallory has alice's %s", p)
		}
	}
}

// TestSwapsWhilePhlbRuns exchanges everything that mallory can while phlb
// verifies, rebuilds and backs up.
func TestSwapsWhilePhlbRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	c := newCommune(t, "")
	check(t, os.Mkdir(c.root, 0o755))
	for i := range 200 {
		c.write(fmt.Sprintf("mallory/many/%03d", i), mallory, 0o644, fmt.Sprint("one of many ", i))
	}
	c.backup()
	c.open()
	snap := c.backup()
	cmd := asUser(exec.Command("sh", "-c", `cd mallory; mkfifo p; while :; do
		ln -sfn ../alice l; mv -T many x 2>/dev/null; mv -T l many 2>/dev/null; rm -f many; mv -T x many
		mv -T a y 2>/dev/null; cp -p y z 2>/dev/null; mv -T p a 2>/dev/null; mv -T a p 2>/dev/null; ln -sf ../alice/diary a; mv -T y a 2>/dev/null
		cp SHA256SUMS s; ln -sf ../alice/SHA256SUMS SHA256SUMS; mv -f s SHA256SUMS
		head -c 5000 /dev/zero | dd of=b conv=notrunc status=none; touch -d @`+fmt.Sprint(longAgo.Unix())+` b
	done`), mallory)
	cmd.Dir = snap
	check(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	for range 3 {
		for _, command := range []string{"verify", "rebuild"} {
			if code, out := c.run(command, c.root); code != 0 && code != 6 {
				t.Errorf("%s: exit code %d\n%s", command, code, out)
			}
		}
		next := c.backup()
		c.intactBut(next, "mallory")
		c.untouched(next)
	}
}
