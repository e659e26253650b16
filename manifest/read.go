package manifest

import (
	"math"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"phlb/internal/retain"
	"phlb/internal/suggest"
)

// located is a string and where it stands.
type located struct {
	text string
	pos  Position
}

// scalar is one value after expansion. If variables made it, its tag says
// nothing about what it is: the key decides.
type scalar struct {
	located
	tag      string
	expanded bool
}

// is reports whether s may be read as one of the tags.
func (s scalar) is(tags ...string) bool { return s.expanded || slices.Contains(tags, s.tag) }

// scalar reads one value; want says in messages what it should have been.
func (d *decoder) scalar(v value, want string) (scalar, bool) {
	n := dereference(v.node)
	pos := at(d.file, n)
	switch {
	case isNull(n):
		d.problem(pos, "", "%s has no value; give it one or remove the key", v.key())
		return scalar{}, false
	case n.Kind != yaml.ScalarNode:
		d.mismatch(v, want)
		return scalar{}, false
	}
	s := scalar{located{n.Value, pos}, n.Tag, false}
	if n.Tag != "!!str" {
		return s, true
	}
	text, err := expand(n.Value, d.options.Getenv)
	if err != nil {
		d.problem(pos, "", "%s: %v", v.key(), err)
		return scalar{}, false
	}
	s.expanded = text != n.Value
	s.text = text
	return s, d.checkCharacters(v, s.located)
}

// checkCharacters refuses what no path, pattern or command can hold.
func (d *decoder) checkCharacters(v value, s located) bool {
	if strings.ContainsRune(s.text, 0) || !utf8.ValidString(s.text) {
		d.problem(s.pos, "", "%s %q contains a NUL character or is not UTF-8", v.key(), s.text)
		return false
	}
	return true
}

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(v value, want string) {
	n := dereference(v.node)
	advice := ""
	switch {
	case strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!"):
		advice = `; what begins with ! must be quoted: "` + strings.TrimSpace(n.Tag+" "+n.Value) + `"`
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && n.Tag == "!!str":
		advice = "; write it without quotes"
	case n.Kind == yaml.ScalarNode && n.Tag != "!!str" && n.Tag != "!!null" && strings.Contains(want, "string"):
		advice = `; put it in quotes`
	}
	got := kind(n)
	if n.Kind == yaml.ScalarNode && n.Value != "" && advice == "" {
		got += " (" + n.Value + ")"
	}
	d.problem(at(d.file, n), "", "%s must be %s, not %s%s", v.key(), want, got, advice)
}

// text reads a string; want says what of. A date is a string to everyone but
// YAML 1.1.
func (d *decoder) text(v value, want string) (located, bool) {
	s, ok := d.scalar(v, want)
	if !ok {
		return located{}, false
	}
	if !s.is("!!str", "!!timestamp") {
		d.mismatch(v, want)
		return located{}, false
	}
	return s.located, true
}

func readText(d *decoder, v value) (located, bool) { return d.text(v, "a string") }

func readBool(d *decoder, v value) (bool, bool) {
	const want = "true or false"
	s, ok := d.scalar(v, want)
	if !ok {
		return false, false
	}
	word := strings.ToLower(s.text)
	switch {
	case s.is("!!bool") && (word == "true" || word == "false"):
		return word == "true", true
	case word == "yes" || word == "on" || word == "y":
		d.problem(s.pos, "true", "%s must be true or false, not %s", v.key(), s.text)
	case word == "no" || word == "off" || word == "n":
		d.problem(s.pos, "false", "%s must be true or false, not %s", v.key(), s.text)
	default:
		d.mismatch(v, want)
	}
	return false, false
}

// decimal is a whole number with one spelling: 010 is eight to some and ten to
// others.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// readWhole reads a whole number between low and high.
func readWhole[I int | int64](low, high I) func(*decoder, value) (I, bool) {
	return func(d *decoder, v value) (I, bool) {
		const want = "a whole number"
		s, ok := d.scalar(v, want)
		if !ok {
			return 0, false
		}
		if !s.is("!!int", "!!float") {
			d.mismatch(v, want)
			return 0, false
		}
		n, err := strconv.ParseInt(s.text, 10, 64)
		switch {
		case !decimal.MatchString(s.text):
			d.problem(s.pos, "", "%s must be a whole number in plain decimal digits, not %s", v.key(), s.text)
		case err != nil || n > int64(high):
			d.problem(s.pos, "", "%s must be at most %d, not %s", v.key(), high, s.text)
		case n < int64(low):
			d.problem(s.pos, "", "%s must be at least %d, not %s", v.key(), low, s.text)
		default:
			return I(n), true
		}
		return 0, false
	}
}

func readVersion(d *decoder, v value) (int, bool) {
	n, ok := readWhole(math.MinInt32, math.MaxInt32)(d, v)
	if ok && n != SupportedVersion {
		d.problem(at(d.file, dereference(v.node)), "", "version %d is not supported; this phlb reads version %d", n, SupportedVersion)
		return 0, false
	}
	return n, ok
}

// readSize reads a number of bytes that is at least low.
func readSize(low int64) func(*decoder, value) (int64, bool) {
	return func(d *decoder, v value) (int64, bool) {
		const want = "a size such as 2GiB, 10MB or 1000"
		s, ok := d.scalar(v, want)
		if !ok {
			return 0, false
		}
		if !s.is("!!int", "!!str") {
			d.mismatch(v, want)
			return 0, false
		}
		n, err := parseSize(s.text)
		if err != nil {
			d.problem(s.pos, "", "%s: %v", v.key(), err)
			return 0, false
		}
		if n < low {
			d.problem(s.pos, "", "%s must be at least %d, not %s", v.key(), low, s.text)
			return 0, false
		}
		return n, true
	}
}

// readFree reads a size that nil switches off.
func readFree(d *decoder, v value) (*int64, bool) {
	n, ok := readSize(0)(d, v)
	if !ok || n == 0 {
		return nil, ok
	}
	return &n, true
}

var fraction = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?$`)

func readPercent(d *decoder, v value) (*float64, bool) {
	const want = "a number from 0 to 100"
	s, ok := d.scalar(v, want)
	if !ok {
		return nil, false
	}
	if number, ok := strings.CutSuffix(s.text, "%"); ok && fraction.MatchString(strings.TrimSpace(number)) {
		d.problem(s.pos, "", "%s must be %s, without a percent sign: write %s", v.key(), want, strings.TrimSpace(number))
		return nil, false
	}
	if !s.is("!!int", "!!float") {
		d.mismatch(v, want)
		return nil, false
	}
	percent, err := strconv.ParseFloat(s.text, 64)
	if err != nil || percent > 100 || !fraction.MatchString(s.text) {
		d.problem(s.pos, "", "%s must be %s, not %s", v.key(), want, s.text)
		return nil, false
	}
	return &percent, true
}

// readEnum reads one of a few words.
func readEnum[E ~string](words ...E) func(*decoder, value) (E, bool) {
	known := make([]string, len(words))
	for i, w := range words {
		known[i] = string(w)
	}
	want := strings.Join(known[:len(known)-1], ", ") + " or " + known[len(known)-1]
	return func(d *decoder, v value) (E, bool) {
		s, ok := d.text(v, want)
		if !ok {
			return "", false
		}
		if !slices.Contains(known, s.text) {
			d.problem(s.pos, suggest.Nearest(s.text, known), "%s must be %s, not %q", v.key(), want, s.text)
			return "", false
		}
		return E(s.text), true
	}
}

func readSpan(d *decoder, v value) (retain.Span, bool) {
	s, ok := d.text(v, "a span such as 2d12h")
	if !ok {
		return retain.Span{}, false
	}
	span, err := retain.ParseSpan(s.text)
	if err != nil {
		d.problem(s.pos, "", "%s: %v", v.key(), err)
		return retain.Span{}, false
	}
	return span, true
}

// readDuration reads a time that is counted by the clock, not by the calendar.
func readDuration(d *decoder, v value) (time.Duration, bool) {
	const want = "a duration such as 90s, 10m or 1h30m"
	s, ok := d.scalar(v, want)
	if !ok {
		return 0, false
	}
	if !s.is("!!str") && s.text != "0" {
		if decimal.MatchString(s.text) {
			d.problem(s.pos, "", "%s must be %s: write %ss for seconds", v.key(), want, s.text)
			return 0, false
		}
		d.mismatch(v, want)
		return 0, false
	}
	duration, err := time.ParseDuration(s.text)
	if err != nil || duration < 0 {
		d.problem(s.pos, "", "%s must be %s, not %s", v.key(), want, s.text)
		return 0, false
	}
	return duration, true
}

// readURL reads a URL to call. Messages do not show it: it may be a secret. An
// empty one switches an inherited one off.
func readURL(d *decoder, v value) (string, bool) {
	const want = "a URL that begins with https:// or http://, such as https://example.org/ping/name"
	s, ok := d.text(v, want)
	if !ok || s.text == "" {
		return "", ok
	}
	u, err := url.Parse(s.text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(s.text, unicode.IsSpace):
		d.problem(s.pos, "", "%s must be %s", v.key(), want)
		return "", false
	case strings.Contains(s.text, "#"):
		d.problem(s.pos, "", "%s must be a URL without a fragment (#…)", v.key())
		return "", false
	}
	return s.text, true
}

func readTimezone(d *decoder, v value) (*time.Location, bool) {
	s, ok := d.text(v, "Local, UTC or a name such as Europe/Berlin")
	if !ok {
		return nil, false
	}
	location, err := time.LoadLocation(s.text)
	if err != nil || s.text == "" {
		d.problem(s.pos, suggest.Nearest(s.text, []string{"Local", "UTC"}), "timezone must be Local, UTC or a name such as Europe/Berlin, not %q%s", s.text, zoneAdvice(s.text))
		return nil, false
	}
	return location, true
}

// zoneAdvice tells what is wrong with a zone's abbreviation, which stands for
// no rules of summer time.
func zoneAdvice(zone string) string {
	if len(zone) < 3 || len(zone) > 5 || strings.ContainsFunc(zone, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return ""
	}
	return "; an abbreviation names no zone"
}

// readRootID reads a root's id, case folded so that it can be compared. Its
// form is not judged: an id that no root has trips the guard, as it should.
func readRootID(d *decoder, v value) (string, bool) {
	s, ok := d.text(v, "a string, as in the root's .phlb/root.json")
	if !ok {
		return "", false
	}
	if s.text == "" || strings.ContainsFunc(s.text, unicode.IsSpace) {
		d.problem(s.pos, "", "root_id must be an id, as in the root's .phlb/root.json, not %q", s.text)
		return "", false
	}
	return strings.ToLower(s.text), true
}

// readPath reads a path and makes it absolute.
func readPath(d *decoder, v value) (located, bool) {
	s, ok := d.text(v, "a string")
	switch {
	case !ok:
		return located{}, false
	case s.text == "":
		d.problem(s.pos, "", "%s is empty", v.key())
		return located{}, false
	case s.text == "~" || strings.HasPrefix(s.text, "~/"):
		d.problem(s.pos, "", "%s: ~ is not expanded; write ${HOME}%s (or ./%s for a directory of that name)", v.key(), s.text[1:], s.text)
		return located{}, false
	}
	return located{absolute(s.text, d.dir), s.pos}, true
}

// readSentinel reads a path that stays below the directory it is looked up in.
// An empty one switches an inherited one off.
func readSentinel(d *decoder, v value) (string, bool) {
	s, ok := d.text(v, "a string")
	if !ok || s.text == "" {
		return "", ok
	}
	clean := path.Clean(s.text)
	inside := filepath.IsLocal(filepath.FromSlash(s.text)) && clean != "."
	if !inside || slices.Contains(strings.Split(s.text, "/"), "..") {
		d.problem(s.pos, "", "%s must be a relative path without .., not %q", v.key(), s.text)
		return "", false
	}
	return clean, true
}
