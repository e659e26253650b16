//go:build unix

package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// workflowRuns returns the commands of a workflow's jobs.
func workflowRuns(t *testing.T, path string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Environment string
			Needs       string
			Steps       []struct{ Run string }
		}
	}
	if err := yaml.Unmarshal(data, &workflow); err != nil {
		t.Fatal(err)
	}
	if apply := workflow.Jobs["apply"]; apply.Needs != "plan" || apply.Environment == "" {
		t.Errorf("applying waits for no approval: %+v", apply)
	}
	runs := map[string][]string{}
	for name, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if step.Run != "" {
				runs[name] = append(runs[name], step.Run)
			}
		}
	}
	return runs
}

// TestPruningPipeline runs the workflow's own commands: nothing to prune,
// something to prune, approved; a plan that was exchanged is refused.
func TestPruningPipeline(t *testing.T) {
	for _, tool := range []string{"sh", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	runs := workflowRuns(t, "pipeline/prune.workflow.yml")
	dir := t.TempDir()
	manifest, source := filepath.Join(dir, "m.yaml"), filepath.Join(dir, "src")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(source, "file"), "text")
	write(manifest, "version: 1\ncreate_destination: true\ndestination: disk\nsources: [{name: src, path: src, retention: {keep_last: 3}}]\n")
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(here+"/examples", filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	phlb := build(t)
	output := filepath.Join(dir, "output")
	env := append(os.Environ(), "PHLB="+phlb, "MANIFEST="+manifest, "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "page.md"))
	job := func(name string, more ...string) (string, error) {
		var all []byte
		for _, command := range runs[name] {
			cmd := exec.Command("sh", "-e", "-c", command)
			cmd.Dir, cmd.Env = dir, slices.Concat(env, more)
			out, err := cmd.CombinedOutput()
			if all = append(all, out...); err != nil {
				return string(all), err
			}
		}
		return string(all), nil
	}
	outputs := func() string {
		t.Helper()
		text, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	snapshots := func() int {
		found, _ := filepath.Glob(filepath.Join(dir, "disk/src/????-??-??-??????"))
		return len(found)
	}
	for range 3 {
		run(t, nil, phlb, "apply", manifest, "--yes")
	}
	if out, err := job("plan"); err != nil || !strings.Contains(outputs(), "prunes=no") {
		t.Fatalf("%v\n%s\n%s", err, out, outputs())
	}
	write(manifest, "version: 1\ndestination: disk\nsources: [{name: src, path: src, retention: {keep_last: 1}}]\n")
	write(output, "")
	if out, err := job("plan"); err != nil || !strings.Contains(outputs(), "prunes=yes") || !strings.Contains(out, "Prune 2 snapshots") {
		t.Fatalf("%v\n%s\n%s", err, out, outputs())
	}
	_, sum, _ := strings.Cut(strings.TrimSpace(outputs()), "sha256=")
	if out, err := job("apply", "SHA256="+strings.Repeat("0", 64)); fmt.Sprint(err) != "exit status 5" || snapshots() != 3 {
		t.Errorf("a plan that was not reviewed: %v, %d snapshots\n%s", err, snapshots(), out)
	}
	if out, err := job("apply", "SHA256="+sum); err != nil || snapshots() != 1 {
		t.Errorf("%v, %d snapshots\n%s", err, snapshots(), out)
	}
}
