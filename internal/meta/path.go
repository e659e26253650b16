package meta

// ComparePaths orders slash-separated paths component by component in byte
// order, a directory directly before its content. It is the order of scans,
// plans and catalogues. The path "." stands for the top and comes first.
func ComparePaths(a, b string) int {
	if a == "." || b == "." {
		return compareTop(a, b)
	}
	n := min(len(a), len(b))
	i := 0
	// Neighbours have most of their directories in common.
	for i+8 <= n && a[i:i+8] == b[i:i+8] {
		i += 8
	}
	for ; i < n; i++ {
		if a[i] == b[i] {
			continue
		}
		// A separator ends a component, so it sorts before any other byte.
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}

func compareTop(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == ".":
		return -1
	}
	return 1
}
