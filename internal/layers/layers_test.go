// Package layers holds the rules of who may import whom. It has no code of
// its own: its test reads the imports of every package and compares them with
// the table below, and the table with the linter's rules in .ci/golangci.yml.
// Only production code is bound; tests may import what they like.
package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const (
	module = "phlb"
	root   = "../.."
)

// middle are the rooms that the jobs of one command each may use: everything
// but decisions, effects, judgements and words for people.
var middle = []string{
	"internal/catalog", "internal/digest", "internal/event", "internal/fsys", "internal/jsonl", "internal/lookup",
	"internal/meta", "internal/pool", "internal/scan", "internal/snapshot", "internal/sums", "internal/vouch",
}

// room says what one package may import.
type room struct {
	inside []string // packages of phlb
	// outside holds the only modules that a room with a closed door may use
	// beside the standard library; nil leaves the door open.
	outside []string
}

var closed = []string{}

// rooms has every package but cmd, which wires and may import all of them.
var rooms = map[string]room{
	"internal/digest":  {[]string{"internal/meta"}, []string{"github.com/cespare/xxhash/v2"}},
	"internal/meta":    {[]string{"internal/digest"}, closed},
	"internal/retain":  {nil, closed},
	"internal/event":   {nil, closed},
	"internal/manpage": {nil, closed},
	"internal/suggest": {nil, closed},
	"internal/sums":    {[]string{"internal/digest"}, closed},
	"internal/jsonl":   {[]string{"internal/meta", "internal/digest"}, []string{"github.com/klauspost/compress"}},
	"internal/fsys":    {[]string{"internal/meta"}, []string{"golang.org/x/sys"}},
	"internal/pool":    {nil, []string{"github.com/gammazero/workerpool"}},

	"internal/metrics": {nil, closed},
	"internal/ping":    {nil, closed},

	"internal/lookup":   {inside: []string{"internal/fsys", "internal/digest", "internal/meta", "internal/jsonl"}},
	"internal/catalog":  {inside: []string{"internal/fsys", "internal/digest", "internal/meta", "internal/jsonl"}},
	"internal/snapshot": {inside: []string{"internal/fsys", "internal/digest", "internal/meta", "internal/jsonl"}},
	"internal/scan":     {inside: []string{"internal/fsys", "internal/meta"}},
	"internal/listing": {inside: []string{
		"internal/catalog", "internal/digest", "internal/fsys", "internal/meta", "internal/snapshot", "internal/sums",
	}},
	"internal/dress":    {inside: []string{"internal/fsys", "internal/meta"}},
	"internal/transfer": {inside: []string{"internal/fsys", "internal/digest", "internal/meta"}},
	"internal/vouch":    {inside: []string{"internal/fsys", "internal/digest", "internal/meta", "internal/snapshot", "internal/sums"}},

	"manifest": {inside: []string{"internal/retain", "internal/suggest"}},
	"plan": {inside: []string{
		"manifest", "internal/scan", "internal/fsys", "internal/digest", "internal/catalog", "internal/lookup",
		"internal/retain", "internal/meta", "internal/jsonl", "internal/snapshot", "internal/sums", "internal/event",
		"internal/vouch", "internal/pool",
	}},
	"execute": {inside: []string{
		"plan", "internal/fsys", "internal/sums", "internal/lookup", "internal/catalog", "internal/snapshot",
		"internal/event", "internal/digest", "internal/meta", "internal/dress", "internal/transfer", "internal/vouch", "internal/pool",
	}},
	"verify": {inside: []string{
		"internal/sums", "internal/lookup", "internal/catalog", "internal/snapshot", "internal/scan", "internal/fsys",
		"internal/digest", "internal/meta", "internal/event", "internal/pool",
	}},

	"internal/benchmark": {inside: middle},
	"internal/doctor":    {inside: middle},
	"internal/hook":      {inside: middle},
	"internal/repair":    {inside: append([]string{"verify", "internal/dress", "internal/transfer"}, middle...)}, // the judge says what is damaged
	"internal/restore":   {inside: append([]string{"internal/dress", "internal/transfer"}, middle...)},

	"internal/history": {inside: []string{
		"internal/digest", "internal/listing", "internal/meta", "internal/pool", "internal/snapshot", "internal/vouch",
	}},
	"internal/snapdiff": {inside: []string{
		"internal/catalog", "internal/digest", "internal/fsys", "internal/listing", "internal/meta", "internal/snapshot",
	}},
	"internal/survey": {inside: []string{
		"internal/listing", "internal/meta", "internal/pool", "internal/snapshot",
	}},
	"internal/review": {inside: []string{"plan"}},

	"internal/report": {inside: append([]string{
		"execute", "manifest", "plan", "verify", "internal/benchmark", "internal/doctor", "internal/history", "internal/hook",
		"internal/listing", "internal/repair", "internal/restore", "internal/retain", "internal/snapdiff", "internal/survey",
	}, middle...)},

	// Tests only: no production code may import it.
	"internal/treetest": {nil, []string{"github.com/google/go-cmp"}},
}

// free may import anything: programs.
func free(dir string) bool {
	return strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "examples/") || dir == "internal/peerbench" || dir == "internal/release"
}

// imports reads the imports of all production files, by directory. It parses
// files in place of asking the build system, so that those for other systems
// are bound as well.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() && (name == "testdata" || strings.HasPrefix(name, ".") && file != root) {
			return fs.SkipDir
		}
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(rel)
		found[dir] = append(found[dir], []string{}...)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[dir] = append(found[dir], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// refused says why the package in dir must not import imported, or "".
func refused(dir, imported string) string {
	r, known := rooms[dir]
	switch inside, ours := strings.CutPrefix(imported, module+"/"); {
	case free(dir):
		return ""
	case !known:
		return "the package is in no rule: add it to this table and to .ci/golangci.yml"
	case ours && !slices.Contains(r.inside, inside):
		return "not among what this package may know of"
	case !ours && thirdParty(imported) && r.outside != nil && !covered(imported, r.outside):
		return "this package gets along with the standard library"
	case strings.HasPrefix(imported, "golang.org/x/sys") && dir != "internal/fsys", imported == "unsafe" && dir != "internal/fsys",
		imported == "syscall" && dir != "internal/fsys" && dir != "internal/treetest": // only tests import that
		return "system calls live in internal/fsys"
	}
	return ""
}

func thirdParty(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

func covered(imported string, modules []string) bool {
	return slices.ContainsFunc(modules, func(m string) bool {
		return imported == m || strings.HasPrefix(imported, m+"/")
	})
}

func TestLayers(t *testing.T) {
	found := imports(t)
	if len(found) < 10 {
		t.Fatalf("only %d packages found", len(found))
	}
	for dir, list := range found {
		if _, known := rooms[dir]; !known && !free(dir) {
			t.Errorf("%s is in no rule: add it to this table and to .ci/golangci.yml", dir)
			continue
		}
		for _, imported := range list {
			if why := refused(dir, imported); why != "" {
				t.Errorf("%s imports %s: %s", dir, imported, why)
			}
		}
	}
}

// TestNever spells out the rules that must survive any change of the table.
func TestNever(t *testing.T) {
	for _, c := range [][2]string{
		{"execute", "phlb/manifest"}, {"execute", "phlb/internal/scan"}, {"execute", "phlb/internal/report"},
		{"verify", "phlb/plan"}, {"verify", "phlb/execute"}, {"verify", "phlb/internal/report"},
		{"plan", "phlb/execute"}, {"plan", "phlb/internal/report"}, {"plan", "phlb/verify"},
		{"manifest", "phlb/internal/fsys"}, {"internal/retain", "phlb/internal/meta"},
		{"internal/event", "github.com/spf13/cobra"}, {"internal/meta", "golang.org/x/sys/unix"},
		{"internal/scan", "golang.org/x/sys/unix"}, {"internal/scan", "syscall"}, {"verify", "unsafe"},
		{"internal/doctor", "phlb/internal/report"}, {"internal/restore", "phlb/internal/treetest"},
		{"internal/unheard-of", "fmt"},
	} {
		if refused(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
	for _, c := range [][2]string{
		{"cmd/phlb", "phlb/internal/report"}, {"execute", "phlb/plan"}, {"internal/fsys", "golang.org/x/sys/unix"},
		{"internal/digest", "github.com/cespare/xxhash/v2"}, {"internal/meta", "encoding/json"},
	} {
		if why := refused(c[0], c[1]); why != "" {
			t.Errorf("%s may not import %s: %s", c[0], c[1], why)
		}
	}
	for dir, r := range rooms {
		for _, inside := range r.inside {
			if _, known := rooms[inside]; !known {
				t.Errorf("%s may import %s, which is in no rule", dir, inside)
			}
			if inside == "internal/report" || inside == "internal/treetest" {
				t.Errorf("%s may import %s", dir, inside)
			}
		}
	}
}

// TestNoCycles: the table itself must describe layers. Only meta and digest,
// two leaves, may know of each other; Go refuses that they both do.
func TestNoCycles(t *testing.T) {
	var visit func(dir string, path []string)
	visit = func(dir string, above []string) {
		if slices.Contains(above, dir) {
			t.Errorf("in a circle: %v", append(above, dir))
			return
		}
		for _, next := range rooms[dir].inside {
			if dir == "internal/meta" && next == "internal/digest" {
				continue
			}
			visit(next, append(slices.Clone(above), dir))
		}
	}
	for dir := range rooms {
		visit(dir, nil)
	}
}

// linterRule is one rule of depguard.
type linterRule struct {
	ListMode string   `yaml:"list-mode"`
	Files    []string `yaml:"files"`
	Allow    []string `yaml:"allow"`
	Deny     []struct {
		Pkg  string `yaml:"pkg"`
		Desc string `yaml:"desc"`
	} `yaml:"deny"`
}

// TestLinterHasTheSameRules compares the table with depguard's rules.
func TestLinterHasTheSameRules(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, ".ci", "golangci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]linterRule `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	rules := config.Linters.Settings.Depguard.Rules
	for dir, r := range rooms {
		rule, ok := rules[path.Base(dir)]
		if !ok {
			t.Errorf("depguard has no rule for %s", dir)
			continue
		}
		compareRule(t, dir, r, rule)
		delete(rules, path.Base(dir))
	}
	delete(rules, "system-calls")
	if len(rules) != 0 {
		t.Errorf("depguard has rules that are not in the table: %v", slices.Sorted(maps.Keys(rules)))
	}
}

func compareRule(t *testing.T, dir string, r room, rule linterRule) {
	t.Helper()
	var want []string
	for _, inside := range r.inside {
		want = append(want, module+"/"+inside+"$")
	}
	mode := "lax"
	if r.outside != nil {
		mode = "strict"
		want = append(append(want, "$gostd"), r.outside...)
	}
	if !slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(rule.Allow))) {
		t.Errorf("%s: depguard allows %q, the table %q", dir, rule.Allow, want)
	}
	if rule.ListMode != mode {
		t.Errorf("%s: depguard's list-mode is %q, want %q", dir, rule.ListMode, mode)
	}
	if files := []string{"${base-path}/" + dir + "/*.go", "!$test"}; !slices.Equal(rule.Files, files) {
		t.Errorf("%s: depguard looks at %q, want %q", dir, rule.Files, files)
	}
	if mode == "lax" && (len(rule.Deny) != 1 || rule.Deny[0].Pkg != module+"/") {
		t.Errorf("%s: depguard must deny all of %s/ that is not allowed: %v", dir, module, rule.Deny)
	}
}
