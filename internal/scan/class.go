package scan

import "strings"

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }
func (s *byteSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteSet) remove(c byte)   { s[c>>6] &^= 1 << (c & 63) }

func (s *byteSet) addRange(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		s.add(byte(c))
	}
}

func (s *byteSet) addFunc(in func(byte) bool) {
	for c := range 256 {
		if in(byte(c)) {
			s.add(byte(c))
		}
	}
}

func (s *byteSet) invert() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// anyByte is what a question mark matches.
func anyByte() *byteSet {
	var s byteSet
	s.invert()
	s.remove('/')
	return &s
}

// compileSet reads a bracket expression whose opening bracket stands before
// p; width counts the bytes up to and with the closing one. ok is false if it
// does not end or names an unknown class.
func compileSet(p string) (set *byteSet, width int, ok bool) {
	rest := p
	negated := rest != "" && (rest[0] == '!' || rest[0] == '^')
	if negated {
		rest = rest[1:]
	}
	set = new(byteSet)
	from := -1 // the byte before, where it may begin a range
	for first := true; first || !strings.HasPrefix(rest, "]"); first = false {
		var n int
		if n, from, ok = set.addItem(rest, from); !ok {
			return nil, 0, false
		}
		rest = rest[n:]
	}
	if negated {
		set.invert()
	}
	set.remove('/')
	return set, len(p) - len(rest) + 1, true
}

// addItem adds the class, the rest of a range, or the single byte that p
// begins with. from is the byte before or -1; next is the from of what
// follows.
func (s *byteSet) addItem(p string, from int) (width, next int, ok bool) {
	switch {
	case p == "":
		return 0, -1, false
	case p[0] == '-' && from >= 0 && len(p) > 1 && p[1] != ']':
		to, n, ok := element(p[1:])
		s.addRange(byte(from), to)
		return 1 + n, -1, ok
	case strings.HasPrefix(p, "[:"):
		name, closed := "", false
		if name, _, closed = strings.Cut(p[2:], "]"); !closed {
			return 0, -1, false
		}
		if class, ok := strings.CutSuffix(name, ":"); ok {
			return len("[:") + len(name) + len("]"), -1, s.addClass(class)
		}
	}
	c, n, ok := element(p)
	s.add(c)
	return n, int(c), ok
}

// addClass adds a POSIX class. The bytes are ASCII's, in every locale; the
// members of space are those that git knows.
func (s *byteSet) addClass(name string) bool {
	switch name {
	case "alnum":
		s.addFunc(func(c byte) bool { return isAlpha(c) || isDigit(c) })
	case "alpha":
		s.addFunc(isAlpha)
	case "blank":
		s.addFunc(func(c byte) bool { return c == ' ' || c == '\t' })
	case "cntrl":
		s.addFunc(func(c byte) bool { return c < ' ' || c == 0x7f })
	case "digit":
		s.addFunc(isDigit)
	case "graph":
		s.addRange('!', '~')
	case "lower":
		s.addRange('a', 'z')
	case "print":
		s.addRange(' ', '~')
	case "punct":
		s.addFunc(func(c byte) bool { return c > ' ' && c < 0x7f && !isAlpha(c) && !isDigit(c) })
	case "space":
		s.addFunc(func(c byte) bool { return strings.IndexByte(" \t\n\r", c) >= 0 })
	case "upper":
		s.addRange('A', 'Z')
	case "xdigit":
		s.addFunc(func(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' })
	default:
		return false
	}
	return true
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
