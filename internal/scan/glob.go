package scan

import "strings"

// op is what one token of a glob stands for.
type op uint8

const (
	opByte op = iota // exactly this byte
	opSet            // one byte of a set, never a slash
	opStar           // any bytes but slashes: *
	opAll            // any bytes: ** between slashes or ends
	opDirs           // nothing, or any bytes up to and with a slash: **/
)

type token struct {
	op   op
	char byte
	set  *byteSet
}

// glob is a compiled pattern. It works on bytes: names need not be UTF-8.
//
// The semantics are those of git's wildmatch with WM_PATHNAME, as described
// in gitignore(5); git check-ignore is the judge in the tests.
type glob []token

// compileGlob compiles p. ok is false for patterns that match nothing
// because a class does not end or a backslash stands last.
func compileGlob(p string) (g glob, ok bool) {
	for i := 0; i < len(p); {
		var t token
		n := 1
		switch p[i] {
		case '*':
			t, n = compileStars(p, i)
		case '?':
			t = token{op: opSet, set: anyByte()}
		case '[':
			set, width, ok := compileSet(p[i+1:])
			if !ok {
				return nil, false
			}
			t, n = token{op: opSet, set: set}, 1+width
		default:
			char, width, ok := element(p[i:])
			if !ok {
				return nil, false
			}
			t, n = token{op: opByte, char: char}, width
		}
		g, i = append(g, t), i+n
	}
	return g, true
}

// compileStars compiles the run of stars at p[i]. Two or more of them cross
// directories if they are a whole element; otherwise they are like one.
func compileStars(p string, i int) (t token, width int) {
	rest := strings.TrimLeft(p[i:], "*")
	width = len(p) - i - len(rest)
	switch {
	case width == 1 || i > 0 && p[i-1] != '/':
		return token{op: opStar}, width
	case strings.HasPrefix(rest, "/"):
		return token{op: opDirs}, width + 1
	case rest == "" || strings.HasPrefix(rest, `\/`):
		return token{op: opAll}, width
	}
	return token{op: opStar}, width
}

// element reads one byte that may be escaped by a backslash.
func element(p string) (char byte, width int, ok bool) {
	if p[0] != '\\' {
		return p[0], 1, true
	}
	if len(p) == 1 {
		return 0, 0, false
	}
	return p[1], 2, true
}

// resume is where matching goes on after a dead end: a wildcard's token and
// the place up to which the wildcard has eaten.
type resume struct{ token, at int }

// match reports whether g matches all of s.
//
// It is enough to remember the last star and the last double star. What an
// earlier star could still eat, the last one can eat too, unless a slash
// stands in the way, which no star passes; and a double star begins where an
// element begins, so that starting it as early as possible loses nothing.
func (g glob) match(s string) bool {
	t, i := 0, 0
	star, deep := resume{token: -1}, resume{token: -1}
	for t < len(g) || i < len(s) {
		if t < len(g) {
			switch g[t].op {
			case opStar:
				star = resume{t, i}
				t++
				continue
			case opAll, opDirs:
				star, deep = resume{token: -1}, resume{t, i}
				t++
				continue
			}
			if i < len(s) && g[t].accepts(s[i]) {
				t, i = t+1, i+1
				continue
			}
		}
		if !star.stepStar(s) {
			star.token = -1
			if deep.token < 0 || !deep.stepDeep(g[deep.token].op, s) {
				return false
			}
			t, i = deep.token+1, deep.at
			continue
		}
		t, i = star.token+1, star.at
	}
	return true
}

func (t token) accepts(c byte) bool {
	if t.op == opByte {
		return c == t.char
	}
	return t.set.has(c)
}

// stepStar lets a star eat one byte more.
func (r *resume) stepStar(s string) bool {
	if r.token < 0 || r.at == len(s) || s[r.at] == '/' {
		return false
	}
	r.at++
	return true
}

// stepDeep lets a double star eat one byte or one element more.
func (r *resume) stepDeep(o op, s string) bool {
	n := 0
	if o == opDirs {
		n = strings.IndexByte(s[r.at:], '/')
	}
	if n < 0 || r.at+n >= len(s) {
		return false
	}
	r.at += n + 1
	return true
}
