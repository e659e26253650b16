package fsys

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// checkSystem refuses the second path separator, and the names by which
// Windows means devices ("NUL") or streams of other files ("a:b").
func checkSystem(name string) error {
	if strings.ContainsRune(name, '\\') {
		return ErrEscape
	}
	if !filepath.IsLocal(name) {
		return windows.ERROR_INVALID_NAME
	}
	return nil
}
