package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/internal/treetest"
)

// planEntry is what the tests look at of an entry.
type planEntry struct {
	Action, Path, Target, Change, SHA256 string
	Size                                 int64
}

type planFile struct {
	Sources []struct {
		Parent  string
		Entries []planEntry
		Deleted []string
	}
}

// planOf plans a directory as the next snapshot of "photos" in a root.
func planOf(t *testing.T, source, root string) *planFile {
	t.Helper()
	manifest := filepath.Join(t.TempDir(), "m.yaml")
	// PHLB links by content alone, and has no metadata on record.
	text := fmt.Sprintf("version: 1\ndestination: %s\nsources:\n  - {name: photos, path: %s, link_match: content}\n", root, source)
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var p planFile
	if err := json.Unmarshal(phlb(t, 0, "plan", manifest, "-o", "-"), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// phlb runs the program, which must end with the code, and returns what it
// writes to standard output.
func phlb(t *testing.T, code int, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(program(t), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("phlb %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

// TestPHLBUnchanged: what PHLB stored last is known without its catalogue:
// nothing from 1000 bytes on is copied.
func TestPHLBUnchanged(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	plan := planOf(t, filepath.Join(p.Sources, "photos-2"), p.Root)
	if plan.Sources[0].Parent != treetest.PHLBSecond {
		t.Errorf("parent %q, want %q", plan.Sources[0].Parent, treetest.PHLBSecond)
	}
	large := 0
	for _, e := range plan.Sources[0].Entries {
		if e.Size < 1000 {
			continue
		}
		switch e.Action {
		case "copy":
			t.Errorf("%s of %d bytes is to be copied", e.Path, e.Size)
		case "link":
			large++
			sameContent(t, filepath.Join(p.Root, e.Target), filepath.Join(p.Sources, "photos-2", e.Path))
		}
	}
	if large == 0 {
		t.Error("nothing is linked")
	}
}

// TestPHLBMovedAndDeleted: what is only in PHLB's first snapshot, and what
// lies elsewhere in its second, is found by the lookups.
func TestPHLBMovedAndDeleted(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	plan := planOf(t, filepath.Join(p.Sources, "photos-1"), p.Root)
	elsewhere := 0
	for _, e := range plan.Sources[0].Entries {
		if e.Size < 1000 || e.Action == "skip" {
			continue
		}
		if e.Action != "link" {
			t.Errorf("%s of %d bytes: %s", e.Path, e.Size, e.Action)
			continue
		}
		if e.Target != treetest.PHLBSecond+"/"+e.Path {
			elsewhere++
		}
		sameContent(t, filepath.Join(p.Root, e.Target), filepath.Join(p.Sources, "photos-1", e.Path))
	}
	if elsewhere == 0 {
		t.Error("nothing is linked to another path")
	}
	if len(plan.Sources[0].Deleted) == 0 {
		t.Error("nothing is deleted")
	}
}

// TestPHLBContinues: phlb verifies PHLB's root, continues it, and leaves
// what is there as it is.
func TestPHLBContinues(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	before := treetest.Read(t, filepath.Join(p.Root, "photos"))
	phlb(t, 0, "verify", p.Root)
	phlb(t, 0, "compare", filepath.Join(p.Sources, "photos-2"), p.Root, "--name", "photos")
	phlb(t, 0, "backup", filepath.Join(p.Sources, "photos-2"), p.Root, "--name", "photos")
	phlb(t, 0, "verify", p.Root)
	after := treetest.Read(t, filepath.Join(p.Root, "photos"))
	for path, node := range before {
		if _, isDir := node.(treetest.Dir); !isDir && after[path] != node {
			t.Errorf("%s was %v, is %v", path, node, after[path])
		}
	}
}

// TestPHLBRebuild: the lookups that rebuild makes are the same set of hashes
// and sizes that PHLB made, each hash pointing to a file of that content.
func TestPHLBRebuild(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	private := filepath.Join(p.Root, ".phlb")
	hashes, sizes := entries(t, private, "hash-lookup"), entries(t, private, "size-lookup")
	if err := os.RemoveAll(private); err != nil {
		t.Fatal(err)
	}
	phlb(t, 0, "rebuild", p.Root)
	if got := entries(t, private, "hash-lookup"); !slices.Equal(got, hashes) {
		t.Errorf("hashes %v, want %v", got, hashes)
	}
	if got := entries(t, private, "size-lookup"); !slices.Equal(got, sizes) {
		t.Errorf("sizes %v, want %v", got, sizes)
	}
	for _, rel := range hashes {
		target, err := os.ReadFile(filepath.Join(private, "hash-lookup", rel))
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(p.Root, string(target)))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != filepath.Base(rel) {
			t.Errorf("%s points to %s of another content", rel, target)
		}
	}
}

// entries lists the files below a directory, which must have some.
func entries(t *testing.T, private, name string) []string {
	t.Helper()
	top := filepath.Join(private, name)
	var list []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(top, path)
		list = append(list, filepath.ToSlash(rel))
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("%s: %d entries, %v", top, len(list), err)
	}
	return list
}

func sameContent(t *testing.T, a, b string) {
	t.Helper()
	one, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, other) {
		t.Errorf("%s and %s differ", a, b)
	}
}
