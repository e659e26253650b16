package jsonl

// endOfValue returns the length of the value at the start of b, which must
// not be white space; ok is false if it goes on behind b, and n is then
// len(b). It only counts brackets: whether a value is valid is not its matter.
func endOfValue(b []byte) (n int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	switch b[0] {
	case '"':
		n, ok = endOfString(b[1:])
		return n + 1, ok
	case '{', '[':
		return endOfContainer(b)
	}
	for i, c := range b {
		if space(c) || c == ',' || c == ']' || c == '}' || c == ':' {
			return i, true
		}
	}
	return len(b), false
}

func endOfContainer(b []byte) (n int, ok bool) {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		case '"':
			n, ok := endOfString(b[i+1:])
			if !ok {
				return len(b), false
			}
			i += n
		}
	}
	return len(b), false
}

// endOfString returns the length of a string from behind its opening quote to
// behind its closing one.
func endOfString(b []byte) (n int, ok bool) {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1, true
		case '\\':
			i++
		}
	}
	return len(b), false
}
