package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"phlb/internal/retain"
)

const testPath = "/etc/phlb/m.yaml"

// env is an environment of a few variables.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v, true
			}
		}
		return "", false
	}
}

// equal compares manifests but for where something came from.
func equal() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() }),
		cmpopts.IgnoreFields(Manifest{}, "SHA256"),
		cmpopts.IgnoreFields(Source{}, "Pos", "Origins"),
		cmpopts.IgnoreFields(Pattern{}, "Pos", "Builtin"),
		cmpopts.EquateEmpty(),
	}
}

func mustParse(t *testing.T, text string, o Options) *Manifest {
	t.Helper()
	m, err := Parse([]byte(text), testPath, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// around puts a source's keys, one a line, into an otherwise valid manifest,
// where the first of them stands in line 5.
func around(keys string) string {
	return "version: 1\ndestination: /b\nsources:\n  - path: /home/me\n" + indent(keys, "    ")
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}

func texts(patterns []Pattern) string {
	var s []string
	for _, p := range patterns {
		s = append(s, p.Text)
	}
	return strings.Join(s, " ")
}

const builtin = "__pycache__/ .cache/ .temp/ .tmp/ .tox/ .nox/"

func TestDefaults(t *testing.T) {
	m := mustParse(t, "version: 1\ndestination: /b\nsources: [{path: /home/me}]\n", Options{})
	want := &Manifest{
		Path: testPath, Version: 1, Destination: "/b", Timezone: "Local", Location: time.Local,
		Sources: []Source{{Name: "me", Path: "/home/me", Settings: Settings{
			Excludes: builtinExcludes(), OneFileSystem: true, ChangeDetection: DetectMetadata,
			LinkMatch: MatchPermissions, SmallFiles: SmallFilesCopy, SmallFileThreshold: 1000,
		}, Hooks: Hooks{Timeout: time.Hour}}},
	}
	if diff := cmp.Diff(want, m, equal()); diff != "" {
		t.Error(diff)
	}
	if got := texts(m.Sources[0].Excludes); got != builtin {
		t.Errorf("built-in excludes are %s", got)
	}
	if p := m.Sources[0].Pos; p != (Position{testPath, 3, 11}) {
		t.Errorf("the source stands at %v", p)
	}
}

func TestEveryKey(t *testing.T) {
	m := mustParse(t, `version: 1
destination: ../backup/
create_destination: true
destination_require: {mountpoint: true, sentinel: .this/disk}
root_id: 7F0C0000-1111-2222-3333-444455556666
timezone: Europe/Berlin
workers: 4
sources:
  - name: hosts/web1
    path: data/./x/
    excludes: [.venv/, "*.iso", "/Downloads/**/*.part", "!keep.iso"]
    exclude_if_present: [.nobackup]
    exclude_caches: true
    max_file_size: 2GiB
    one_file_system: false
    change_detection: mtime
    link_match: content
    small_files: link
    small_file_threshold: 10 kB
    require: {mountpoint: true, sentinel: .mounted, min_files: 10}
    guards: {max_deleted_percent: 20, max_changed_percent: 12.5, min_free: 1.5GiB}
    skip_if_unchanged: true
    retention: {keep_last: 3, keep_within: 2d12h, keep_hourly: 24, keep_daily: 7, keep_weekly: 5, keep_monthly: 12, keep_yearly: 3,
      keep_within_hourly: 1d, keep_within_daily: 90d, keep_within_weekly: 1y, keep_within_monthly: 2y5m7d3h, keep_within_yearly: 9y}
    hooks: {before: ["a ${HOME}"], after: ["b", "c"], on_error: [d]}
`, Options{})
	deleted, changed, free := 20.0, 12.5, int64(1536<<20)
	excludes := builtinExcludes()
	for _, p := range []string{".venv/", "*.iso", "/Downloads/**/*.part", "!keep.iso"} {
		excludes = append(excludes, Pattern{Text: p})
	}
	want := &Manifest{
		Path: testPath, Version: 1, Destination: "/etc/backup", CreateDestination: true,
		DestinationRequire: DestinationRequire{true, ".this/disk"},
		RootID:             "7f0c0000-1111-2222-3333-444455556666",
		Timezone:           "Europe/Berlin", Location: time.FixedZone("Europe/Berlin", 0), Workers: 4,
		Sources: []Source{{
			Name: "hosts/web1", Path: "/etc/phlb/data/x",
			Settings: Settings{
				Excludes: excludes, ExcludeIfPresent: []string{".nobackup"}, ExcludeCaches: true,
				MaxFileSize: 2 << 30, ChangeDetection: DetectMtime, LinkMatch: MatchContent,
				SmallFiles: SmallFilesLink, SmallFileThreshold: 10000,
				Require: Require{true, ".mounted", 10}, Guards: Guards{&deleted, &changed, &free},
				SkipIfUnchanged: true,
				Retention: &retain.Policy{
					KeepLast: 3, KeepHourly: 24, KeepDaily: 7, KeepWeekly: 5, KeepMonthly: 12, KeepYearly: 3,
					KeepWithin: retain.Span{Days: 2, Hours: 12}, KeepWithinHourly: retain.Span{Days: 1},
					KeepWithinDaily: retain.Span{Days: 90}, KeepWithinWeekly: retain.Span{Years: 1},
					KeepWithinMonthly: retain.Span{Years: 2, Months: 5, Days: 7, Hours: 3}, KeepWithinYearly: retain.Span{Years: 9},
				},
			},
			Hooks: Hooks{Before: []string{"a ${HOME}"}, After: []string{"b", "c"}, OnError: []string{"d"}, Timeout: time.Hour},
		}},
	}
	if diff := cmp.Diff(want, m, equal()); diff != "" {
		t.Error(diff)
	}
	if p := m.Sources[0].Excludes[7]; p.Pos != (Position{testPath, 11, 24}) || p.Builtin {
		t.Errorf("*.iso is %+v", p)
	}
	if !m.Sources[0].Excludes[5].Builtin {
		t.Error(".nox/ is not marked as built in")
	}
}

// TestMerging: excludes add up, mappings are overridden key by key, everything
// else is replaced; a zero switches off.
func TestMerging(t *testing.T) {
	for _, c := range []struct {
		name, defaults, source string
		got                    func(Source) any
		want                   any
	}{
		{"excludes add up", "excludes: [d]", "excludes: [s]", func(s Source) any { return texts(s.Excludes) }, builtin + " d s"},
		{"source replaces", "excludes: [d]", "excludes: [s]\nexcludes_replace: true", func(s Source) any { return texts(s.Excludes) }, "s"},
		{"source replaces by nothing", "excludes: [d]", "excludes_replace: true", func(s Source) any { return texts(s.Excludes) }, ""},
		{"defaults replace", "excludes_replace: true\nexcludes: [d]", "excludes: [s]", func(s Source) any { return texts(s.Excludes) }, "d s"},
		{"replace is not inherited", "excludes_replace: true", "excludes_replace: false\nexcludes: [s]", func(s Source) any { return texts(s.Excludes) }, "s"},
		{"other lists replace", "exclude_if_present: [a, b]", "exclude_if_present: [c]", func(s Source) any { return strings.Join(s.ExcludeIfPresent, " ") }, "c"},
		{"an empty list switches off", "exclude_if_present: [a, b]", "exclude_if_present: []", func(s Source) any { return len(s.ExcludeIfPresent) }, 0},
		{"scalar inherited", "one_file_system: false", "exclude_caches: true", func(s Source) any { return s.OneFileSystem }, false},
		{"scalar overridden", "one_file_system: false", "one_file_system: true", func(s Source) any { return s.OneFileSystem }, true},
		{"size switched off", "max_file_size: 1GB", "max_file_size: 0", func(s Source) any { return s.MaxFileSize }, int64(0)},
		{"require by key", "require: {mountpoint: true, sentinel: a, min_files: 3}", "require: {sentinel: \"\", min_files: 4}", func(s Source) any { return s.Require }, Require{true, "", 4}},
		{"guards by key", "guards: {max_deleted_percent: 20, min_free: 1GB}", "guards: {min_free: 0}", func(s Source) any { return fmt.Sprint(*s.Guards.MaxDeletedPercent, s.Guards.MinFree) }, "20 <nil>"},
		{"retention by key", "retention: {keep_last: 3, keep_daily: 7, keep_within: 2d}", "retention: {keep_daily: 0, keep_within: 3d}", func(s Source) any { return *s.Retention }, retain.Policy{KeepLast: 3, KeepWithin: retain.Span{Days: 3}}},
		{"retention switched off", "retention: {keep_last: 3}", "retention: {keep_last: 0}", func(s Source) any { return s.Retention == nil }, true},
		{"an empty retention is none", "retention: {}", "exclude_caches: true", func(s Source) any { return s.Retention == nil }, true},
		{"hooks by key", "hooks: {before: [a], after: [b]}", "hooks: {after: [c, d], on_error: []}", func(s Source) any { return fmt.Sprint(s.Hooks) }, "{[a] [c d] [] 1h0m0s }"},
		{"timeout of hooks", "hooks: {before: [a], timeout: 90s}", "hooks: {timeout: 1h30m}", func(s Source) any { return fmt.Sprint(s.Hooks) }, "{[a] [] [] 1h30m0s }"},
		{"no timeout of hooks", "hooks: {timeout: 90s}", "hooks: {timeout: 0}", func(s Source) any { return fmt.Sprint(s.Hooks) }, "{[] [] [] 0s }"},
		{"ping inherited", "hooks: {ping: https://example.org/x}", "hooks: {timeout: 0}", func(s Source) any { return s.Hooks.Ping }, "https://example.org/x"},
		{"ping switched off", "hooks: {ping: https://example.org/x}", "hooks: {ping: \"\"}", func(s Source) any { return s.Hooks.Ping }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			// defaults stand last, which must not matter; the second source
			// shows whether the first one changed what is inherited.
			m := mustParse(t, around(c.source+"\nname: one")+"  - path: /other\ndefaults:\n"+indent(c.defaults, "  "), Options{})
			if got := c.got(m.Sources[0]); !cmp.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			alone := mustParse(t, "version: 1\ndestination: /b\nsources: [{path: /other}]\ndefaults:\n"+indent(c.defaults, "  "), Options{})
			if diff := cmp.Diff(alone.Sources[0], m.Sources[1], equal()); diff != "" {
				t.Errorf("the first source changed the second: %s", diff)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	for _, text := range []string{
		"version: 1\ndestination: /b\nsources: [{path: /a}]\n...\n",
		"# comment\n---\nversion: 1\ndestination: /b\nsources: [{path: /a}]\n",
		"\uFEFFversion: 1\r\ndestination: /b\r\nsources: [{path: /a}]\r\n",
		"version: !!int 1\ndestination: !!str /b\nsources: [{path: /a}]\n",
		// One path may be two sources; one name may lie beside its parent.
		"version: 1\ndestination: /b\nsources: [{path: /a, name: hosts}, {path: /a, name: hosts/web1}]\n",
		// A prefix of a path's text is not a parent.
		"version: 1\ndestination: /backup\nsources: [{path: /back}, {path: /backup2}]\n",
		"version: 1\ndestination: /b\nsources: [{path: /a, name: 2026-11-23}]\n",
		around("excludes: &e [a, b]\nexclude_if_present: *e"),
		around("excludes: [2026-01-01, 'a b', '#x']"),
		around("exclude_caches: True"),
		around("guards: {max_deleted_percent: 0.5, max_changed_percent: 100}"),
	} {
		if _, err := Parse([]byte(text), testPath, Options{}); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

func TestVariables(t *testing.T) {
	m := mustParse(t, `version: ${ONE}
destination: ${ROOT}/backup
workers: "${N}"
timezone: "${TZ:-UTC}"
defaults:
  excludes: ["$${literal}/", "${DIR:-x y}/", "$HOME", "${EMPTY}z"]
sources:
  - path: "/${NAME}"
    exclude_caches: "${ON}"
    max_file_size: ${SIZE}
    guards: {max_deleted_percent: "${N}", min_free: "${N}"}
    change_detection: "${HOW:-content}"
    retention: {keep_last: "${N}"}
    hooks: {before: ["echo ${HOME} $${X}"]}
`, Options{Getenv: env("ONE=1", "ROOT=/mnt", "N=7", "NAME={a: [b", "ON=true", "SIZE=2GiB", "EMPTY=", "TZ=")})
	s := m.Sources[0]
	got := fmt.Sprint(m.Destination, m.Workers, m.Timezone, s.Path, s.Name, s.ExcludeCaches, s.MaxFileSize,
		*s.Guards.MaxDeletedPercent, *s.Guards.MinFree, s.ChangeDetection, s.Retention.KeepLast, s.Hooks.Before)
	const want = "/mnt/backup7UTC/{a: [b{a: [btrue2147483648 7 7content7[echo ${HOME} $${X}]"
	if strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := texts(s.Excludes); got != builtin+" ${literal}/ x y/ $HOME z" {
		t.Errorf("excludes are %s", got)
	}
}

func TestDefaultName(t *testing.T) {
	text := "version: 1\ndestination: /b\nsources: [{path: /home/me}]\n"
	for _, c := range []struct {
		resolved string
		err      error
		want     string
	}{{"/srv/real", nil, "real"}, {"", errors.New("no such file"), "me"}} {
		m := mustParse(t, text, Options{ResolveSymlinks: func(p string) (string, error) {
			if p != "/home/me" {
				t.Errorf("resolved %q", p)
			}
			return c.resolved, c.err
		}})
		if m.Sources[0].Name != c.want || m.Sources[0].Path != "/home/me" {
			t.Errorf("got %q of %q, want %q", m.Sources[0].Name, m.Sources[0].Path, c.want)
		}
	}
	_, err := Parse([]byte("version: 1\ndestination: /b\nsources: [{path: /x, name: y}]\n"), testPath, Options{
		ResolveSymlinks: func(string) (string, error) { t.Error("a named source's path was resolved"); return "", nil },
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOverlap(t *testing.T) {
	var asked []string
	excluded := func(patterns []Pattern, rel string, isDir bool) bool {
		asked = append(asked, rel)
		return isDir && strings.Contains(texts(patterns), "/"+rel+"/")
	}
	for _, c := range []struct{ source, destination, excludes, want string }{
		{"/a", "/a", "", "source /a is the destination itself; choose another destination"},
		{"/b/x/y", "/b", "", "source /b/x/y lies inside the destination /b; choose a destination outside"},
		{"/b/x/y", "/b", "/x/", "source /b/x/y lies inside the destination /b; choose a destination outside"},
		{"/", "/mnt/b", "", `the destination /mnt/b lies inside the source /; exclude it there: "/mnt/b/"`},
		{"/", "/mnt/b", "/mnt/b/", ""},
		{"/", "/mnt/b", "/mnt/", ""},
		{"/", "/mnt/b", "/mn/", `the destination /mnt/b lies inside the source /; exclude it there: "/mnt/b/"`},
		{"/a/../b", "/b/./", "", "source /b is the destination itself; choose another destination"},
		{"/bb", "/b", "", ""},
		{"/b/..c", "/b", "", "source /b/..c lies inside the destination /b; choose a destination outside"},
	} {
		asked = nil
		text := fmt.Sprintf("version: 1\ndestination: %s\nsources: [{path: %s, name: n, excludes: [z, %q]}]\n", c.destination, c.source, c.excludes)
		text = strings.ReplaceAll(text, `, ""]`, "]")
		_, err := Parse([]byte(text), testPath, Options{Excluded: excluded})
		want := c.want
		if want != "" {
			want = testPath + ":3:18: " + want
		}
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	if _, err := Parse([]byte("version: 1\ndestination: /a/b\nsources: [{path: /a}]"), testPath, Options{}); err == nil {
		t.Error("without Excluded, something was excluded")
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.yaml")
	if err := os.WriteFile(path, []byte("version: 1\ndestination: b\nsources: [{path: s}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Path != path || m.Destination != filepath.Join(dir, "b") || m.Sources[0].Path != filepath.Join(dir, "s") {
		t.Errorf("got %+v", m)
	}
	// From sha256sum.
	if want := "8ffa32098565ba0032596e491030e9f893815fbf44aca8500be46407db9ed711"; m.SHA256 != want {
		t.Errorf("SHA256 is %s, want %s", m.SHA256, want)
	}
	if _, err := Load(filepath.Join(dir, "none"), Options{}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "none") {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("#", maxFileSize+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, Options{}); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a large file: %v", err)
	}
}

func TestPosOfRelativeManifestIsAsGiven(t *testing.T) {
	_, err := Parse([]byte("version: 2\n"), "sub/m.yaml", Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "sub/m.yaml:1:1: destination is missing\n") {
		t.Errorf("got %v", err)
	}
}
