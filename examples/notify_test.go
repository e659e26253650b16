//go:build unix

package examples_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakes puts programs that keep what they are given in front of the PATH.
func fakes(t *testing.T, names ...string) (path, heard string) {
	t.Helper()
	dir := t.TempDir()
	heard = filepath.Join(dir, "heard")
	script := "#!/bin/sh\n{ echo \"== $(basename \"$0\") $*\"; if [ \"${0##*/}\" != notify-send ]; then cat; echo; fi; [ ! -e /dev/fd/3 ] || cat <&3; } >>" + heard + "\n"
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + os.Getenv("PATH"), heard
}

// TestNotify runs the scripts as hooks of backups that go well and that fail.
func TestNotify(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Log("jq is not installed: webhook.sh is tried only with a report")
	}
	phlb, dir := build(t), t.TempDir()
	path, heard := fakes(t, "sendmail", "curl", "notify-send")
	env := []string{"PATH=" + path, "NTFY_URL=https://ntfy.example.org/secret", "WEBHOOK_URL=https://example.org/secret", "MAILTO=ops@example.org"}
	for _, name := range []string{"mail.sh", "ntfy.sh", "webhook.sh", "desktop.sh"} {
		text, err := os.ReadFile(filepath.Join("notify", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	backup := func(hooks, require string) string {
		t.Helper()
		text := "version: 1\ncreate_destination: true\ndestination: disk\nsources: [{name: src, path: src, require: " + require + ", hooks: " + hooks + "}]\n"
		for name, content := range map[string]string{"m.yaml": text, "src/file": "text", "disk/.keep": ""} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_ = os.Remove(heard)
		cmd := exec.Command(phlb, "apply", filepath.Join(dir, "m.yaml"), "--yes")
		cmd.Env = append(os.Environ(), env...)
		out, _ := cmd.CombinedOutput() // a tripped guard is an error, and meant to be
		told, err := os.ReadFile(heard)
		if err != nil || strings.Contains(string(out), "hook failed") {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(told)
	}
	expect := func(told string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(told, w) {
				t.Errorf("%q is missing in\n%s", w, told)
			}
		}
	}
	failing := "{min_files: 5}"
	expect(backup(`{on_error: ["sh ./mail.sh"]}`, failing), "== sendmail -t", "\nTo: ops@example.org\nSubject: phlb on ", ": failed of src (exit code 4)\n", "\n\nguard tripped:", "snapshot: none")
	expect(backup(`{after: ["sh ./mail.sh"]}`, "{}"), ": complete of src (exit code 0)\n", "1 files, 1 of them copied (4 bytes)", "-backup.log")
	expect(backup(`{on_error: ["sh ./ntfy.sh"]}`, failing), "== curl ", "Priority: high", "guard tripped", `url = "https://ntfy.example.org/secret"`)
	expect(backup(`{on_error: ["sh ./desktop.sh"]}`, failing), "== notify-send ", "--urgency=critical", "Backup of src: failed")
	told := backup(`{after: ["sh ./webhook.sh"]}`, "{}")
	expect(told, `"format": "phlb-report"`, `url = "https://example.org/secret"`)
	if first, _, _ := strings.Cut(told, "\n"); strings.Contains(first, "secret") {
		t.Errorf("the URL stands among the arguments: %s", first)
	}
	if _, err := exec.LookPath("jq"); err == nil {
		told := backup(`{on_error: ["sh ./webhook.sh"]}`, failing)
		_, document, _ := strings.Cut(told, "\n")
		var got struct {
			Error string
			Code  int `json:"exit_code"`
		}
		if err := json.NewDecoder(strings.NewReader(document)).Decode(&got); err != nil || got.Code != 4 || got.Error == "" {
			t.Errorf("%v: %s", err, told)
		}
	}
}
