//go:build unix

package examples_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestFleet runs the workflow's own steps for three hosts: planned on each,
// approved once, applied on all at the same time.
func TestFleet(t *testing.T) {
	f := newForge(t)
	var workflow struct {
		Jobs map[string]struct {
			Environment string
			Needs       yaml.Node
			Strategy    struct{ Matrix struct{ Host []string } }
			Steps       []struct{ Run string }
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "fleet/fleet.workflow.yml")), &workflow); err != nil {
		t.Fatal(err)
	}
	steps := func(job string) (runs []string) {
		for _, s := range workflow.Jobs[job].Steps {
			if s.Run != "" {
				runs = append(runs, s.Run)
			}
		}
		return runs
	}
	hosts := workflow.Jobs["plan"].Strategy.Matrix.Host
	var needs []string
	apply := workflow.Jobs["apply"]
	if err := apply.Needs.Decode(&needs); err != nil || !slices.Contains(needs, "approve") || workflow.Jobs["approve"].Environment == "" ||
		len(hosts) != 3 || !slices.Equal(hosts, apply.Strategy.Matrix.Host) {
		t.Fatalf("nobody approves: %+v (%v)", workflow, err)
	}
	manifest, err := filepath.Abs("fleet/fleet.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	env := func(host string) []string {
		return []string{"MANIFEST=" + manifest, "HOST=" + host, "FLEET_DATA=" + filepath.Join(dir, host), "PHLB_DISK=" + dir}
	}
	for _, host := range hosts {
		f.write(filepath.Join(dir, host, "shared"), strings.Repeat("the same on all hosts\n", 100))
		f.write(filepath.Join(dir, host, "own"), "of "+host)
	}
	planned := func() (plans string) {
		t.Helper()
		plans = filepath.Join(t.TempDir(), "plans")
		for _, host := range hosts {
			at, out, code := f.job(steps("plan"), nil, env(host))
			if code != 0 {
				t.Fatalf("plan %s: %d\n%s", host, code, out)
			}
			if err := os.CopyFS(plans, os.DirFS(at+"/plans")); err != nil {
				t.Fatal(err)
			}
		}
		return plans
	}
	reviewed := func(plans string) (artefact, sum string) {
		t.Helper()
		at, out, code := f.job(steps("review"), []string{plans}, nil)
		if code != 0 {
			t.Fatalf("review: %d\n%s", code, out)
		}
		return at + "/plans", "SHA256=" + value(read(t, at+"/output"), "sha256")
	}
	// A plan that begins a root is refused once another one has begun it.
	run(t, env("web2"), build(t), "apply", manifest, "--source", "hosts/web2", "--yes")
	f.write(filepath.Join(dir, "web2", "more"), "more")
	artefact, sum := reviewed(planned())
	if text := read(t, artefact+"/summary.md"); !strings.Contains(text, "hosts/web1") || !strings.Contains(text, "hosts/db") {
		t.Errorf("the summary: %s", text)
	}
	if _, out, code := f.job(steps("apply"), []string{artefact}, append(env("db"), "SHA256=0")); code != 5 {
		t.Errorf("a list that was not approved: %d\n%s", code, out)
	}
	var all sync.WaitGroup
	for _, host := range hosts {
		all.Go(func() {
			if _, out, code := f.job(steps("apply"), []string{artefact}, append(env(host), sum)); code != 0 {
				t.Errorf("apply %s: %d\n%s", host, code, out)
			}
		})
	}
	all.Wait()
	run(t, nil, build(t), "verify", filepath.Join(dir, "fleet"))

	// The next day: one host has nothing new, one lost most of its files, one
	// has a change, and one plan is exchanged on the way.
	f.write(filepath.Join(dir, "web1", "own"), "changed")
	for _, name := range []string{"shared", "own"} {
		if err := os.Remove(filepath.Join(dir, "db", name)); err != nil {
			t.Fatal(err)
		}
	}
	f.write(filepath.Join(dir, "db", "ransom"), "note")
	artefact, sum = reviewed(planned())
	if text := read(t, artefact+"/summary.md"); !strings.Contains(text, "**db**: a guard tripped") {
		t.Errorf("the summary: %s", text)
	}
	if _, out, code := f.job(steps("apply"), []string{artefact}, append(env("db"), sum)); code != 0 || !strings.Contains(out, "nothing is approved for db") {
		t.Errorf("what no one approved is applied: %d\n%s", code, out)
	}
	other := read(t, artefact+"/web2/plan.json")
	genuine := read(t, artefact+"/web1/plan.json")
	f.write(artefact+"/web1/plan.json", other)
	if _, out, code := f.job(steps("apply"), []string{artefact}, append(env("web1"), sum)); code != 5 {
		t.Errorf("an exchanged plan: %d\n%s", code, out)
	}
	f.write(artefact+"/web1/plan.json", genuine)
	if _, out, code := f.job(steps("apply"), []string{artefact}, append(env("web1"), sum)); code != 0 {
		t.Errorf("web1: %d\n%s", code, out)
	}
	for host, want := range map[string]int{"web1": 2, "web2": 2, "db": 1} {
		if found, _ := filepath.Glob(filepath.Join(dir, "fleet/hosts", host, "????-??-??-??????")); len(found) != want {
			t.Errorf("%s has %d snapshots, want %d", host, len(found), want)
		}
	}
}
