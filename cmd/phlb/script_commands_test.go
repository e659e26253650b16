package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

// scriptCommands are what scripts can do beside testscript's own commands.
func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"exits":     scriptExits,
		"fails":     scriptFails,
		"tmpfs":     scriptTmpfs,
		"json":      scriptJSON,
		"jsonlines": scriptJSONLines,
		"remember":  scriptRemember,
		"unchanged": scriptUnchanged,
		"random":    scriptRandom,
		"many":      scriptMany,
		"edit":      scriptEdit,
		"flip":      scriptFlip,
		"link":      scriptLink,
		"sameinode": scriptSameInode,
		"last":      scriptLast,
		"sha256":    scriptSHA256,
		"sumsgood":  scriptSumsGood,
		"lockroot":  scriptLockRoot,
		"old":       scriptOld,
		"bind":      scriptBind,
		"uppercase": scriptUppercase,
	}
}

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}

// exits CODE [-user] PROGRAM ARGS… runs a program that must end with the code.
// With -user it runs as an ordinary user if the tests run as root.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 2, "exits CODE [-user] PROGRAM ARGS…")
	want, args := number(ts, args[0]), args[1:]
	if args[0] == "-user" {
		args = args[1:]
		if os.Geteuid() == 0 {
			ts.Check(giveAway(ts.Getenv("WORK")))
			args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...)
		}
	}
	code := 0
	var exit *exec.ExitError
	err := ts.Exec(args[0], args[1:]...)
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// giveAway makes the ordinary user the owner of what is still root's. A
// change of owner is a change, so nobody's files are left alone.
func giveAway(dir string) error {
	root, err := os.Stat("/")
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || !sameOwner(info, root) {
			return err
		}
		return os.Lchown(path, 65534, 65534)
	})
}

// json FILE [PATH VALUE]… checks that FILE (or stdout) is one JSON document
// and holds the values: json stdout sources.0.name '"home"'. A value of *
// stands for any but null, and PATH.len for the length of a list.
func scriptJSON(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args)%2 == 1, "json FILE [PATH VALUE]…")
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("%s: something stands behind the document", args[0])
	}
	for i := 1; i < len(args); i += 2 {
		got := jsonAt(doc, args[i])
		if want := args[i+1]; want != got && (want != "*" || got == "null") {
			ts.Fatalf("%s: %s is %s, want %s", args[0], args[i], got, want)
		}
	}
}

// jsonAt returns the value at a dotted path in its JSON form.
func jsonAt(doc any, path string) string {
	path, count := strings.CutSuffix(path, ".len")
	for key := range strings.SplitSeq(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return "nothing"
			}
			doc = v[i]
		default:
			return "nothing"
		}
	}
	if list, ok := doc.([]any); ok && count {
		return strconv.Itoa(len(list))
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// jsonlines FILE checks that each of at least one line is a JSON object.
func scriptJSONLines(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "jsonlines FILE")
	n := 0
	for in := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0]))); in.Scan(); n++ {
		var object map[string]any
		if err := json.Unmarshal(in.Bytes(), &object); err != nil {
			ts.Fatalf("line %q: %v", in.Text(), err)
		}
	}
	if n == 0 {
		ts.Fatalf("%s is empty", args[0])
	}
}

// listing is what lies in a directory, down to contents, modes and times. The
// directory's own time is left out: temporary files come and go.
func listing(dir string) (map[string]string, error) {
	list := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		list[path] = fmt.Sprintf("%v %d", info.Mode(), info.Size())
		if path != dir {
			list[path] += fmt.Sprint(" ", info.ModTime().UnixNano())
		}
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			list[path] += fmt.Sprintf(" %x", sha256.Sum256(content))
		}
		return nil
	})
	return list, err
}

// remember DIR… keeps what lies in directories, for unchanged.
func scriptRemember(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 0, "remember DIR…")
	for _, dir := range args {
		list, err := listing(ts.MkAbs(dir))
		ts.Check(err)
		text, err := json.Marshal(list)
		ts.Check(err)
		ts.Setenv("REMEMBERED_"+dir, string(text))
	}
}

// unchanged DIR… checks that directories are, down to contents, modes and
// times, as they were when they were remembered.
func scriptUnchanged(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) > 0, "[!] unchanged DIR…")
	for _, dir := range args {
		var before map[string]string
		if err := json.Unmarshal([]byte(ts.Getenv("REMEMBERED_"+dir)), &before); err != nil {
			ts.Fatalf("%s was not remembered", dir)
		}
		now, err := listing(ts.MkAbs(dir))
		ts.Check(err)
		if maps.Equal(before, now) == neg {
			ts.Fatalf("%s: before and now:\n%s", dir, different(before, now))
		}
	}
}

func different(before, now map[string]string) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(before)) {
		if before[path] != now[path] {
			fmt.Fprintf(&b, "- %s %s\n", path, before[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(now)) {
		if before[path] != now[path] {
			fmt.Fprintf(&b, "+ %s %s\n", path, now[path])
		}
	}
	return b.String()
}

// random FILE SIZE SEED writes bytes that are the same for the same seed.
func scriptRandom(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "random FILE SIZE SEED")
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, randomBytes(number(ts, args[1]), number(ts, args[2])), 0o644))
}

func randomBytes(size, seed int) []byte {
	content := make([]byte, size)
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	_, _ = rand.NewChaCha8(key).Read(content) // never fails
	return content
}

// many DIR COUNT SIZE writes files of different content.
func scriptMany(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "many DIR COUNT SIZE")
	ts.Check(writeMany(ts.MkAbs(args[0]), number(ts, args[1]), number(ts, args[2])))
}

func writeMany(dir string, count, size int) error {
	for i := range count {
		sub := filepath.Join(dir, fmt.Sprintf("d%03d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("f%05d", i)), randomBytes(size, i), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// edit FILE OLD NEW replaces text in place; OLD must be there.
func scriptEdit(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "edit FILE OLD NEW")
	before := ts.ReadFile(args[0])
	if !strings.Contains(before, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(before, args[1], args[2], 1)), 0o644))
}

// flip FILE damages one byte in the middle as a failing disk does: size and
// times stay.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "flip FILE")
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	content, err := os.ReadFile(path)
	ts.Check(err)
	content[len(content)/2] ^= 1
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.Write(content)
	ts.Check(errors.Join(err, f.Close()))
	ts.Check(os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// link OLD NEW makes a hard link.
func scriptLink(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "link OLD NEW")
	ts.Check(os.Link(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// sameinode A B checks that two paths are (or, negated, are not) one file.
func scriptSameInode(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 2, "[!] sameinode A B")
	a, err := os.Lstat(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if os.SameFile(a, b) == neg {
		ts.Fatalf("one file: %v", !neg)
	}
}

// last VARIABLE PATTERN COUNT sets a variable to the last of the paths that
// match, of which there must be as many.
func scriptLast(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 3, "last VARIABLE PATTERN COUNT")
	paths, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if len(paths) != number(ts, args[2]) {
		ts.Fatalf("%d paths match: %v", len(paths), paths)
	}
	last := ""
	if len(paths) > 0 {
		last = slices.Max(paths)
	}
	ts.Setenv(args[0], last)
	ts.Setenv(args[0]+"_NAME", filepath.Base(last))
}

// sha256 VARIABLE FILE sets a variable to a file's hash.
func scriptSHA256(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "sha256 VARIABLE FILE")
	sum := sha256.Sum256([]byte(ts.ReadFile(args[1])))
	ts.Setenv(args[0], hex.EncodeToString(sum[:]))
}

// sumsgood DIR runs sha256sum -c in every directory of a snapshot, and makes
// sure that every regular file has a line.
func scriptSumsGood(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "sumsgood DIR")
	if _, err := exec.LookPath("sha256sum"); err != nil {
		ts.Logf("sha256sum is not installed: SHA256SUMS not checked")
		return
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return checkSums(path)
	}))
}

func checkSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	files := 0
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "SHA256SUMS" {
			files++
		}
	}
	if files == 0 {
		return nil
	}
	cmd := exec.Command("sha256sum", "-c", "SHA256SUMS")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", dir, err, out)
	}
	if ok := bytes.Count(out, []byte(": OK\n")); ok != files {
		return fmt.Errorf("%s: %d files, but SHA256SUMS is about %d", dir, files, ok)
	}
	return nil
}

// lockroot DIR holds a root's exclusive lock until the script ends.
func scriptLockRoot(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "lockroot DIR")
	root, err := snapshot.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	lock, err := root.Lock(context.Background(), fsys.Exclusive, snapshot.LockOptions{Holder: snapshot.HolderInfo{
		Host: "otherhost", PID: 4711, Start: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC), Command: "phlb apply",
	}})
	ts.Check(err)
	ts.Defer(func() {
		lock.Release()
		root.Close()
	})
}

// old FILE… sets times far back, so that nothing looks as if it had just been
// changed.
func scriptOld(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) > 0, "old FILE…")
	when := time.Date(2025, 1, 2, 3, 4, 5, 678901234, time.UTC)
	for _, path := range args {
		ts.Check(os.Chtimes(ts.MkAbs(path), when, when))
	}
}

// bind DIR mounts a directory on itself until the script ends, or, negated,
// unmounts it.
func scriptBind(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, len(args) == 1, "[!] bind DIR")
	dir := ts.MkAbs(args[0])
	if neg {
		ts.Check(exec.Command("umount", dir).Run())
		return
	}
	ts.Check(exec.Command("mount", "--bind", dir, dir).Run())
	ts.Defer(func() { _ = exec.Command("umount", "--lazy", dir).Run() }) // it may have been unmounted
}

// uppercase VARIABLE writes a variable in capitals.
func scriptUppercase(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 1, "uppercase VARIABLE")
	ts.Setenv(args[0], strings.ToUpper(ts.Getenv(args[0])))
}
