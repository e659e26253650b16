package main

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain lets the test binary be the process between harness and command, as
// the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == meterMode {
		os.Exit(meterMain(os.Args[2:], os.Stdout, os.Stderr))
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestEndToEnd runs the harness as anybody without root can.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this builds phlb and runs it against its peers")
	}
	if !supported || !has("cp") || !has("go") {
		t.Skip("needs Linux, cp and go")
	}
	dir := quickDir(t)
	out := filepath.Join(dir, "result.json")
	err := run(t.Context(), []string{
		"--data", "sample", "--rounds", "1", "--plain", "--dir", dir, "--json", out,
		"--contenders", "phlb,cp,rsync",
	}, io.Discard, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var r report
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	checkReport(t, &r)
	if left, err := filepath.Glob(filepath.Join(dir, "peerbench-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// quickDir is in memory where that is possible: it is not the disk that is
// tested.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "peerbench-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func checkReport(t *testing.T, r *report) {
	t.Helper()
	want := []string{
		"first phlb", "first cp", "again phlb", "again cp", "again cp+small", "day phlb", "day cp",
		"plan phlb", "verify phlb",
	}
	checks := 6
	if has("rsync") {
		want = append(want, "first rsync", "again rsync", "day rsync")
		checks += 3
	}
	for _, name := range want {
		scenario, contender, _ := strings.Cut(name, " ")
		m, ok := find(r.Medians, "sample", scenario, contender)
		if !ok || m.Total.Wall <= 0 || m.Total.CPU <= 0 || m.Total.RSS <= 0 {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if r.Checked != checks || len(r.Failures) > 0 {
		t.Errorf("%d checks passed, want %d; failures: %v", r.Checked, checks, r.Failures)
	}
	if m, _ := find(r.Medians, "sample", first, "cp"); m.Growth.Bytes < 10<<20 || m.Growth.Inodes < 3000 {
		t.Errorf("cp grew the destination by %+v", m.Growth)
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions([]string{"--data", "large,tiny", "-rounds", "2"}, io.Discard)
	if err != nil || !slices.Equal(o.data, []string{"large", "tiny"}) || o.rounds != 2 || !o.wants(scale) || !o.checks(1) || o.checks(2) {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{
		{"--data", "larch"}, {"--scenarios", "first,last"}, {"--rounds", "0"}, {"--check", "some"}, {"large"},
		{"--scale-files", "1"}, {"--scale-files", "1,x"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// TestMissingKernel: what was asked for and is not there is no success.
func TestMissingKernel(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	for _, args := range [][]string{{"--kernel", nowhere}, {"--data", "large,kernel", "--kernel", nowhere}, {"--data", "kernel"}} {
		o, err := parseOptions(args, io.Discard)
		o.kernel = nowhere
		if _, _, missing := datasets(o); err != nil || missing == nil {
			t.Errorf("%q: %v, want an error of the sources", args, err)
		}
	}
	o, err := parseOptions(nil, io.Discard)
	o.kernel = nowhere
	sets, skipped, missing := datasets(o)
	if err != nil || missing != nil || len(skipped) != 1 || len(sets) != 2 {
		t.Errorf("nothing asked for: %d sets, skipped %q; %v, %v", len(sets), skipped, err, missing)
	}
}

func TestCommandErrorsTellWhatHappened(t *testing.T) {
	if !has("sh") {
		t.Skip("needs a shell")
	}
	long := strings.Repeat("x", tailLength)
	err := shell(`echo "$1" >&2; echo the end >&2; exit 3`, long).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sh -c") || !strings.HasSuffix(err.Error(), "the end\n") || len(err.Error()) > 2*tailLength+200 {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := cmd("sh", "-c", "sleep 60").run(ctx); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

func TestSumOfCosts(t *testing.T) {
	sum := cost{Wall: 1, CPU: 2, RSS: 30}.plus(cost{Wall: 10, CPU: 20, RSS: 3})
	if sum != (cost{Wall: 11, CPU: 22, RSS: 30}) {
		t.Errorf("%+v", sum)
	}
}

// TestMeterDoesNotCountTheHarness: a process that is started by a large one
// must not seem to be large.
func TestMeterDoesNotCountTheHarness(t *testing.T) {
	if !supported || !has("true") {
		t.Skip("needs Linux")
	}
	ballast := make([]byte, 200<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := meter{self}.measure(t.Context(), []command{cmd("true"), cmd("true")})
	if err != nil || c.RSS <= 0 || c.RSS > 100 || c.Wall <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := (meter{self}).measure(t.Context(), []command{cmd("sh", "-c", "echo broken >&2; exit 3")}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v", err)
	}
	_ = ballast[len(ballast)-1]
}
