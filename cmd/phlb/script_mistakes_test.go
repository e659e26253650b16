package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rogpeppe/go-internal/txtar"
)

// The scripts mistakes_*.txtar do what people do wrong, and compare the whole
// message. With PHLB_UPDATE_MISTAKES=1 they take what is said for right: to be
// read before it is committed.
const updateMistakes = "PHLB_UPDATE_MISTAKES"

// fails CODE FILE [-user] PROGRAM ARGS… runs a program that must end with the
// code and say on standard error what FILE of the script holds, but for what is
// another one each time.
func scriptFails(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) >= 3, "fails CODE FILE [-user] PROGRAM ARGS…")
	file := args[1]
	scriptExits(ts, false, append([]string{args[0]}, args[2:]...))
	got := steady(ts.ReadFile("stderr"), ts.Getenv("WORK"))
	if os.Getenv(updateMistakes) != "" {
		ts.Check(rewriteFile(filepath.Join("testdata/script", ts.Name()+".txtar"), file, got))
		return
	}
	if want := ts.ReadFile(file); got != want {
		ts.Fatalf("it says\n%s\nwant (%s)\n%s", got, file, want)
	}
}

// volatile is what is another one each time, and what stands for it.
var volatile = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d-\d{6}\b`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "ID"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`time=\S+`), "time=DATE"},
	{regexp.MustCompile(`user \d+`), "user N"},
	{regexp.MustCompile(`[\d.]+ [KMGTP]iB and \d+ inodes`), "SIZE and N inodes"},
	{regexp.MustCompile(`SIZE and N inodes; free are .*`), "SIZE and N inodes; free are SIZE and N inodes"},
	{regexp.MustCompile(`[\d.]+ \wiB of the [\d.]+ \wiB that are free`), "SIZE of the SIZE that are free"},
}

func steady(s, work string) string {
	s = strings.ReplaceAll(s, work, "$WORK")
	for _, v := range volatile {
		s = v.pattern.ReplaceAllString(s, v.stands)
	}
	return s
}

// rewriteFile replaces one file of a script.
func rewriteFile(script, name, data string) error {
	a, err := txtar.ParseFile(script)
	if err != nil {
		return err
	}
	found := false
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data, found = []byte(data), true
		}
	}
	if !found {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(data)})
	}
	return os.WriteFile(script, txtar.Format(a), 0o644)
}

// tmpfs DIR OPTIONS mounts a file system in memory until the script ends.
func scriptTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, !neg && len(args) == 2, "tmpfs DIR OPTIONS")
	dir := ts.MkAbs(args[0])
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		ts.Fatalf("mount: %v: %s", err, out)
	}
	ts.Defer(func() { _ = exec.Command("umount", dir).Run() })
}

// rows of the table of mistakes begin with the message in a code span.
var tableRow = regexp.MustCompile("(?m)^\\| `([^`]+)`")

// TestTroubleshooting: what the page quotes is what a script has seen.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, path := range mustGlob(t, "testdata/script/mistakes_*.txtar") {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			if strings.Contains(string(a.Comment), " "+f.Name+" ") && strings.HasPrefix(f.Name, "says/") {
				said.Write(f.Data)
			}
		}
	}
	rows := tableRow.FindAllSubmatch(page, -1)
	if len(rows) < 30 {
		t.Errorf("%d mistakes are told", len(rows))
	}
	for _, row := range rows {
		parts := strings.Split(strings.ReplaceAll(string(row[1]), `\|`, "|"), "…")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if !regexp.MustCompile(strings.Join(parts, ".*")).MatchString(said.String()) {
			t.Errorf("no script has seen %q", row[1])
		}
	}
}

// TestCodesAreDocumented: whoever reads failures as JSON finds every code.
func TestCodesAreDocumented(t *testing.T) {
	source, err := os.ReadFile("../../internal/report/failure.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)"`).FindAllSubmatch(source, -1)
	if len(codes) < 30 {
		t.Fatalf("%d codes were found", len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(page), "`"+string(c[1])+"`") {
			t.Errorf("docs/format.md lacks the code %s", c[1])
		}
	}
}
