//go:build linux

package execute_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/fsys"
)

func reportValidator(t *testing.T) func(text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(execute.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("report.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(instance)
	}
}

// reportText is a report as it was written.
func (w *world) reportText(rep *execute.Report) []byte {
	w.t.Helper()
	text, err := os.ReadFile(w.snap(rep) + "-report.json")
	w.ok(err)
	return text
}

// eventful applies a plan from which much has changed since. Its report has
// something in every list of paths.
func eventful(t *testing.T) (*world, *execute.Report) {
	t.Helper()
	w := newWorld(t)
	w.write("linked", big("l", 3000))
	w.write("drifting\xff", "1")
	w.write("vanishing", "2")
	w.write("failing", "3")
	w.backup()
	w.write("again", big("l", 3000))
	f := w.plan()
	w.write("drifting\xff", "longer than before")
	w.ok(os.Remove(filepath.Join(w.src, "vanishing")))
	w.ok(os.Remove(filepath.Join(w.src, "failing")))
	w.ok(os.Mkdir(filepath.Join(w.src, "failing"), 0o755))
	refused := &failAt{op: fsys.OpLink, errno: unix.EMLINK, match: func(name string) bool { return name == "again" }}
	return w, w.apply(f, refused.inject)
}

func TestReportSchemaAccepts(t *testing.T) {
	check := reportValidator(t)
	accept := func(what string, text []byte) {
		t.Helper()
		if err := check(text); err != nil {
			t.Errorf("%s: %v\n%s", what, err, text)
		}
	}
	w, rep := eventful(t)
	if len(rep.Drifted) != 1 || len(rep.Vanished) != 1 || len(rep.Failed) != 1 || len(rep.FallbackPaths) != 1 {
		t.Errorf("lists: %+v", rep)
	}
	text := w.reportText(rep)
	if !bytes.Contains(text, []byte(`"path_b64"`)) {
		t.Errorf("no path_b64 in\n%s", text)
	}
	accept("partial", text)
	rep.Unlisted, rep.Pruned = 7, []string{"home/2026-01-01-000000", "home/2026-01-02-000000"}
	text, err := json.Marshal(rep)
	w.ok(err)
	accept("with more", text)

	w = newWorld(t)
	w.write("f", "1")
	accept("first", w.reportText(w.backup()))
	accept("second", w.reportText(w.backup()))

	w.write("f", "2")
	full := &failAt{op: fsys.OpWrite, errno: unix.ENOSPC, match: func(name string) bool { return name == "f" }}
	res, err := w.try(w.plan(), full.inject)
	if err == nil || res == nil || res.Reports[0].Status != execute.StatusFailed {
		t.Fatalf("on a full disk: %v, %+v", err, res)
	}
	text, err = json.Marshal(res.Reports[0])
	w.ok(err)
	accept("failed", text)
}

func TestReportSchemaRefuses(t *testing.T) {
	check := reportValidator(t)
	w, rep := eventful(t)
	text := string(w.reportText(rep))
	for _, c := range [][2]string{
		{`"phlb-report"`, `"phlb-plan"`}, {`"format_version": "1.0"`, `"format_version": "2.0"`},
		{`"status": "partial"`, `"status": "good"`}, {`"status": "partial"`, `"status": "failed"`},
		{`"plan_id":`, `"plan":`}, {`"name": "home"`, `"name": ""`}, {`"name": "home"`, `"name": null`}, {`"source": "`, `"source": 1, "x": "`},
		{`"snapshot": "home/`, `"snapshot": "`}, {`"parent": "home/`, `"parent": "../x`},
		{`"generation": 2`, `"generation": -1`}, {`"generation": 2`, `"generation": "2"`}, {`"generation": 2,`, ``},
		{`"mkdir": 1`, `"mkdir": 1.5`}, {`"mkdir": 1,`, ``}, {`"link": {`, `"linked": {`},
		{`"path_b64": "`, `"path_b64": "*`}, {`"path_b64": "`, `"path": "x", "path_b64": "`}, {`"path_b64": "`, `"p": "`},
		{`"path": "vanishing"`, `"path": 1`}, {`"vanished": [`, `"vanished": [1,`}, {`"vanished": [`, `"vanished": null, "x": [`},
		{`"unreadable": 0`, `"unlisted": -1, "unreadable": 0`}, {`"link_fallbacks": 1`, `"link_fallbacks": true`},
		{`"pruned": []`, `"pruned": ["home"]`}, {`"durations": {`, `"durations": {"x": "1s",`}, {`"durations": {`, `"durations": {"x": -1,`},
		{`"start": "2`, `"start": "yesterday 2`}, {`"end": "`, `"end": 1, "x": "`},
	} {
		edited := strings.Replace(text, c[0], c[1], 1)
		if edited == text {
			t.Errorf("the report has no %s:\n%s", c[0], text)
		}
		if !json.Valid([]byte(edited)) {
			t.Errorf("%s -> %s: no JSON", c[0], c[1])
		}
		if check([]byte(edited)) == nil {
			t.Errorf("%s -> %s: the schema accepts it", c[0], c[1])
		}
	}
}

// TestReportSchemaKnowsEveryKey: a key that is added to Report is added to
// the schema, and one that may be missing is not required.
func TestReportSchemaKnowsEveryKey(t *testing.T) {
	var schema struct {
		Required   []string
		Properties map[string]any
	}
	if err := json.Unmarshal(execute.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	required := map[string]bool{}
	for _, key := range schema.Required {
		required[key] = true
	}
	fields := reflect.TypeFor[execute.Report]()
	for i := range fields.NumField() {
		key, options, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		if schema.Properties[key] == nil {
			t.Errorf("the schema does not know %q", key)
		}
		if optional := strings.Contains(options, "omit"); required[key] == optional {
			t.Errorf("%q: required %t, optional %t", key, required[key], optional)
		}
	}
	if n := fields.NumField(); n != len(schema.Properties) {
		t.Errorf("the schema knows %d keys of %d", len(schema.Properties), n)
	}
}
