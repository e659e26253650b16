package manifest

import (
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOf returns what Parse says, without the file's name.
func problemsOf(t *testing.T, text string, o Options) string {
	t.Helper()
	m, err := Parse([]byte(text), testPath, o)
	if err == nil {
		return ""
	}
	var problems Problems
	if m != nil || !errors.As(err, &problems) {
		t.Fatalf("Parse returned %v and %T", m, err)
	}
	return strings.ReplaceAll(err.Error(), testPath+":", "")
}

func TestProblemsOfSources(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		// Unknown keys.
		{"exclude: [a]", `5:5: unknown key "exclude" in a source (did you mean "excludes"?)`},
		{"max_size: 1GiB", `5:5: unknown key "max_size" in a source (did you mean "max_file_size"?)`},
		{"exclude_if: [a]", `5:5: unknown key "exclude_if" in a source (did you mean "exclude_if_present"?)`},
		{"guards: {max_deleted: 20}", `5:14: unknown key "max_deleted" in guards (did you mean "max_deleted_percent"?)`},
		{"guards: {max_changed: 20}", `5:14: unknown key "max_changed" in guards (did you mean "max_changed_percent"?)`},
		{"retention: {keep: 3}", `5:17: unknown key "keep" in retention (did you mean "keep_last"?)`},
		{"oneFileSystem: true", `5:5: unknown key "oneFileSystem" in a source (did you mean "one_file_system"?)`},
		{"nmae: x", `5:5: unknown key "nmae" in a source (did you mean "name"?)`},
		{"banana: x", `5:5: unknown key "banana" in a source`},
		{"keep_daily: 7", `5:5: unknown key "keep_daily" in a source; it belongs in retention`},
		{"sentinel: x", `5:5: unknown key "sentinel" in a source; it belongs in destination_require or require`},
		{"require: {mountpiont: true}", `5:15: unknown key "mountpiont" in require (did you mean "mountpoint"?)`},
		{"retention: {keep_dayly: 1}", `5:17: unknown key "keep_dayly" in retention (did you mean "keep_daily"?)`},
		{"1: x", `5:5: a key of a source must be a word, not a number`},
		{"? [a]\n: x", `5:7: a key of a source must be a word, not a list`},
		{"<<: {a: b}", `5:5: merge keys (<<) are not supported; what sources share belongs under defaults`},
		// Duplicates.
		{"path: /x", `5:5: duplicate key "path" (first in line 4)`},
		{"guards: {min_free: 1, min_free: 2}", `5:27: duplicate key "min_free" (first in line 5)`},
		// Booleans.
		{"exclude_caches: yes", `5:21: exclude_caches must be true or false, not yes (did you mean "true"?)`},
		{"exclude_caches: Off", `5:21: exclude_caches must be true or false, not Off (did you mean "false"?)`},
		{`exclude_caches: "true"`, `5:21: exclude_caches must be true or false, not a string; write it without quotes`},
		{"exclude_caches: 1", `5:21: exclude_caches must be true or false, not a number (1)`},
		{"exclude_caches:", `5:20: exclude_caches has no value; give it one or remove the key`},
		{"exclude_caches: ~", `5:21: exclude_caches has no value; give it one or remove the key`},
		{"exclude_caches: [true]", `5:21: exclude_caches must be true or false, not a list`},
		// Sizes.
		{"max_file_size: -1", `5:20: max_file_size: "-1" is not a size such as 2GiB, 10MB or 1000`},
		{"max_file_size: 010", `5:20: max_file_size: "010" is not a size such as 2GiB, 10MB or 1000`},
		{"max_file_size: 1_000", `5:20: max_file_size: "1_000" is not a size such as 2GiB, 10MB or 1000`},
		{"max_file_size: 1,5GB", `5:20: max_file_size: "1,5GB" is not a size such as 2GiB, 10MB or 1000`},
		{"max_file_size: 1.5", `5:20: max_file_size must be a size such as 2GiB, 10MB or 1000, not a number (1.5)`},
		{"max_file_size: 2GBB", `5:20: max_file_size: "2GBB" is not a size such as 2GiB, 10MB or 1000; units are KiB, MiB, GiB, TiB and kB, MB, GB, TB`},
		{"max_file_size: 9EiB", `5:20: max_file_size: size "9EiB" is too large`},
		{"max_file_size: true", `5:20: max_file_size must be a size such as 2GiB, 10MB or 1000, not true or false (true)`},
		{"small_file_threshold: 999", `5:27: small_file_threshold must be at least 1000, not 999`},
		{"small_file_threshold: 0.9kB", `5:27: small_file_threshold must be at least 1000, not 0.9kB`},
		// Enums.
		{"change_detection: meta", `5:23: change_detection must be metadata, content or mtime, not "meta" (did you mean "metadata"?)`},
		{"change_detection: metdata", `5:23: change_detection must be metadata, content or mtime, not "metdata" (did you mean "metadata"?)`},
		{"link_match: permission", `5:17: link_match must be permissions, content or metadata, not "permission" (did you mean "permissions"?)`},
		{"small_files: Copy", `5:18: small_files must be copy or link, not "Copy" (did you mean "copy"?)`},
		{"small_files: 1", `5:18: small_files must be copy or link, not a number (1)`},
		// Lists.
		{"excludes: .venv/", `5:15: excludes must be a list of patterns, not a string`},
		{"excludes:", `5:14: excludes has no value; give it one or remove the key`},
		{"excludes: [1, ok, ~, [x]]", "5:16: an item of excludes must be a string, not a number; put it in quotes\n" +
			"5:23: an item of excludes has no value; give it one or remove the key\n" +
			"5:26: an item of excludes must be a string, not a list"},
		{`excludes: ["", "!", "/", "!//", " "]`, "5:16: an item of excludes: the pattern \"\" matches nothing\n" +
			"5:20: an item of excludes: the pattern \"!\" matches nothing\n" +
			"5:25: an item of excludes: the pattern \"/\" matches nothing\n" +
			"5:30: an item of excludes: the pattern \"!//\" matches nothing\n" +
			"5:37: an item of excludes: the pattern \" \" matches nothing"},
		{"excludes: [!keep.iso ]", `5:16: an item of excludes must be a string, not a value with the tag !keep.iso; what begins with ! must be quoted: "!keep.iso"`},
		{`excludes: ["a\0b"]`, `5:16: an item of excludes "a\x00b" contains a NUL character or is not UTF-8`},
		{"exclude_if_present: [a/b, ..]", "5:26: an item of exclude_if_present must be a file's name without a path, not \"a/b\"\n" +
			"5:31: an item of exclude_if_present must be a file's name without a path, not \"..\""},
		// Require and guards.
		{"require: true", `5:14: require must be a mapping (key: value), not true or false`},
		{"require:", `5:13: require must be a mapping (key: value), not empty`},
		{"require: {sentinel: /abs}", `5:25: sentinel must be a relative path without .., not "/abs"`},
		{"require: {sentinel: a/../b}", `5:25: sentinel must be a relative path without .., not "a/../b"`},
		{"require: {sentinel: .}", `5:25: sentinel must be a relative path without .., not "."`},
		{"require: {min_files: -1}", `5:26: min_files must be at least 0, not -1`},
		{"require: {min_files: 010}", `5:26: min_files must be a whole number in plain decimal digits, not 010`},
		{`require: {min_files: "10"}`, `5:26: min_files must be a whole number, not a string; write it without quotes`},
		{"require: {min_files: ten}", `5:26: min_files must be a whole number, not a string (ten)`},
		{"require: {min_files: 99999999999999999999}", `5:26: min_files must be at most 9223372036854775807, not 99999999999999999999`},
		{"guards: {max_deleted_percent: 101}", `5:35: max_deleted_percent must be a number from 0 to 100, not 101`},
		{"guards: {max_changed_percent: -1}", `5:35: max_changed_percent must be a number from 0 to 100, not -1`},
		{"guards: {max_changed_percent: .nan}", `5:35: max_changed_percent must be a number from 0 to 100, not .nan`},
		{"guards: {max_changed_percent: 1e1}", `5:35: max_changed_percent must be a number from 0 to 100, not 1e1`},
		{"guards: {max_changed_percent: 20%}", `5:35: max_changed_percent must be a number from 0 to 100, without a percent sign: write 20`},
		{"guards: {min_free: lots}", `5:24: min_free: "lots" is not a size such as 2GiB, 10MB or 1000`},
		// Retention.
		{"retention: {keep_last: -1}", `5:28: keep_last must be at least 0, not -1`},
		{"retention: {keep_last: 2147483648}", `5:28: keep_last must be at most 2147483647, not 2147483648`},
		{"retention: {keep_within: 2w}", `5:30: keep_within: parse span "2w": the units are y, m (months), d and h (a week is 7d)`},
		{"retention: {keep_within: 2}", `5:30: keep_within must be a span such as 2d12h, not a number (2)`},
		// Hooks.
		{"hooks: {timeout: 10}", `5:22: timeout must be a duration such as 90s, 10m or 1h30m: write 10s for seconds`},
		{"hooks: {timeout: -1s}", `5:22: timeout must be a duration such as 90s, 10m or 1h30m, not -1s`},
		{"hooks: {timeout: 2d}", `5:22: timeout must be a duration such as 90s, 10m or 1h30m, not 2d`},
		{"hooks: {ping: 1}", `5:19: ping must be a URL that begins with https:// or http://, such as https://example.org/ping/name, not a number (1)`},
		{"hooks: {ping: example.org/secret}", `5:19: ping must be a URL that begins with https:// or http://, such as https://example.org/ping/name`},
		{"hooks: {ping: 'https:///secret'}", `5:19: ping must be a URL that begins with https:// or http://, such as https://example.org/ping/name`},
		{"hooks: {ping: 'https://h/a b'}", `5:19: ping must be a URL that begins with https:// or http://, such as https://example.org/ping/name`},
		{"hooks: {ping: 'https://h/secret#x'}", `5:19: ping must be a URL without a fragment (#…)`},
		{"hooks: {before: x}", `5:21: before must be a list of commands, not a string`},
		{"hooks: {before: [1]}", `5:22: an item of before must be a string, not a number; put it in quotes`},
		{`hooks: {after: [" "]}`, `5:21: an item of after is an empty command`},
		{`hooks: {after: ["\0"]}`, `5:21: an item of after "\x00" contains a NUL character or is not UTF-8`},
		// Names.
		{"name: a//b", `5:11: name "a//b": an element is empty`},
		{"name: ''", `5:11: name is empty`},
		{"name: a/../b", `5:11: name "a/../b": an element is ".."`},
		{"name: .phlb", `5:11: name ".phlb": element ".phlb" starts with a dot`},
		{"name: hosts/2026-11-23-140000", `5:11: name "hosts/2026-11-23-140000": element "2026-11-23-140000" looks like a snapshot time`},
		{"name: 2026", `5:11: name must be a string, not a number; put it in quotes`},
		{"name: ~", `5:11: name has no value; give it one or remove the key`},
		// Variables.
		{"name: ${UNSET}", `5:11: name: variable UNSET is not set; set it, or give a default: ${UNSET:-default}`},
		{"name: a${X", `5:11: name: "${X" is not closed by a }; a literal ${ is written $${`},
		{"name: ${X-y}", `5:11: name: ${X-y} is neither ${VAR} nor ${VAR:-default}; a literal ${ is written $${`},
		{`name: "${X:-${Y}}"`, `5:11: name: ${X:-${Y} is neither ${VAR} nor ${VAR:-default}; a literal ${ is written $${`},
		{`exclude_caches: "${NUL:-yes}"`, `5:21: exclude_caches must be true or false, not yes (did you mean "true"?)`},
		{`workers: 3`, `5:5: unknown key "workers" in a source; it belongs in the manifest`},
		{`excludes: ["${BAD}"]`, `5:16: an item of excludes "\xff" contains a NUL character or is not UTF-8`},
		// An alias to a faulty value is one problem, where the value stands.
		{"excludes: &e [1]\nexclude_if_present: *e", "5:19: an item of excludes must be a string, not a number; put it in quotes\n" +
			"5:19: an item of exclude_if_present must be a string, not a number; put it in quotes"},
	} {
		if got := problemsOf(t, around(c.keys), Options{Getenv: env("BAD=\xff")}); got != c.want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.keys, got, c.want)
		}
	}
}

func TestProblemsOfManifest(t *testing.T) {
	const sources = "sources: [{path: /a}]\n"
	const rest = "destination: /b\n" + sources
	for _, c := range []struct{ text, want string }{
		{"version: 1.9\n" + rest, "1:10: version must be a whole number in plain decimal digits, not 1.9"},
		{"version: 1.0\n" + rest, "1:10: version must be a whole number in plain decimal digits, not 1.0"},
		{"version: \"1\"\n" + rest, "1:10: version must be a whole number, not a string; write it without quotes"},
		{"version: 0x1\n" + rest, "1:10: version must be a whole number in plain decimal digits, not 0x1"},
		{"version: 2\n" + rest, "1:10: version 2 is not supported; this phlb reads version 1"},
		{"version:\n" + rest, "1:9: version has no value; give it one or remove the key"},
		{rest, "1:1: version is missing"},
		{"version: 1\nworkers: 010\n" + rest, "2:10: workers must be a whole number in plain decimal digits, not 010"},
		{"version: 1\nworkers: 1025\n" + rest, "2:10: workers must be at most 1024, not 1025"},
		{"version: 1\nworkers: -1\n" + rest, "2:10: workers must be at least 0, not -1"},
		{"version: 1\ntimezone: utc\n" + rest, `2:11: timezone must be Local, UTC or a name such as Europe/Berlin, not "utc" (did you mean "UTC"?)`},
		{"version: 1\ntimezone: ''\n" + rest, `2:11: timezone must be Local, UTC or a name such as Europe/Berlin, not ""`},
		{"version: 1\ntimezone: CEST\n" + rest, `2:11: timezone must be Local, UTC or a name such as Europe/Berlin, not "CEST"; an abbreviation names no zone`},
		{"version: 1\ntimezone: ../UTC\n" + rest, `2:11: timezone must be Local, UTC or a name such as Europe/Berlin, not "../UTC"`},
		{"version: 1\nroot_id: 7f 0c\n" + rest, `2:10: root_id must be an id, as in the root's .phlb/root.json, not "7f 0c"`},
		{"version: 1\nroot_id: 7\n" + rest, "2:10: root_id must be a string, as in the root's .phlb/root.json, not a number; put it in quotes"},
		{"version: 1\ndestination_require: {min_files: 1}\n" + rest, `2:23: unknown key "min_files" in destination_require; it belongs in require`},
		{"version: 1\npath: /a\n" + rest, `2:1: unknown key "path" in the manifest; it belongs in a source`},
		{"version: 1\ncreate_dest: true\n" + rest, `2:1: unknown key "create_dest" in the manifest (did you mean "create_destination"?)`},
		{"version: 1\ndest: x\n" + rest, `2:1: unknown key "dest" in the manifest (did you mean "destination"?)`},
		{"version: 1\nsource: []\n" + rest, `2:1: unknown key "source" in the manifest (did you mean "sources"?)`},
		{"version: 1\n" + sources, "1:1: destination is missing"},
		{"version: 1\ndestination: ''\n" + sources, "2:14: destination is empty"},
		{"version: 1\ndestination: ~/x\n" + sources, "2:14: destination: ~ is not expanded; write ${HOME}/x (or ./~/x for a directory of that name)"},
		{"version: 1\ndestination: /b\n", "1:1: sources is missing"},
		{"version: 1\ndestination: /b\nsources: []\n", "3:1: there are no sources; give at least one with a path"},
		{"version: 1\ndestination: /b\nsources:\n", "3:9: sources has no value; give it one or remove the key"},
		{"version: 1\ndestination: /b\nsources: {path: /a}\n", "3:10: sources must be a list of sources, not a mapping"},
		{"version: 1\ndestination: /b\nsources: [/a]\n", "3:11: a source must be a mapping (key: value), not a string"},
		{"version: 1\ndestination: /b\nsources: [~]\n", "3:11: a source must be a mapping (key: value), not empty"},
		{"version: 1\ndestination: /b\nsources: [{name: x}]\n", "3:11: the source has no path"},
		{"version: 1\ndestination: /b\nsources: [{path: ''}]\n", "3:18: path is empty"},
		{"version: 1\ndefaults:\n" + rest, "2:10: defaults must be a mapping (key: value), not empty"},
		{"version: 1\ndefaults: {name: x, path: y, excludes_replce: true}\n" + rest, "2:12: name belongs to each source, not to defaults\n" +
			"2:21: path belongs to each source, not to defaults\n" +
			`2:30: unknown key "excludes_replce" in defaults (did you mean "excludes_replace"?)`},
		{"version: 1\ndefaults: {hooks: {after: 1}}\n" + rest, "2:27: after must be a list of commands, not a number"},
		{"version: 1\ndestination: /x\nsources: [{path: /}]\n",
			"3:18: name \"/\": an element is empty (the last element of its path; give the source a name)\n" +
				"3:18: the destination /x lies inside the source /; exclude it there: \"/x/\""},
		{"version: 1\ndestination: /b\nsources: [{path: /a/.config}]\n", `3:18: name ".config": element ".config" starts with a dot (the last element of its path; give the source a name)`},
		{"version: 1\ndestination: /b\nsources: [{path: /a/x}, {path: /c/x}]\n", `3:32: duplicate name "x" (the last element of its path; give the source a name): the source in line 3 has it`},
		{"version: 1\ndestination: /b\nsources: [{path: /a/x, name: n/Ä}, {path: /c/x, name: N/ä}]\n", `3:55: name "N/ä" differs only in case from "n/Ä" in line 3`},
		{"version: 1\ndestination: /b\nsources: [{path: /a, name: Hosts/a}, {path: /c, name: hosts/b}]\n", `3:55: name "hosts/b": its directory "hosts" differs only in case from "Hosts" of "Hosts/a" in line 3`},
		{"version: 1\ndestination: /b\nsources: [{path: /a, name: x/a}, {path: /c, name: x/b}, {path: /d, name: X}, {path: /e, name: x}]\n", `3:74: name "X": its directory "X" differs only in case from "x" of "x/b" in line 3`},
		{"version: 1\ndestination: /b\nsources: [{path: /a, name: x}, {path: /c, name: X/b/c}, {path: /c, name: x/B}]\n", `3:49: name "X/b/c": its directory "X" differs only in case from "x" of "x" in line 3
3:74: name "x/B": its directory "x/B" differs only in case from "X/b" of "X/b/c" in line 3`},
		{"- version: 1\n", "1:1: the manifest must be a mapping (key: value), not a list"},
		{"version\n", "1:1: the manifest must be a mapping (key: value), not a string"},
		{"", "1:1: the manifest is empty; `phlb init` writes one to start from"},
		{"# nothing\n", "1:1: the manifest is empty; `phlb init` writes one to start from"},
		{"---\n", "1:1: the manifest is empty; `phlb init` writes one to start from"},
		{"\uFEFF", "1:1: the manifest is empty; `phlb init` writes one to start from"},
		{"version: 1\n" + rest + "---\n", "4:1: a second document: a manifest is one document"},
		{"version: 1\n" + rest + "---\nversion: 1\n", "4:1: a second document: a manifest is one document"},
		{"version: 1\n" + rest + "---\na: [\n", "6:1: not valid YAML: did not find expected node content"},
	} {
		if got := problemsOf(t, c.text, Options{}); got != c.want {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}

func TestProblemsOfText(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"version: 1\nx: a\xffb\n", "2:5: the file is not UTF-8; save it as UTF-8"},
		{"\xff\xfev\x00e\x00", "1:1: the file is UTF-16, as some editors write it; save it as UTF-8"},
		{"v\x00e\x00", "1:1: the file is UTF-16, as some editors write it; save it as UTF-8"},
		{"\x00v\x00e", "1:1: the file is UTF-16, as some editors write it; save it as UTF-8"},
		{`{"format":"phlb-plan","plan_id":"x"}`, "1:1: this is no manifest but a file of the format phlb-plan; `phlb show` shows a plan and `phlb apply` carries it out"},
		{`{"format":"phlb-report"}`, "1:1: this is no manifest but a file of the format phlb-report; `phlb show` shows a report"},
		{`{"format":"phlb-error"}`, "1:1: this is no manifest but a file of the format phlb-error; a manifest is YAML; `phlb init` writes one to start from"},
		{"sources:\n  - path: a\n   name: b\n", "2:1: not valid YAML: did not find expected '-' indicator; is everything of this list item indented alike?"},
		{"version: 1\nä: \x01\n", "2:4: character U+0001 is not allowed in YAML; in double quotes it can be written as an escape"},
		{"version: 1\n\tdestination: /b\n", "2:1: not valid YAML: a tab in the indentation: YAML is indented with spaces"},
		{"version: 1\nsources:\n \t- x\n", "3:2: not valid YAML: a tab in the indentation: YAML is indented with spaces"},
		{"a: b: c\n", "1:1: not valid YAML: mapping values are not allowed in this context"},
		{"version: 1\na: b: c\n", "2:1: not valid YAML: mapping values are not allowed in this context"},
		{"a: 1\nb: [1, 2\nc: 3\n", "2:1: not valid YAML: did not find expected ',' or ']'"},
		{"x: 1\ny: 2\nz: 3\n- a\n", "4:1: not valid YAML: did not find expected key"},
		{"a:\n  - b\n c: 1\n", "3:1: not valid YAML: did not find expected key"},
		{"a: 1\n}\n", "2:1: not valid YAML: did not find expected key"},
		{"x: 1\ny: @z\n", "2:1: not valid YAML: found character that cannot start any token"},
		{"x: \"a\n", "2:1: not valid YAML: found unexpected end of stream; is a quote not closed?"},
		{"x: 1\na: {b: ${X}}\n", `2:1: not valid YAML: did not find expected ',' or '}'; inside [ ] or { }, put "${…}" in quotes`},
		{"x: 1\nexcludes:\n  - *.iso\n", `3:5: not valid YAML: *.iso is an alias to nothing; a pattern that begins with * must be quoted: "*.iso"`},
		{"x: 1\nexcludes: [a, *.iso]\n", `2:15: not valid YAML: *.iso is an alias to nothing; a pattern that begins with * must be quoted: "*.iso"`},
		{"x: \"*iso\"\nexcludes: [*iso, b]\n", `2:12: not valid YAML: *iso is an alias to nothing; a pattern that begins with * must be quoted: "*iso"`},
		{"a: &a [*a]\n---\n", "1:8: alias *a stands inside of what it refers to"},
		{"a: &a " + strings.Repeat("x", 1000) + "\nb: [" + strings.Repeat("*a, ", 1100) + "]\n", "1:1: aliases expand to more than 1MiB"},
		{"a: &a [*a]\n", "1:8: alias *a stands inside of what it refers to"},
		{bomb(), "1:1: aliases expand to more than 1MiB"},
		{strings.Repeat("#", maxFileSize+1), "1:1: the file is larger than 1MiB: this is no manifest"},
		{strings.Repeat("[", 20000), "1:1: not valid YAML: exceeded max depth of 10000"},
	} {
		if got := problemsOf(t, c.text, Options{}); got != c.want {
			t.Errorf("%.200s\ngot\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}

// bomb is a few hundred bytes that expand to a billion values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 8 {
		to, from := strconv.Itoa(i+1), "*a"+strconv.Itoa(i)
		b.WriteString("a" + to + ": &a" + to + " [" + from + strings.Repeat(", "+from, 9) + "]\n")
	}
	return b.String()
}

func TestInheritedExcludesAreBounded(t *testing.T) {
	text := "version: 1\ndestination: /b\ndefaults:\n  excludes: [" + strings.Repeat("a,", 400_000) + "a]\nsources:\n" + strings.Repeat("  - path: /a\n", 30)
	if got := problemsOf(t, text, Options{}); !strings.Contains(got, "inherit more than 16MiB") {
		t.Errorf("got %.300s", got)
	}
}

var update = flag.Bool("update", false, "rewrite golden files")

// TestReallyBadManifest shows every problem at once, sorted by position.
func TestReallyBadManifest(t *testing.T) {
	data, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse(data, "bad.yaml", Options{})
	if err == nil {
		t.Fatal("it was accepted")
	}
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile("testdata/bad.golden", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/bad.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestProblemWithoutPosition(t *testing.T) {
	if got := (Problem{Message: "m", Hint: "h"}).String(); got != `m (did you mean "h"?)` {
		t.Errorf("got %s", got)
	}
	if got := (Problem{Message: "a\nb\x1b[1m ä"}).String(); got != `a\nb\x1b[1m ä` {
		t.Errorf("got %s", got)
	}
}
