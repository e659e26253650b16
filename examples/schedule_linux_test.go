package examples_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unitValues are the values of a key in a unit, in order.
func unitValues(unit, key string) []string {
	var found []string
	for line := range strings.Lines(unit) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			found = append(found, v)
		}
	}
	return found
}

// TestSystemdUnits: systemd itself judges the units, and the sandbox is as
// tight as it is said to be.
func TestSystemdUnits(t *testing.T) {
	units, err := filepath.Glob("systemd/*@.*")
	if err != nil || len(units) != 5 {
		t.Fatalf("%v, %v", units, err)
	}
	phlb, dir := build(t), t.TempDir()
	var instances []string
	for _, path := range units {
		unit := strings.ReplaceAll(read(t, path), "/usr/bin/phlb ", phlb+" ")
		instance := filepath.Join(dir, strings.Replace(filepath.Base(path), "@.", "@home.", 1))
		for _, name := range []string{instance, filepath.Join(dir, filepath.Base(path))} {
			if err := os.WriteFile(name, []byte(unit), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		instances = append(instances, instance)
	}
	backup := read(t, "systemd/phlb@.service")
	for key, want := range map[string]string{
		"OnFailure": "phlb-failed@%i.service", "ProtectSystem": "strict", "ReadWritePaths": "/mnt/backup", "NoNewPrivileges": "yes",
		"PrivateTmp": "yes", "SuccessExitStatus": "3", "RequiresMountsFor": "/mnt/backup",
	} {
		if got := unitValues(backup, key); len(got) == 0 || got[0] != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := unitValues(read(t, "systemd/phlb@.timer"), "Persistent"); !slices.Equal(got, []string{"yes"}) {
		t.Errorf("a machine that was off makes no backup: %q", got)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip(err)
	}
	run(t, nil, analyze, append([]string{"verify", "--man=no"}, instances...)...)
	for unit, limit := range map[string]string{"phlb@home.service": "30", "phlb-verify@home.service": "20"} {
		help, _ := exec.Command(analyze, "--help").CombinedOutput()
		if !strings.Contains(string(help), "--offline") {
			t.Skip("this systemd-analyze judges no files")
		}
		run(t, nil, analyze, "security", "--offline=true", "--no-pager", "--threshold="+limit, filepath.Join(dir, unit))
	}
}

// TestSystemdCapabilities: with the capabilities that the unit leaves, and no
// others, everything of everybody is stored as it is, pruned and verified.
func TestSystemdCapabilities(t *testing.T) {
	setpriv, err := exec.LookPath("setpriv")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("it takes root, and setpriv")
	}
	phlb, dir := build(t), t.TempDir()
	src, manifest := filepath.Join(dir, "src"), filepath.Join(dir, "m.yaml")
	run(t, nil, "sh", "-e", "-c", `mkdir -p "$0/closed/deep"; cd "$0"
head -c 5000 /dev/urandom >closed/deep/mine; cp closed/deep/mine closed/tool; ln -s closed link
chown -R 1234:5678 closed; chmod 4711 closed/tool; chmod 000 closed/deep/mine; chmod 2500 closed/deep; chmod 500 closed; chown 4321 .`, src)
	text := "version: 1\ncreate_destination: true\ndestination: disk\nsources: [{name: src, path: src, retention: {keep_last: 1}}]\n"
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	within := func(unit string, args ...string) {
		t.Helper()
		list := unitValues(read(t, unit), "CapabilityBoundingSet")[0]
		caps := "-all"
		for name := range strings.FieldsSeq(list) {
			caps += ",+" + strings.ToLower(strings.TrimPrefix(name, "CAP_"))
		}
		run(t, nil, setpriv, append([]string{"--bounding-set", caps, "--no-new-privs", phlb}, args...)...)
	}
	for range 2 { // the second one prunes the first
		within("systemd/phlb@.service", "apply", manifest, "--yes", "--progress", "none")
	}
	within("systemd/phlb-verify@.service", "verify", manifest)
	list := func(dir string) string {
		return run(t, nil, "sh", "-c", `cd "$0" && find . ! -name SHA256SUMS -printf '%p %m %U:%G %l\n' | LC_ALL=C sort`, dir)
	}
	snapshots, err := filepath.Glob(dir + "/disk/src/????-??-??-??????")
	if err != nil || len(snapshots) != 1 {
		t.Fatalf("%v, %v", snapshots, err)
	}
	if want, got := list(src), list(snapshots[0]); want != got {
		t.Errorf("stored is\n%swant\n%s", got, want)
	}
}

var schedule = regexp.MustCompile(`^[0-9*/,-]+ [0-9*/,-]+ [0-9*/,-]+ [0-9*/,-]+ [0-9*/,-]+ root (.*)$`)

// TestCron runs the crontab's commands: what goes well says nothing, what goes
// wrong is mailed.
func TestCron(t *testing.T) {
	phlb, dir := build(t), t.TempDir()
	bin := filepath.Join(dir, "bin")
	for name, content := range map[string]string{
		"home.yaml": "version: 1\ncreate_destination: true\ndestination: disk\nsources: [{name: src, path: src, guards: {max_deleted_percent: 10}}]\n",
		"src/a":     "a", "src/b": "b", "bin/phlb": fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", phlb),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var commands []string
	for line := range strings.Lines(read(t, "cron/phlb")) {
		line = strings.TrimSuffix(line, "\n")
		m := schedule.FindStringSubmatch(line)
		if m == nil && line != "" && line[0] != '#' && !regexp.MustCompile(`^[A-Z]+=[^ ]+$`).MatchString(line) {
			t.Errorf("not understood: %s", line)
		}
		if m != nil {
			// cron makes a newline of a percent sign.
			commands = append(commands, strings.ReplaceAll(strings.ReplaceAll(m[1], "%", "\n"), "/etc/phlb/", dir+"/"))
		}
	}
	if len(commands) != 2 {
		t.Fatalf("%q", commands)
	}
	env := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	for _, command := range commands {
		if mail := run(t, env, "sh", "-c", command); mail != "" {
			t.Errorf("it is mailed although it went well:\n%s", mail)
		}
	}
	if err := os.Remove(filepath.Join(dir, "src/b")); err != nil {
		t.Fatal(err)
	}
	if mail := run(t, env, "sh", "-c", commands[0]); !strings.Contains(mail, "guard tripped") {
		t.Errorf("nobody is told: %s", mail)
	}
}
