package sums

import "strings"

// sourceSuffix is added to source entries that are called like a checksum
// file, so that neither hides the other.
const sourceSuffix = ".source"

// reserved reports whether name is SHA256SUMS followed by any number of
// ".source".
func reserved(name string) bool {
	rest, ok := strings.CutPrefix(name, FileName)
	if !ok || len(rest)%len(sourceSuffix) != 0 {
		return false
	}
	return rest == strings.Repeat(sourceSuffix, len(rest)/len(sourceSuffix))
}

// StoredName returns the name under which a source entry of any kind is
// stored: its own, or one ".source" longer if it is SHA256SUMS,
// SHA256SUMS.source, and so on.
func StoredName(name string) string {
	if reserved(name) {
		return name + sourceSuffix
	}
	return name
}

// SourceName is the inverse of StoredName. ok is false for SHA256SUMS, which
// is phlb's own file and stands for no source entry.
func SourceName(stored string) (name string, ok bool) {
	if stored == FileName {
		return "", false
	}
	if reserved(stored) {
		return strings.TrimSuffix(stored, sourceSuffix), true
	}
	return stored, true
}

// StoredPath applies StoredName to each element of a slash-separated path.
func StoredPath(path string) string {
	if !strings.Contains(path, FileName) {
		return path
	}
	elements := strings.Split(path, "/")
	for i, name := range elements {
		elements[i] = StoredName(name)
	}
	return strings.Join(elements, "/")
}

// SourcePath is the inverse of StoredPath.
func SourcePath(stored string) string {
	if !strings.Contains(stored, FileName) {
		return stored
	}
	elements := strings.Split(stored, "/")
	for i, name := range elements {
		if source, ok := SourceName(name); ok {
			elements[i] = source
		}
	}
	return strings.Join(elements, "/")
}
