package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// validator returns a function that checks YAML against the schema.
func validator(t testing.TB) func([]byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("manifest.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return fmt.Errorf("read YAML: %w", err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return compiled.Validate(instance)
	}
}

func TestSchemaAccepts(t *testing.T) {
	check := validator(t)
	for _, text := range []string{
		string(Starter()), uncommented(Starter()),
		around("name: hosts/web1"),
		around("exclude_caches: ${ON:-true}\nmax_file_size: ${SIZE}\nsmall_file_threshold: ${SIZE}\nguards: {max_deleted_percent: \"${P}\"}"),
		around("max_file_size: 1.5 GiB\nsmall_file_threshold: 2kB\nguards: {max_deleted_percent: 0.5, min_free: 0}"),
		around("retention: {keep_within: 2y5m7d3h, keep_last: 0}"),
		around("excludes: []\nexclude_if_present: []\nrequire: {sentinel: ''}\nhooks: {}"),
		around("hooks: {timeout: 1h2m3.5s}"), around("hooks: {timeout: 0}"), around("hooks: {timeout: \"${T:-1m}\"}"),
		around("hooks: {ping: \"https://example.org/x?a=b\"}"), around("hooks: {ping: ''}"), around("hooks: {ping: \"${URL:-}\"}"),
	} {
		if err := check([]byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestSchemaRefuses: what the schema refuses, the parser refuses too.
func TestSchemaRefuses(t *testing.T) {
	check := validator(t)
	for _, text := range []string{
		"version: 2\ndestination: /b\nsources: [{path: /a}]\n",
		"version: \"1\"\ndestination: /b\nsources: [{path: /a}]\n",
		"destination: /b\nsources: [{path: /a}]\n",
		"version: 1\nsources: [{path: /a}]\n",
		"version: 1\ndestination: /b\n",
		"version: 1\ndestination: /b\nsources: []\n",
		"version: 1\ndestination: /b\nsources: [{name: x}]\n",
		"version: 1\ndestination: /b\nsources: [{path: /a}]\ndefaults: {path: /a}\n",
		"version: 1\ndestination: /b\nsources: [{path: /a}]\nworkers: 0.5\n",
		"version: 1\ndestination: /b\nsources: [{path: /a}]\nroot_id: x y\n",
		"version: 1\ndestination: /b\nsources: [{path: /a}]\ntimezone: ''\n",
		"version: 1\ndestination: /b\nsources: [{path: /a}]\ndestination_require: {sentinel: a/../b}\n",
		around("exclude: [a]"), around("excludes: a"), around("excludes: [1]"), around("excludes: ['']"), around("exclude_if_present: [a/b]"),
		around("exclude_caches: 1"), around("exclude_caches: ~"), around("max_file_size: -1"), around("max_file_size: 1,5GB"), around("max_file_size: 2GBB"),
		around("small_file_threshold: 999"), around("change_detection: meta"), around("link_match: x"), around("small_files: x"),
		around("require: {sentinel: /x}"), around("require: {min_files: -1}"), around("guards: {max_deleted_percent: 101}"),
		around("retention: {keep_within: 2w}"), around("retention: {keep_last: -1}"), around("retention: {keep: 1}"),
		around("hooks: {before: x}"), around("hooks: {timeout: 10}"), around("hooks: {timeout: 2d}"),
		around("hooks: {ping: x}"), around("hooks: {ping: 'ftp://h/x'}"), around("hooks: {ping: 'http://'}"), around("hooks: {ping: 'http://h/#a'}"), around("name: .x"), around("name: a//b"), around("name: a/2026-11-23-140000"),
	} {
		if check([]byte(text)) == nil {
			t.Errorf("the schema accepted\n%s", text)
		}
		if _, err := Parse([]byte(text), testPath, Options{}); err == nil {
			t.Errorf("the parser accepted\n%s", text)
		}
	}
}

// TestSchemaKeys: the schema knows the keys that the parser knows, everywhere.
func TestSchemaKeys(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	definitions := root["$defs"].(map[string]any)
	resolve := func(v any) map[string]any {
		m := v.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			return definitions[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		return m
	}
	compare := func(where string, v any, known []string) map[string]any {
		m := resolve(v)
		properties, _ := m["properties"].(map[string]any)
		got := slices.Sorted(maps.Keys(properties))
		if diff := cmp.Diff(slices.Sorted(slices.Values(known)), got); diff != "" {
			t.Errorf("%s: parser and schema differ:\n%s", where, diff)
		}
		if m["additionalProperties"] != false {
			t.Errorf("%s allows unknown keys", where)
		}
		return properties
	}
	top := compare("manifest", root, keysOf(documentFields()))
	compare("destination_require", top["destination_require"], keysOf(destinationRequireFields()))
	defaults := compare("defaults", top["defaults"], keysOf(layerFields()))
	source := compare("source", resolve(top["sources"])["items"], keysOf(entryFields()))
	for _, f := range layerFields() {
		if f.keys != nil {
			compare("defaults."+f.key, defaults[f.key], f.keys)
			compare("source."+f.key, source[f.key], f.keys)
		}
	}
	for key, v := range source {
		if v.(map[string]any)["description"] == nil && resolve(v)["description"] == nil {
			t.Errorf("%s has no description", key)
		}
	}
}

var option = regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)

// uncommented switches on every option of the starter manifest.
func uncommented(text []byte) string { return option.ReplaceAllString(string(text), "$1$2") }

func TestStarter(t *testing.T) {
	mustParse(t, string(Starter()), Options{})
	all := uncommented(Starter())
	mustParse(t, all, Options{})
	for _, key := range append(keysOf(documentFields()), keysOf(entryFields())...) {
		if !regexp.MustCompile(`(?m)^ *(- )?` + key + `:`).MatchString(all) {
			t.Errorf("the starter manifest does not show %s", key)
		}
	}
}
