package examples_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"
)

// dockerLines are the instructions of the Dockerfile that begin with a word.
func dockerLines(t *testing.T, instruction string) (rest []string) {
	t.Helper()
	for line := range strings.Lines(read(t, "docker/Dockerfile")) {
		if arguments, ok := strings.CutPrefix(strings.TrimSpace(line), instruction+" "); ok {
			rest = append(rest, arguments)
		}
	}
	return rest
}

// TestDockerfile: what is copied into the image is what the build makes, and
// the compiler is new enough for the module.
func TestDockerfile(t *testing.T) {
	from := dockerLines(t, "FROM")
	version := regexp.MustCompile(`(?m)^go (1\.[0-9]+)`).FindStringSubmatch(read(t, "../go.mod"))
	if len(from) != 2 || version == nil || from[0] != "golang:"+version[1]+" AS build" || from[1] != "scratch" {
		t.Errorf("%q, go.mod wants %q", from, version)
	}
	if copied := dockerLines(t, "COPY"); !slices.Contains(copied, "--from=build /phlb /phlb") || dockerLines(t, "ENTRYPOINT")[0] != `["/phlb"]` {
		t.Errorf("%q", copied)
	}
}

// TestDockerImage does by hand what the Dockerfile says, and backs up in a root
// that holds nothing but the program. No container engine is needed for that.
func TestDockerImage(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv("PHLB_LONG_TESTS") == "" {
		t.Skip("it takes root, and PHLB_LONG_TESTS: all is compiled once more, with other options")
	}
	root := t.TempDir()
	runs := dockerLines(t, "RUN")
	build := exec.Command("sh", "-e", "-c", strings.Replace(runs[len(runs)-1], "-o /phlb ", "-o "+root+"/phlb ", 1))
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := elf.Open(root + "/phlb")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program is not static")
		}
	}
	for _, dir := range []string{"tmp", "data", "backup"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/data/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/m.yaml", []byte("version: 1\ndestination: backup\ntimezone: Europe/Berlin\nsources: [{path: data}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"version"}, {"apply", "/m.yaml", "--yes"}, {"backup", "/data", "/backup"}, {"verify", "/backup"}} {
		cmd := exec.Command("/phlb", args...)
		cmd.Env, cmd.Dir, cmd.SysProcAttr = []string{"TZ=America/New_York"}, "/", &syscall.SysProcAttr{Chroot: root}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if found, _ := filepath.Glob(root + "/backup/data/????-??-??-??????"); len(found) != 2 {
		t.Errorf("snapshots: %v", found)
	}
}

// TestKubernetes looks at what a backup depends on, and validates the manifest
// within the manifest.
func TestKubernetes(t *testing.T) {
	var config struct {
		Kind string
		Data map[string]string
	}
	var job struct {
		Kind, APIVersion string
		Spec             struct {
			Schedule          string
			ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
			JobTemplate       struct {
				Spec struct {
					BackoffLimit *int `yaml:"backoffLimit"`
					Template     struct {
						Spec struct {
							RestartPolicy string `yaml:"restartPolicy"`
							Containers    []struct {
								Args            []string
								SecurityContext struct {
									ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
									AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
									Capabilities             struct{ Drop, Add []string }
								} `yaml:"securityContext"`
								VolumeMounts []struct {
									Name, MountPath string
									ReadOnly        bool `yaml:"readOnly"`
								} `yaml:"volumeMounts"`
							}
							Volumes []struct{ Name string }
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	documents := yaml.NewDecoder(strings.NewReader(read(t, "kubernetes/cronjob.yaml")))
	if err := errors.Join(documents.Decode(&config), documents.Decode(&job)); err != nil {
		t.Fatal(err)
	}
	if err := documents.Decode(new(any)); !errors.Is(err, io.EOF) {
		t.Errorf("more than two documents: %v", err)
	}
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	if job.Kind != "CronJob" || job.Spec.ConcurrencyPolicy != "Forbid" || *job.Spec.JobTemplate.Spec.BackoffLimit != 0 || pod.RestartPolicy != "Never" || len(pod.Containers) != 1 {
		t.Fatalf("%+v", job)
	}
	c := pod.Containers[0]
	wanted := unitValues(read(t, "systemd/phlb@.service"), "CapabilityBoundingSet")[0]
	if s := c.SecurityContext; !s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || s.Capabilities.Drop[0] != "ALL" ||
		"CAP_"+strings.Join(s.Capabilities.Add, " CAP_") != wanted {
		t.Errorf("%+v, want %s", s, wanted)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	manifest := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(manifest, []byte(config.Data["manifest.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if shown := run(t, nil, build(t), "validate", manifest, "--show"); !strings.Contains(shown, "destination: /backup\n") || !strings.Contains(shown, "path: /data\n") {
		t.Errorf("%s", shown)
	}
}

// TestAnsible: the playbook is YAML, what it copies is there, and Ansible, where
// it is installed, takes and runs it.
func TestAnsible(t *testing.T) {
	text := read(t, "ansible/playbook.yml")
	var plays []struct {
		Tasks []map[string]any
	}
	if err := yaml.Unmarshal([]byte(text), &plays); err != nil || len(plays) != 1 || len(plays[0].Tasks) != 6 {
		t.Fatalf("%+v, %v", plays, err)
	}
	for _, unit := range regexp.MustCompile(`phlb[a-z-]*@\.(service|timer)`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("systemd", unit)); err != nil {
			t.Error(err)
		}
	}
	ansible, err := exec.LookPath("ansible-playbook")
	if err != nil || os.Getenv("PHLB_LONG_TESTS") == "" {
		t.Skip("it takes ansible-playbook, and PHLB_LONG_TESTS")
	}
	dir := t.TempDir()
	env := append(smallWorld(t), "ANSIBLE_LOCAL_TEMP="+dir+"/local", "ANSIBLE_REMOTE_TEMP="+dir+"/remote")
	for _, sub := range []string{"etc", "units"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var out string
	for range 2 { // the second time there is nothing to do
		out = run(t, env, ansible, "-i", "localhost,", "-c", "local", "ansible/playbook.yml", "-e", "phlb="+build(t), "-e", "phlb_etc="+dir+"/etc",
			"-e", "phlb_units="+dir+"/units", "-e", "phlb_become=false")
	}
	if !regexp.MustCompile(`ok=5 +changed=0 .*failed=0`).MatchString(out) || !bytes.Equal([]byte(read(t, dir+"/etc/home.yaml")), []byte(read(t, "ansible/files/home.yaml"))) {
		t.Errorf("%s", out)
	}
}
