package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestProgressFollowsItsSchema: the schema under docs/ is checked against what
// commands write, and against what they would never write.
func TestProgressFollowsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../docs/schema/progress.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(line string) error {
		object, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			return err
		}
		return schema.Validate(object)
	}
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"m.yaml": "version: 1\ndestination: dst\ncreate_destination: true\nsources: [{path: src}]\n", "src/hello": strings.Repeat("x", 2000),
	})
	for _, args := range []string{
		"plan m.yaml", "apply plan.json", "plan m.yaml", "verify dst", "rebuild dst", "repair dst --dry-run", "backup src dst",
	} {
		var events bytes.Buffer
		c := exec.Command(program(t), append(strings.Fields(args), "--progress", "json")...)
		c.Dir, c.Stderr = dir, &events
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, events.String())
		}
		if !strings.HasPrefix(events.String(), `{"format":"phlb-progress"`) {
			t.Errorf("%s: the first object does not say what it is: %s", args, events.String())
		}
		for line := range strings.Lines(events.String()) {
			if err := check(line); err != nil {
				t.Errorf("%s: %s: %v", args, line, err)
			}
		}
	}
	for _, wrong := range []string{
		`{}`, `{"event":"start","time":"2026-11-23T14:00:02Z","phase":"apply"}`,
		`{"event":"begin","time":"2026-11-23T14:00:02Z","phase":"apply","files":0,"bytes":0}`,
		`{"event":"end","time":"2026-11-23T14:00:02Z","phase":"apply","files":0,"bytes":0}`,
		`{"event":"start","time":"2026-11-23T14:00:02Z","phase":"apply","files":0,"bytes":0,"color":"red"}`,
	} {
		if check(wrong) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
}
