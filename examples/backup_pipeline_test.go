//go:build unix

package examples_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// forge is a CI system as far as the examples need one: jobs run in directories
// of their own, and only files that are handed over go from one to the next.
type forge struct {
	t        *testing.T
	env      []string
	manifest string
	root     string // the backup root
	heard    string // what the forge's tools were called with
	shell    string
}

func newForge(t *testing.T) *forge {
	t.Helper()
	for _, tool := range []string{"sh", "bash", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	path, heard := fakes(t, "gh", "curl")
	f := &forge{
		t: t, manifest: filepath.Join(dir, "m.yaml"), root: filepath.Join(dir, "disk"), heard: heard, shell: "bash",
		env: append(os.Environ(), "PATH="+path, "PHLB="+build(t)),
	}
	f.write(filepath.Join(dir, "src/file"), "text")
	f.write(filepath.Join(dir, "src/other"), "more")
	f.config("{}")
	return f
}

func (f *forge) config(guards string) {
	f.write(f.manifest, "version: 1\ncreate_destination: true\ndestination: disk\nsources: [{name: src, path: src, skip_if_unchanged: true, guards: "+guards+"}]\n")
	f.env = append(f.env, "MANIFEST="+f.manifest)
}

func (f *forge) write(path, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// job runs steps in a fresh checkout, after fetching what another job left.
func (f *forge) job(steps, fetch, env []string) (dir, out string, code int) {
	f.t.Helper()
	dir = f.t.TempDir()
	here, err := filepath.Abs("..")
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(here, "examples"), filepath.Join(dir, "examples")); err != nil {
		f.t.Fatal(err)
	}
	for _, artefact := range fetch {
		if err := os.CopyFS(filepath.Join(dir, filepath.Base(artefact)), os.DirFS(artefact)); err != nil {
			f.t.Fatal(err)
		}
	}
	var all []byte
	for _, step := range steps {
		cmd := exec.Command(f.shell, "-e", "-c", step)
		cmd.Dir, cmd.Env = dir, slices.Concat(f.env, env, []string{"GITHUB_OUTPUT=" + dir + "/output", "GITHUB_STEP_SUMMARY=" + dir + "/page.md"})
		out, err := cmd.CombinedOutput()
		all = append(all, out...)
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return dir, string(all), exit.ExitCode()
		} else if err != nil {
			f.t.Fatal(err)
		}
	}
	return dir, string(all), 0
}

func (f *forge) snapshots() int {
	found, _ := filepath.Glob(filepath.Join(f.root, "src/????-??-??-??????"))
	return len(found)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// value is what NAME=VALUE lines say.
func value(text, name string) string {
	found := ""
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			found = v
		}
	}
	return found
}

// TestGitHubBackup: a pull request, an approved plan, nothing to do, an
// exchanged plan, a guard.
func TestGitHubBackup(t *testing.T) {
	f := newForge(t)
	runs := workflowRuns(t, "pipeline/backup.workflow.yml")
	plan, comment, guard := runs["plan"][:1], runs["plan"][1:2], runs["plan"][2:]
	dir, out, code := f.job(slices.Concat(plan, comment), nil, []string{"PR=7"})
	output := read(t, dir+"/output")
	if code != 0 || value(output, "changes") != "yes" || !strings.Contains(read(t, dir+"/page.md"), "src") || !strings.Contains(read(t, dir+"/plan/plan.html"), "</html>") {
		t.Fatalf("%d %s\n%s", code, output, out)
	}
	if heard := read(t, f.heard); !strings.Contains(heard, "== gh pr comment 7 --edit-last --body-file plan/comment.md") {
		t.Errorf("no comment: %s", heard)
	}
	artefact, sum := []string{dir + "/plan"}, "SHA256="+value(output, "sha256")
	if _, out, code := f.job(runs["apply"], artefact, []string{"SHA256=" + strings.Repeat("0", 64)}); code != 5 || f.snapshots() != 0 {
		t.Errorf("a plan that was not reviewed: %d, %d snapshots\n%s", code, f.snapshots(), out)
	}
	if _, out, code := f.job(runs["apply"], artefact, []string{sum}); code != 0 || f.snapshots() != 1 {
		t.Fatalf("%d, %d snapshots\n%s", code, f.snapshots(), out)
	}
	if _, out, code := f.job(runs["apply"], artefact, []string{sum}); code != 5 {
		t.Errorf("applied twice: %d\n%s", code, out)
	}
	dir, out, code = f.job(plan, nil, nil)
	if output := read(t, dir+"/output"); code != 0 || value(output, "changes") != "no" {
		t.Errorf("nothing to do: %d %s\n%s", code, output, out)
	}
	f.config("{max_deleted_percent: 10}")
	if err := os.Remove(filepath.Join(filepath.Dir(f.manifest), "src/other")); err != nil {
		t.Fatal(err)
	}
	dir, out, code = f.job(slices.Concat(plan, guard), nil, nil)
	if output := read(t, dir+"/output"); code != 4 || value(output, "code") != "4" || value(output, "changes") != "" {
		t.Errorf("a guard: %d %s\n%s", code, output, out)
	}
}

// TestGitLabBackup does the same with GitLab's pipeline.
func TestGitLabBackup(t *testing.T) {
	f := newForge(t)
	var pipeline map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(read(t, "pipeline/backup.gitlab-ci.yml")), &pipeline); err != nil {
		t.Fatal(err)
	}
	var plan, apply struct {
		Script    []string
		Needs     []string
		Rules     []struct{ If, When string }
		Artifacts struct {
			Paths   []string
			Reports struct{ Dotenv string }
		}
	}
	for name, job := range map[string]any{"plan": &plan, "apply": &apply} {
		node := pipeline[name]
		if err := node.Decode(job); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(apply.Needs, []string{"plan"}) || len(apply.Rules) != 2 || apply.Rules[0].When != "never" || apply.Rules[1].When != "manual" ||
		!slices.Equal(plan.Artifacts.Paths, []string{"plan"}) || plan.Artifacts.Reports.Dotenv != "plan.env" {
		t.Errorf("applying waits for nobody: %+v %+v", plan, apply)
	}
	// GitLab runs the lines of a job in one shell.
	script := func(lines []string) []string { return []string{strings.Join(lines, "\n")} }
	merge := []string{"CI_MERGE_REQUEST_IID=3", "CI_PROJECT_ID=9", "CI_API_V4_URL=https://gitlab.example.org/api/v4", "GITLAB_TOKEN=hidden"}
	dir, out, code := f.job(script(plan.Script), nil, merge)
	env := strings.Fields(read(t, dir+"/plan.env"))
	if code != 0 || env[0] != "PLAN_CHANGES=2" {
		t.Fatalf("%d %q\n%s", code, env, out)
	}
	heard := read(t, f.heard)
	call, rest, _ := strings.Cut(heard, "\n")
	if !strings.Contains(call, "--data-urlencode body@plan/comment.md https://gitlab.example.org/api/v4/projects/9/merge_requests/3/notes") ||
		strings.Contains(call, "hidden") || !strings.Contains(rest, "PRIVATE-TOKEN: hidden") {
		t.Errorf("the comment: %s", heard)
	}
	artefact := []string{dir + "/plan"}
	if _, out, code := f.job(script(apply.Script), artefact, slices.Concat(env, []string{"PLAN_SHA256=" + strings.Repeat("0", 64)})); code != 5 || f.snapshots() != 0 {
		t.Errorf("a plan that was not reviewed: %d\n%s", code, out)
	}
	if _, out, code := f.job(script(apply.Script), artefact, env); code != 0 || f.snapshots() != 1 {
		t.Fatalf("%d\n%s", code, out)
	}
	dir, out, code = f.job(script(plan.Script), nil, nil)
	env = strings.Fields(read(t, dir+"/plan.env"))
	if _, again, applied := f.job(script(apply.Script), []string{dir + "/plan"}, env); code != 0 || env[0] != "PLAN_CHANGES=0" || applied != 0 || f.snapshots() != 1 {
		t.Errorf("nothing to do: %d %q\n%s%s", code, env, out, again)
	}
	f.config("{max_deleted_percent: 10}")
	if err := os.Remove(filepath.Join(filepath.Dir(f.manifest), "src/other")); err != nil {
		t.Fatal(err)
	}
	if _, out, code := f.job(script(plan.Script), nil, nil); code != 4 {
		t.Errorf("a guard: %d\n%s", code, out)
	}
}
