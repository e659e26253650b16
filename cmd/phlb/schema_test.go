package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

var updateSchemas = flag.Bool("update-schemas", false, "write docs/schema")

const publishedSchemas = "../../docs/schema"

// TestSchemasPublished: the files under docs/schema are what the program
// prints, and nothing else lies there.
func TestSchemasPublished(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(schemas())) {
		printed, err := exec.Command(program(t), "schema", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(publishedSchemas, name+".json")
		if *updateSchemas {
			if err := os.WriteFile(path, printed, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		published, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(printed), string(published)); diff != "" {
			t.Errorf("%s (go test ./cmd/phlb -run SchemasPublished -update-schemas writes it): %s", path, diff)
		}
	}
	files, err := filepath.Glob(publishedSchemas + "/*.json")
	if err != nil || len(files) != len(schemas()) {
		t.Errorf("%v, want one for each of %d (%v)", files, len(schemas()), err)
	}
}

// published returns a function that judges a document by a published schema.
func published(t *testing.T, name string) func(document []byte) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join(publishedSchemas, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return func(document []byte) error {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
		if err != nil {
			return err
		}
		return schema.Validate(instance)
	}
}

// TestPublishedSchemasHold: what the program writes is as the published
// schemas say.
func TestPublishedSchemasHold(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"src/a": "a", "src/b": strings.Repeat("b", 2000), "src/sub/c": strings.Repeat("b", 2000),
		"m.yaml": "version: 1\ncreate_destination: true\ndestination: dst\nsources: [{path: src, guards: {max_deleted_percent: 90}, retention: {keep_last: 1}}]\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	phlb := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program(t), args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	plan, report := published(t, "plan"), published(t, "report")
	for range 3 { // the first has nothing to prune
		phlb("plan", "m.yaml")
		text, err := os.ReadFile(filepath.Join(dir, "plan.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := plan(text); err != nil {
			t.Errorf("a plan: %v", err)
		}
		if plan(bytes.Replace(text, []byte(`"applyable"`), []byte(`"appliable"`), 1)) == nil {
			t.Error("the schema accepts anything")
		}
		phlb("apply", "plan.json")
	}
	reports := mustGlob(t, filepath.Join(dir, "dst/src/*-report.json"))
	for _, path := range reports {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := report(text); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
}

var modeline = regexp.MustCompile(`(?m)^#\s+yaml-language-server\s*:\s*\$schema=(\S+)`)

// TestExamplesHaveSchema: every manifest among the examples is valid by the
// published schema, and names it for editors that complete keys.
func TestExamplesHaveSchema(t *testing.T) {
	check := published(t, "manifest")
	schema, err := os.Stat(filepath.Join(publishedSchemas, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	err = filepath.WalkDir("../../examples", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte("\ndestination: ")) {
			return err
		}
		found++
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return err
		}
		document, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if err := check(document); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		m := modeline.FindSubmatch(text)
		if m == nil {
			t.Errorf("%s has no modeline", path)
			return nil
		}
		named, err := os.Stat(filepath.Join(filepath.Dir(path), string(m[1])))
		if err != nil || !os.SameFile(named, schema) {
			t.Errorf("%s: its modeline names %s (%v)", path, m[1], err)
		}
		return nil
	})
	if err != nil || found < 5 {
		t.Errorf("%d manifests (%v)", found, err)
	}
}
