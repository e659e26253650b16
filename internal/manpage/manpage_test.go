package manpage

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBytes(t *testing.T) {
	p := Page{
		Name: "tool-run", Section: "1", Short: "Run it", Source: `tool "1"`, Manual: "tool manual",
		Date: time.Date(2026, 11, 27, 23, 0, 0, 0, time.FixedZone("west", -3600*2)),
	}
	about := Section{Title: "DESCRIPTION"}
	about.Text("Runs it\n.so to say: 'a\\b' ~ ^.\n\nA list:\n\n  tool run --x    *not markup*\n\n    .deeper <y>\n'Then' text; é.\n\nA  column\nB  another,\n   and more")
	p.Add(about)
	options := Section{Title: "OPTIONS"}
	options.Item(Bold("--max")+Plain(" ")+Variable("n"), "the most\nof all")
	p.Add(options)
	examples := Section{Title: "EXAMPLES"}
	examples.Literal("  tool run\n    --x\n")
	p.Add(examples)
	p.Add(Section{Title: "EMPTY"})
	also := Section{Title: "SEE ALSO"}
	also.Refs(Ref{"tool", "1"}, Ref{"tool-file", "5"})
	p.Add(also)
	want := `.TH "TOOL\-RUN" "1" "2026-11-28" "tool \(dq1\(dq" "tool manual"
.SH NAME
tool\-run \- Run it
.SH "DESCRIPTION"
Runs it
\&.so to say: \(aqa\eb\(aq \(ti \(ha.
.PP
A list:
.PP
.RS 4
.nf
tool run \-\-x    *not markup*

  .deeper <y>
.fi
.RE
.PP
\&\(aqThen\(aq text; \[u00E9].
.PP
.RS 4
.nf
A  column
B  another,
   and more
.fi
.RE
.SH "OPTIONS"
.TP
\fB\-\-max\fR \fIn\fR
the most
of all
.SH "EXAMPLES"
.RS 4
.nf
tool run
  \-\-x
.fi
.RE
.SH "SEE ALSO"
.BR tool (1) ,
.BR tool\-file (5)
`
	if diff := cmp.Diff(want, string(p.Bytes())); diff != "" {
		t.Error(diff)
	}
	if p.File() != "tool-run.1" {
		t.Errorf("file %s", p.File())
	}
}

func TestDateless(t *testing.T) {
	p := Page{Name: "x", Section: "7"}
	if text := string(p.Bytes()); !strings.HasPrefix(text, `.TH "X" "7" "" `) {
		t.Errorf("it begins %q", text)
	}
}

// TestTextStays has groff format a text and looks whether it says what it said.
func TestTextStays(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("needs groff")
	}
	const text = `.TH "and" \fBnot\fR \" a comment 'x' %d ${VAR:-y} $${ *.yaml <time>-report.json ~/x a^b ` + "`ls`"
	p := Page{Name: "x", Section: "1", Short: "x"}
	s := Section{Title: "TEXT"}
	s.Text(text + "\n\n  " + text)
	p.Add(s)
	c := exec.Command("groff", "-man", "-Tascii", "-P-cbou", "-rLL=200n")
	c.Stdin = strings.NewReader(string(p.Bytes()))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), text); n != 2 {
		t.Errorf("%q stands %d times in\n%s", text, n, out)
	}
}

const schema = `{
 "description": "a file",
 "properties": {
  "zoo": {"$ref": "#/$defs/text", "description": "Where."},
  "animals": {"type": "array", "items": {"$ref": "#/$defs/animal"}, "description": "Who."},
  "defaults": {"type": "object", "properties": {"legs": {"$ref": "#/$defs/key_legs"}}, "description": "What they share."},
  "limits": {"type": "object", "properties": {"most": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/variable"}], "default": 3, "description": "So many."}}, "description": "Limits."}
 },
 "required": ["zoo"],
 "$defs": {
  "variable": {"type": "string"},
  "text": {"type": "string"},
  "animal": {"type": "object", "properties": {"legs": {"$ref": "#/$defs/key_legs"}, "diet": {"enum": ["leaf", "meat"], "default": "leaf", "description": "Food."}}},
  "key_legs": {"type": "array", "items": {"$ref": "#/$defs/text"}, "description": "Legs."}
 }
}`

func TestKeys(t *testing.T) {
	sections, err := Keys([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range sections {
		lines = append(lines, s.Title)
		for _, p := range s.parts {
			lines = append(lines, strings.Split(string(p), "\n")[1:3]...)
		}
	}
	want := []string{
		"KEYS",
		`\fBzoo\fR (text, required)`, "Where.",
		`\fBanimals\fR (list of animal)`, "Who.",
		`\fBdefaults\fR (map)`, "What they share.",
		`\fBlimits\fR (map)`, "Limits.",
		`\fBlimits.most\fR (number, default 3)`, "So many.",
		"KEYS OF ANIMALS",
		`\fBlegs\fR (list of text)`, "Legs.",
		`\fBdiet\fR (leaf|meat, default leaf)`, "Food.",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func TestKeysRefused(t *testing.T) {
	for _, bad := range []string{
		"", "[]", `{"properties": []}`, `{"properties": {"a": 1}}`,
		`{"properties": {"a": {"$ref": "#/$defs/key_nowhere"}}}`,
	} {
		if _, err := Keys([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a schema", bad)
		}
	}
}
