//go:build unix

package hook

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// try runs commands and returns what was logged of them, without times.
func try(t *testing.T, commands []string, f Facts, change ...func(*Options)) (log string, err error) {
	t.Helper()
	var b bytes.Buffer
	o := Options{Dir: t.TempDir(), Environ: os.Environ(), Log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	for _, c := range change {
		c(&o)
	}
	err = Run(t.Context(), commands, &f, o)
	return b.String(), err
}

// TestEnvironment: the variables are what scripts rely on.
func TestEnvironment(t *testing.T) {
	facts := []Facts{
		{When: Before, Name: "home", Source: "/home/me", Destination: "/mnt/backup", Manifest: "/etc/phlb.yaml"},
		{
			When: After, Name: "hosts/web1", Source: "/srv/a b", Destination: "/", Manifest: "/etc/phlb.yaml",
			PlanID: "45ede98d-6c3c-4ee0-aa1e-e019577738e4", Parent: "hosts/web1/2026-11-22-140000", Snapshot: "hosts/web1/2026-11-23-140000",
			Status: "partial", Report: "/hosts/web1/2026-11-23-140000-report.json", Log: "/hosts/web1/2026-11-23-140000-backup.log", ExitCode: 3,
			Counts: Counts{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		},
		{When: OnError, Name: "home", Status: "failed", Error: "two\nlines\x00", ExitCode: 4},
	}
	var got strings.Builder
	for _, f := range facts {
		cmd := exec.Command("/bin/sh", "-c", `env -0 | tr '\n\0' '|\n' | grep ^PHLB_ | LC_ALL=C sort`)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PHLB_SNAPSHOT=left/over", "PHLB_OWN=kept"}, f.Environment()...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "# %s\n%s", f.When, out)
	}
	golden := filepath.Join("testdata", "environment.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

// TestEnvironmentDocumented: docs/hooks.md tells of every variable.
func TestEnvironmentDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range (&Facts{}).Environment() {
		name, _, _ := strings.Cut(v, "=")
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
}

func TestRun(t *testing.T) {
	facts := Facts{When: Before, Name: "home"}
	for _, tc := range []struct {
		name     string
		commands []string
		log      string
		err      string
	}{
		{"none", nil, "", ""},
		{
			"output", []string{`echo "$PHLB_NAME"; echo "two words" >&2; printf 'no end\r'`},
			`level=INFO msg="run hook" hook=before source=home command="echo \"$PHLB_NAME\"; echo \"two words\" >&2; printf 'no end\\r'"
level=INFO msg="hook output" hook=before source=home text=home
level=INFO msg="hook output" hook=before source=home text="two words"
level=INFO msg="hook output" hook=before source=home text="no end"
`, "",
		},
		{
			"first failure ends", []string{"echo a; exit 3", "echo b"},
			`level=INFO msg="run hook" hook=before source=home command="echo a; exit 3"
level=INFO msg="hook output" hook=before source=home text=a
level=ERROR msg="hook failed" hook=before source=home command="echo a; exit 3" error="exit status 3"
`, "hook before of home: echo a; exit 3: exit status 3\n  a",
		},
		{
			"unknown command", []string{"/nowhere/x 2>/dev/null"},
			`level=INFO msg="run hook" hook=before source=home command="/nowhere/x 2>/dev/null"
level=ERROR msg="hook failed" hook=before source=home command="/nowhere/x 2>/dev/null" error="exit status 127"
`, "hook before of home: /nowhere/x 2>/dev/null: exit status 127",
		},
		{
			"no input", []string{"read x && echo got $x; printf '\\377\\n'"},
			`level=INFO msg="run hook" hook=before source=home command="read x && echo got $x; printf '\\377\\n'"
level=INFO msg="hook output" hook=before source=home text="` + "\uFFFD" + `"
`, "",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log, err := try(t, tc.commands, facts)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tc.log, log) + cmp.Diff(tc.err, text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDirectory: commands run where the manifest lies.
func TestDirectory(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log, err := try(t, []string{"pwd -P"}, Facts{}, func(o *Options) { o.Dir = dir })
	if err != nil || !strings.Contains(log, "text="+dir+"\n") {
		t.Errorf("%v\n%s", err, log)
	}
	if _, err := try(t, []string{"pwd"}, Facts{}, func(o *Options) { o.Dir = dir + "/none" }); err == nil {
		t.Error("ran nowhere")
	}
}

// TestMuchOutput: a log takes so much, and an error shows the end.
func TestMuchOutput(t *testing.T) {
	log, err := try(t, []string{"head -c 3000000 /dev/zero | tr '\\0' x; for i in $(seq 30000); do echo line $i of many that are printed; done; exit 1"}, Facts{})
	var failed *Error
	if !errors.As(err, &failed) || len(failed.Tail) != tailLines || failed.Tail[9] != "line 30000 of many that are printed" {
		t.Errorf("%+v", failed)
	}
	if len(log) > 5*maxOutput || strings.Count(log, "prints more than is logged") != 1 {
		t.Errorf("%d bytes were logged", len(log))
	}
}

// ended checks that none of the processes that a command has named is left.
func ended(t *testing.T, dir string) {
	t.Helper()
	pids, err := filepath.Glob(dir + "/pid.*")
	if err != nil || len(pids) == 0 {
		t.Fatalf("no process: %v", err)
	}
	for _, file := range pids {
		pid := strings.TrimPrefix(filepath.Base(file), "pid.")
		for deadline := time.Now().Add(5 * time.Second); alive(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("process %s lives", pid)
				break
			}
		}
	}
}

func alive(pid string) bool {
	return exec.Command("/bin/sh", "-c", `kill -0 "$0" && ! ps -o stat= -p "$0" | grep -q Z`, pid).Run() == nil
}

const stubborn = `trap '' TERM; : > pid.$$; (trap '' TERM; sh -c ': > pid.$$; exec sleep 60') & while :; do sleep 60; done`

func TestTimeout(t *testing.T) {
	for name, command := range map[string]string{
		"willing":  `: > pid.$$; sleep 60`,
		"stubborn": stubborn,
	} {
		t.Run(name, func(t *testing.T) {
			var dir string
			began := time.Now()
			_, err := try(t, []string{command}, Facts{When: After, Name: "x"}, func(o *Options) {
				o.Timeout, o.Grace = 200*time.Millisecond, 100*time.Millisecond
				dir = o.Dir
			})
			if !errors.Is(err, ErrTimeout) || !strings.Contains(err.Error(), "it took longer than its timeout of 200ms") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("it took %v", took)
			}
			ended(t, dir)
		})
	}
	if _, err := try(t, []string{"sleep 0.1"}, Facts{}, func(o *Options) { o.Timeout = 0 }); err != nil {
		t.Errorf("without a timeout: %v", err)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	go func() {
		for {
			if pids, _ := filepath.Glob(dir + "/pid.*"); len(pids) == 2 {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	o := Options{Dir: dir, Environ: os.Environ(), Log: slog.New(slog.DiscardHandler), Grace: 100 * time.Millisecond}
	err := Run(ctx, []string{stubborn}, &Facts{}, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ended(t, dir)
	if err := Run(ctx, []string{": > began"}, &Facts{}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(dir + "/began"); err == nil {
		t.Error("a command was run after the interrupt")
	}
}

// TestLeftRunning: what a hook starts in the background lives on.
func TestLeftRunning(t *testing.T) {
	dir := t.TempDir()
	_, err := try(t, []string{"(sleep 1; : > late) >/dev/null 2>&1 &"}, Facts{}, func(o *Options) { o.Dir = dir })
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(dir + "/late"); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it was ended")
		}
	}
}
