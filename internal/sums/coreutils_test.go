//go:build unix

package sums

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var evilNames = []string{
	"plain", " leading", "trailing ", "*asterisk", "-dash", "#hash", `\`, `a\b`, `a\nb`, `ends\`,
	"new\nline", "\n", "cr\r", "\r", "crlf\r\n", "tab\t", "quote\"'", "umläut 日本.txt",
	"\xff\xfe not UTF-8", "\x01\x7f", "SHA256 (a) = b", strings.Repeat("\n", 255), emptyHex + "  a",
}

// evilDir makes files with names that break careless checksum files.
func evilDir(t *testing.T) (dir string, lines []Line) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range evilNames {
		content := []byte("content of " + name)
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Logf("%q left out: %v", name, err)
			continue
		}
		lines = append(lines, Line{Name: name, Sum: sha256.Sum256(content)})
	}
	Sort(lines)
	return dir, lines
}

func coreutils(t *testing.T, dir string, args ...string) ([]byte, error) {
	t.Helper()
	path, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Skip("needs GNU sha256sum")
	}
	if out, _ := exec.Command(path, "--version").Output(); !bytes.Contains(out, []byte("GNU coreutils")) {
		t.Skip("sha256sum is not that of GNU coreutils")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd.CombinedOutput()
}

// TestAppendIsCoreutils compares byte for byte with GNU sha256sum.
func TestAppendIsCoreutils(t *testing.T) {
	dir, lines := evilDir(t)
	args := []string{"--"}
	for _, l := range lines {
		args = append(args, l.Name)
	}
	want, err := coreutils(t, dir, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	if got := appendAll(lines); !bytes.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// TestCoreutilsAccepts lets sha256sum check what Append wrote, and notice a
// changed file.
func TestCoreutilsAccepts(t *testing.T) {
	dir, lines := evilDir(t)
	list := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(list, appendAll(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := coreutils(t, dir, "--check", "--strict", list); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := coreutils(t, dir, "--check", "--strict", list); err == nil {
		t.Errorf("a changed file passed: %s", out)
	}
}

// TestParseIsCoreutils: spellings that sha256sum -c takes are taken, and read
// as the same name.
func TestParseIsCoreutils(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		emptyHex + "  a", emptyHex + " *a\n", emptyHex + "\t a\n", " \t" + emptyHex + "  a\n",
		strings.ToUpper(emptyHex) + "  a\r\n", `\` + emptyHex + "  a\n", "# comment\n" + emptyHex + "  a\n",
		emptyHex + "  a\n\n",
		"\r\n" + emptyHex + "  a\n", `\` + emptyHex + "  a\\t\n", "words\n", emptyHex + "\n", emptyHex + "  \n",
	} {
		list := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, checkErr := coreutils(t, dir, "--check", "--strict", list)
		lines, bad, err := Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		accepted := len(bad) == 0 && len(lines) == 1 && lines[0].Name == "a"
		if accepted != (checkErr == nil) {
			t.Errorf("%q: accepted %v, lines %v, bad %v; sha256sum: %v %s", text, accepted, lines, bad, checkErr, out)
		}
	}
}
