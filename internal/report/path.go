package report

import "unicode/utf8"

// Path is a path in JSON: path, or path_b64 where it is not UTF-8.
type Path struct {
	Path    string `json:"path,omitempty"`
	PathB64 []byte `json:"path_b64,omitempty"`
}

// NewPath wraps raw.
func NewPath(raw string) Path {
	if utf8.ValidString(raw) {
		return Path{Path: raw}
	}
	return Path{PathB64: []byte(raw)}
}

// Raw returns the path's bytes.
func (p Path) Raw() string {
	if p.PathB64 != nil {
		return string(p.PathB64)
	}
	return p.Path
}
