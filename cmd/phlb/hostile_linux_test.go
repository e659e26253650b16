package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// This file gives phlb backup roots, manifests and plans that an attacker
// made. Whatever it says of them, it must end soon, in bounded memory, without
// a crash, and without reading or writing anything outside.

const (
	secret     = "THIS LIES OUTSIDE" // in everything that lies outside
	hugeSize   = 512 << 20           // of what is read as lines, mostly sparse
	hugeMemory = 400 << 20           // what a command may take, in bytes
)

// hostile is a backup root with two snapshots, one source, and a directory
// that belongs to somebody else.
type hostile struct {
	t                             *testing.T
	dir, root, source, outside    string
	first, last, manifest, sha256 string
}

// newHostile copies the template, which is made once a test.
func newHostile(t *testing.T, template string) *hostile {
	t.Helper()
	dir := filepath.Join(crashDir(t), "w")
	h := openHostile(t, dir)
	t.Cleanup(func() { _ = exec.Command("rm", "-rf", h.root).Run() }) // deeper than RemoveAll goes
	if out, err := exec.Command("cp", "-a", template, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return openHostile(t, dir)
}

func openHostile(t *testing.T, dir string) *hostile {
	t.Helper()
	h := &hostile{
		t: t, dir: dir, root: filepath.Join(dir, "root"), source: filepath.Join(dir, "src"),
		outside: filepath.Join(dir, "outside"), manifest: filepath.Join(dir, "m.yaml"),
	}
	all, err := filepath.Glob(filepath.Join(h.root, "src/????-??-??-??????"))
	h.ok(err)
	if len(all) == 2 {
		h.first, h.last = "src/"+filepath.Base(all[0]), "src/"+filepath.Base(all[1])
		h.sha256 = hashOf(filepath.Join(h.root, h.last, "d/f"))
	}
	return h
}

func hostileTemplate(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(crashDir(t), "w")
	h := openHostile(t, dir)
	for _, d := range []string{"src/d/e", "root", "outside/d", "outside/tree/d"} {
		h.ok(os.MkdirAll(filepath.Join(dir, d), 0o700))
	}
	for path, text := range map[string]string{
		"src/d/f": "content\n", "src/d/g": "more\n", "src/d/e/h": "deeper\n", "src/top": "top\n",
		"outside/secret": secret + "\n", "outside/d/f": secret + "\n", "outside/tree/d/f": secret + "\n",
	} {
		h.ok(os.WriteFile(filepath.Join(dir, path), []byte(strings.Repeat(text, 300)), 0o600))
	}
	h.run("backup", h.source, h.root)
	h.ok(os.WriteFile(filepath.Join(dir, "src/d/new"), []byte(strings.Repeat("new\n", 500)), 0o600))
	h.run("backup", h.source, h.root)
	return dir
}

func (h *hostile) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hostile) at(rel string) string { return filepath.Join(h.root, rel) }

// run runs a command, which may say and return what it likes, but must end.
func (h *hostile) run(args ...string) (code int, output string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(h.t), args...)
	cmd.Dir = h.dir
	out, err := cmd.CombinedOutput()
	output = string(out)
	if ctx.Err() != nil {
		h.t.Fatalf("phlb %v hangs:\n%s", args, output)
	}
	code = exitCodeOf(h.t, err)
	if !slices.Contains([]int{0, 1, 2, 3, 4, 5, 6, 64}, code) || strings.Contains(output, "goroutine ") || strings.Contains(output, "panic") {
		h.t.Errorf("phlb %v: exit code %d\n%s", args, code, output)
	}
	if strings.Contains(output, secret) {
		h.t.Errorf("phlb %v tells what lies outside:\n%s", args, output)
	}
	if use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && use.Maxrss<<10 > hugeMemory {
		h.t.Errorf("phlb %v took %d MiB of memory", args, use.Maxrss>>10)
	}
	return code, output
}

// runAll runs the commands that read and write a root and then looks at what
// lies outside, and for what lies outside in the root.
func (h *hostile) runAll() {
	h.t.Helper()
	before := h.outsideNow()
	h.run("verify", h.root)
	h.run("backup", h.source, h.root)
	h.run("rebuild", h.root)
	if os.Getenv("PHLB_LONG_TESTS") != "" {
		h.run("plan", h.manifest, "-o", filepath.Join(h.dir, "p.json"))
		h.run("compare", h.source, h.root)
		h.run("backup", h.source, h.root)
		h.run("verify", h.root)
	}
	if after := h.outsideNow(); after != before {
		h.t.Errorf("outside, there was\n%s\nnow there is\n%s", before, after)
	}
	h.noSecrets()
}

func (h *hostile) outsideNow() string {
	h.t.Helper()
	var b strings.Builder
	h.ok(filepath.WalkDir(h.outside, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		fmt.Fprintln(&b, path, info.Mode(), info.ModTime(), hashOf(path))
		return err
	}))
	return b.String()
}

// noSecrets looks into every file of the root that is one.
func (h *hostile) noSecrets() {
	h.t.Helper()
	_ = filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what an attacker closed
		}
		if info, err := d.Info(); err != nil || info.Size() > 1<<20 {
			return nil //nolint:nilerr // gone
		}
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte(secret)) {
			h.t.Errorf("%s holds what lies outside", path)
		}
		return nil
	})
}

// traps are what an attacker can put at a path.
var traps = []struct {
	name string
	set  func(h *hostile, path string) error
}{
	{"fifo", func(_ *hostile, path string) error { return unix.Mkfifo(path, 0o666) }},
	{"link to a directory", func(h *hostile, path string) error { return os.Symlink(h.outside, path) }},
	{"link to a file", func(h *hostile, path string) error { return os.Symlink(h.outside+"/secret", path) }},
	{"device", func(_ *hostile, path string) error {
		return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5)))
	}},
	{"huge file", func(_ *hostile, path string) error {
		return errors.Join(os.WriteFile(path, []byte("{"), 0o600), os.Truncate(path, hugeSize))
	}},
	{"directory", func(_ *hostile, path string) error { return os.MkdirAll(path+"/in/side", 0o700) }},
}

// TestTraps puts every trap where phlb looks for something of its own. Without
// PHLB_LONG_TESTS every third of them.
func TestTraps(t *testing.T) {
	template := hostileTemplate(t)
	h := openHostile(t, template)
	hash := h.sha256
	places := []string{
		".phlb", ".phlb/root.json", ".phlb/lock", ".phlb/trash", ".phlb/catalog", ".phlb/catalog/src",
		".phlb/catalog/" + h.last + ".jsonl.zst", ".phlb/hash-lookup", ".phlb/hash-lookup/" + hash[:2],
		".phlb/hash-lookup/" + hash[:2] + "/" + hash[2:4] + "/" + hash, ".phlb/size-lookup", ".phlb/size-lookup/20",
		".phlb/staging", ".phlb/staging/src", ".phlb/staging/src/tree", ".phlb/staging/src/journal",
		".phlb/staging/src/old-1", ".phlb/trash/x", "src", h.last, h.last + "/d", h.last + "/d/SHA256SUMS",
		h.last + "/d/f", h.last + "/d/unlisted", h.last + "-report.json", h.last + "-summary.txt", h.last + ".pinned",
		"src/2031-01-01-000000", "other",
	}
	every := 3
	switch {
	case os.Getenv("PHLB_LONG_TESTS") != "":
		every = 1
	case testing.Short():
		every = 11
	}
	for i, place := range places {
		for j, trap := range traps {
			hashed := strings.HasPrefix(place, h.last+"/d") && trap.name == "huge file" && every > 1
			if (i+j)%every != 0 || hashed {
				continue
			}
			t.Run(strings.NewReplacer(h.last, "LAST", hash, "HASH").Replace(place)+" "+trap.name, func(t *testing.T) {
				h := newHostile(t, template)
				path := h.at(place)
				h.ok(os.MkdirAll(filepath.Dir(path), 0o700))
				h.ok(os.RemoveAll(path))
				if err := trap.set(h, path); err != nil {
					t.Skip(err)
				}
				h.runAll()
			})
		}
	}
}

// TestHostileRoots: content that is too much, too deep, or leads astray.
func TestHostileRoots(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	template := hostileTemplate(t)
	for name, set := range map[string]func(h *hostile){
		"lookup leads outside": func(h *hostile) { h.lookup("../outside/d/f") },
		"lookup is absolute":   func(h *hostile) { h.lookup(h.outside + "/d/f") },
		"lookup leads through a link": func(h *hostile) {
			h.ok(os.Symlink(h.outside, h.at(h.last+"/ln")))
			h.lookup(h.last + "/ln/d/f")
		},
		"lookup leads to a fifo": func(h *hostile) {
			h.ok(unix.Mkfifo(h.at(h.last+"/fifo"), 0o666))
			h.lookup(h.last + "/fifo")
		},
		"lookup leads into .phlb": func(h *hostile) { h.lookup(".phlb/root.json") },
		"catalogue is a bomb":     func(h *hostile) { h.catalog(`{"format":"phlb-catalog","x":"`, "a", hugeSize) },
		"catalogue of brackets":   func(h *hostile) { h.catalog(`{"format":"phlb-catalog","x":`, "[", 64<<20) },
		"catalogue leads outside": func(h *hostile) {
			h.catalog(`{"format":"phlb-catalog","format_version":"1.0","name":"src","snapshot":"`+filepath.Base(h.last)+`"}`+"\n"+
				`{"path":"../../../outside/d/f","kind":"file","size":5400}`+"\n", "\n", 1)
		},
		"root.json of brackets": func(h *hostile) {
			h.ok(os.WriteFile(h.at(".phlb/root.json"), bytes.Repeat([]byte(`{"a":`), 200_000), 0o600))
		},
		"report of brackets": func(h *hostile) {
			h.ok(os.WriteFile(h.at(h.last+"-report.json"), bytes.Repeat([]byte(`{"a":`), 2_000_000), 0o600))
		},
		"checksums lead outside": func(h *hostile) {
			h.sums(strings.Repeat("a", 64) + "  ../../../../outside/secret\n" + strings.Repeat("b", 64) + "  /etc/passwd\n")
		},
		"a million wrong checksums": func(h *hostile) { h.sums(strings.Repeat("wrong\n", 1_000_000)) },
		"many missing files": func(h *hostile) {
			var b strings.Builder
			for i := range 20_000 {
				fmt.Fprintf(&b, "%064x  missing%d\n", i+1, i)
			}
			h.sums(b.String())
		},
		"2,000 levels": func(h *hostile) { h.deep(h.at(h.last), 2000) }, // the time grows with the square
		"journal of brackets": func(h *hostile) {
			h.ok(os.MkdirAll(h.at(".phlb/staging/src/tree"), 0o700))
			h.ok(os.WriteFile(h.at(".phlb/staging/src/journal"), bytes.Repeat([]byte(`[`), 10<<20), 0o600))
		},
		"journal leads outside": func(h *hostile) {
			h.ok(os.MkdirAll(h.at(".phlb/staging/src/tree"), 0o700))
			h.ok(os.WriteFile(h.at(".phlb/staging/src/journal"), fmt.Appendf(nil,
				`{"path":"../../../../../outside/d/f","size":1,"mtime_ns":1,"ctime_ns":1,"ino":1,"sha256":"%s","staged_ino":1,"staged_mtime_ns":1}`+"\n", h.sha256), 0o600))
		},
		"trash note leads outside": func(h *hostile) {
			h.ok(os.MkdirAll(h.at(".phlb/trash"), 0o700))
			h.ok(os.WriteFile(h.at(".phlb/trash/.x.json"), []byte(`{"name":"../../outside","time":"2020-01-01-000000"}`), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t, template)
			set(h)
			h.runAll()
		})
	}
}

// lookup makes the hash lookup lead elsewhere, and the source need it.
func (h *hostile) lookup(target string) {
	h.t.Helper()
	h.ok(os.WriteFile(h.at(".phlb/hash-lookup/"+h.sha256[:2]+"/"+h.sha256[2:4]+"/"+h.sha256), []byte(target), 0o600))
	h.ok(os.Rename(h.source+"/d/f", h.source+"/moved"))
}

func (h *hostile) sums(text string) {
	h.t.Helper()
	path := h.at(h.last + "/d/SHA256SUMS")
	h.ok(os.Remove(path))
	h.ok(os.WriteFile(path, []byte(text), 0o600))
}

// catalog makes one that begins so and goes on with many of a character.
func (h *hostile) catalog(begin, more string, n int) {
	h.t.Helper()
	h.ok(os.WriteFile(h.at(".phlb/catalog/"+h.last+".jsonl.zst"), packed(h.t, begin, more, n), 0o600))
}

func packed(t *testing.T, begin, more string, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	chunk := strings.Repeat(more, min(n, 1<<20))
	_, err = io.WriteString(z, begin)
	for ; n > 0 && err == nil; n -= len(chunk) {
		_, err = io.WriteString(z, chunk)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deep makes directories within directories, far beyond PATH_MAX.
func (h *hostile) deep(dir string, levels int) {
	h.t.Helper()
	fd, err := unix.Open(dir, unix.O_DIRECTORY, 0)
	h.ok(err)
	for range levels {
		h.ok(unix.Mkdirat(fd, "deep", 0o700))
		next, err := unix.Openat(fd, "deep", unix.O_DIRECTORY, 0)
		h.ok(err)
		h.ok(unix.Close(fd))
		fd = next
	}
	h.ok(unix.Close(fd))
}

// TestHostileFiles gives files to commands that no phlb wrote.
func TestHostileFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	template := hostileTemplate(t)
	const source = "version: 1\ndestination: root\nsources: [{path: src}]\n"
	brackets := strings.Repeat("[", 500_000)
	plan := `{"format":"phlb-plan","format_version":"1.0","x":`
	for name, c := range map[string]struct {
		file string
		text []byte
		size int64 // grown to this many bytes, if it is not 0
		args []string
	}{
		"aliases that multiply":        {file: "m.yaml", text: []byte(laughs(source)), args: []string{"plan", "FILE", "-o", "p.json"}},
		"a manifest of brackets":       {file: "m.yaml", text: []byte("version: " + brackets), args: []string{"plan", "FILE", "-o", "p.json"}},
		"a manifest of indentation":    {file: "m.yaml", text: []byte(stairs(3000)), args: []string{"validate", "FILE"}},
		"a huge manifest":              {file: "m.yaml", text: []byte(source), size: hugeSize, args: []string{"validate", "FILE"}},
		"a manifest of many mistakes":  {file: "m.yaml", text: []byte(source + strings.Repeat("x: 1\n", 20_000)), args: []string{"validate", "FILE"}},
		"a plan of brackets":           {file: "p.json", text: []byte(plan + brackets), args: []string{"apply", "FILE"}},
		"a plan of one huge line":      {file: "p.json", text: []byte(plan + `"`), size: hugeSize, args: []string{"apply", "FILE"}},
		"a huge line to be shown":      {file: "p.json", text: []byte(plan + `"`), size: hugeSize, args: []string{"show", "FILE"}},
		"a packed plan of one line":    {file: "p.json.zst", text: packed(t, plan+`"`, "a", hugeSize), args: []string{"apply", "FILE"}},
		"a packed plan of white space": {file: "p.json.zst", text: packed(t, plan, " ", hugeSize), args: []string{"show", "FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t, template)
			path := filepath.Join(h.dir, c.file)
			h.ok(os.WriteFile(path, c.text, 0o600))
			if c.size > 0 {
				h.ok(os.Truncate(path, c.size))
			}
			args := slices.Clone(c.args)
			args[slices.Index(args, "FILE")] = path
			code, out := h.run(args...)
			if code != 5 && code != 64 {
				t.Errorf("exit code %d\n%.2000s", code, out)
			}
			if len(out) > 4<<20 {
				t.Errorf("%d bytes of output", len(out))
			}
		})
	}
}

// laughs is a manifest whose aliases multiply to gigabytes.
func laughs(source string) string {
	b := strings.Builder{}
	b.WriteString("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n")
	for i := range 10 {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	return b.String() + source + "defaults: {excludes: *a10}\n"
}

// stairs indents every line by one more.
func stairs(n int) string {
	b := strings.Builder{}
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// TestPlanMustBeAFile: what cannot be read twice, or never ends, is no plan to
// be applied.
func TestPlanMustBeAFile(t *testing.T) {
	h := newHostile(t, hostileTemplate(t))
	fifo := filepath.Join(h.dir, "fifo.json")
	h.ok(unix.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, "/dev/zero", h.dir} {
		if code, out := h.run("apply", path); code == 0 || !strings.Contains(out, path) {
			t.Errorf("apply %s: exit code %d\n%s", path, code, out)
		}
	}
}
