//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// listener is what pings go to.
type listener struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
}

// listen starts a service; answer may be nil.
func listen(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *listener {
	t.Helper()
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		l.heard = append(l.heard, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(text)))
		l.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// take returns what was heard since the last time, sorted where calls go out
// at the same time.
func (l *listener) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Join(l.heard, "\n")
	l.heard = nil
	return all
}

// pinged is a directory with a manifest whose sources tell the URL.
func pinged(t *testing.T, hooks string) (run func(args ...string) (code int, stderr string), dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, sub := range []string{"src", "dst", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text := "version: 1\ndestination: dst\ndefaults:\n  hooks: " + hooks + "\nsources:\n- path: src\n- {path: src, name: other}\n- {path: empty, name: guarded}\n"
	for name, content := range map[string]string{"m.yaml": text, "src/a": "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(args ...string) (int, string) {
		t.Helper()
		var stderr bytes.Buffer
		cmd := exec.Command(program(t), args...)
		cmd.Dir, cmd.Stderr = dir, &stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), stderr.String()
	}, dir
}

// TestPings: a URL is told once a run, of its begin and of what it came to,
// where hooks run and nowhere else.
func TestPings(t *testing.T) {
	l := listen(t, nil)
	run, dir := pinged(t, "{ping: '"+l.URL+"/secret', timeout: 10s}")
	two := []string{"--source", "src", "--source", "other"}
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"both", slices.Concat([]string{"apply", "m.yaml", "--yes", "--verbosity", "debug"}, two), 0, "GET /secret/start\nGET /secret"},
		{"plan", slices.Concat([]string{"plan", "m.yaml", "--hooks"}, two), 0, ""},
		{"plan applied without hooks", []string{"apply", "plan.json"}, 0, ""},
		{"planned again", slices.Concat([]string{"plan", "m.yaml"}, two), 0, ""},
		{"with hooks", []string{"apply", "plan.json", "--hooks", "m.yaml"}, 0, "GET /secret/start\nGET /secret"},
		{"refused", []string{"apply", "plan.json", "--hooks", "m.yaml"}, 5, "GET /secret/start\nPOST /secret/fail src: "},
		{"a guard", []string{"apply", "m.yaml", "--yes"}, 4, "GET /secret/start\nPOST /secret/fail src: guard tripped:"},
		{"no manifest", []string{"backup", "src", "dst", "--name", "third"}, 0, ""},
	} {
		code, stderr := run(c.args...)
		got := l.take()
		if code != c.code || !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %d, heard %q, want %d, %q\n%s", c.name, code, got, c.code, c.want, stderr)
		}
		if strings.Contains(stderr, "secret") {
			t.Errorf("%s: the URL is shown:\n%s", c.name, stderr)
		}
	}
	plan, err := os.ReadFile(filepath.Join(dir, "plan.json"))
	if err != nil || strings.Contains(string(plan), "secret") || strings.Contains(string(plan), l.URL) {
		t.Errorf("the plan shows the URL (%v)", err)
	}
}

// TestPingsAreOfTheirSources: each URL hears of its own sources alone, and a
// hook that fails is a failure.
func TestPingsAreOfTheirSources(t *testing.T) {
	l := listen(t, nil)
	run, dir := pinged(t, "{ping: '"+l.URL+"/all'}")
	text := strings.NewReplacer("- {path: src, name: other}", "- {path: src, name: other, hooks: {ping: '"+l.URL+"/other', after: ['exit 7']}}",
		"- {path: empty, name: guarded}\n", "").Replace(string(must(os.ReadFile(filepath.Join(dir, "m.yaml")))))
	if err := os.WriteFile(filepath.Join(dir, "m.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stderr := run("apply", "m.yaml", "--yes")
	heard := strings.Split(l.take(), "\n")
	slices.Sort(heard)
	want := []string{"GET /all", "GET /all/start", "GET /other/start", "POST /other/fail other: hook after of other: exit 7: exit status 7"}
	if code != 1 || !slices.Equal(heard, want) {
		t.Errorf("%d, %q, want %q\n%s", code, heard, want, stderr)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestPingFails: a service that hangs or refuses is warned of, and changes
// nothing.
func TestPingFails(t *testing.T) {
	l := listen(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			select { // until phlb hangs up, which it does when the run is over
			case <-r.Context().Done():
			case <-time.After(20 * time.Second):
			}
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	run, _ := pinged(t, "{ping: '"+l.URL+"/secret'}")
	began := time.Now()
	code, stderr := run("apply", "m.yaml", "--yes", "--source", "src")
	if code != 0 || !strings.Contains(stderr, "answered 404 Not Found") || strings.Contains(stderr, "secret") || strings.Count(stderr, "a ping failed") != 1 {
		t.Errorf("%d\n%s", code, stderr)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestPingOfAnInterrupt: the service hears of it.
func TestPingOfAnInterrupt(t *testing.T) {
	l := listen(t, nil)
	dir := hookDirs(t, "before")
	path := filepath.Join(dir, "m.yaml")
	text := strings.ReplaceAll(string(must(os.ReadFile(path))), "on_error: [", fmt.Sprintf("ping: '%s/x', on_error: [", l.URL))
	text = strings.Replace(text, "      ping: '"+l.URL+"/x', ", "      ping: '"+l.URL+"/x'\n      ", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := interruptHook(t, dir, "apply", "m.yaml", "--yes")
	if heard := l.take(); code != codeInterrupted || !strings.HasPrefix(heard, "GET /x/start\nPOST /x/fail src: hook before of src: ") || !strings.Contains(heard, "\nother: ") {
		t.Errorf("%d, heard %q\n%s", code, heard, out)
	}
}
