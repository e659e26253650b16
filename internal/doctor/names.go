package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/internal/fsys"
)

func tryCase(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	if err := create(d, "Name", ""); err != nil {
		return Finding{}, err
	}
	folds, err := exists(d, "nAME")
	if err != nil {
		return Finding{}, err
	}
	if !folds {
		return Finding{Result: "no", Level: OK, Supported: no()}, nil
	}
	return Finding{Result: "yes", Level: Warn, Supported: yes(),
		Detail: "Of names that differ only in case, only one can be stored in a directory."}, nil
}

func tryNormalization(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	const composed, decomposed = "\u00e9", "e\u0301"
	if err := create(d, composed, ""); err != nil {
		return Finding{}, err
	}
	list, err := d.ReadDir()
	if err != nil {
		return Finding{}, err
	}
	if len(list) != 1 || list[0].Name != composed {
		return Finding{Result: "changes names", Level: Warn, Supported: yes(),
			Detail: fmt.Sprintf("A name comes back in other bytes than it was stored with: %+q as %+q.", composed, names(list))}, nil
	}
	same, err := exists(d, decomposed)
	if err != nil {
		return Finding{}, err
	}
	if same {
		return Finding{Result: "ignores the form", Level: Warn, Supported: yes(),
			Detail: "Of names that differ only in Unicode form, only one can be stored in a directory."}, nil
	}
	return Finding{Result: "no", Level: OK, Supported: no()}, nil
}

func names(list []fsys.DirEntry) []string {
	var all []string
	for _, e := range list {
		all = append(all, e.Name)
	}
	return all
}

// oddNames are names that some file system or server refuses or changes.
func oddNames() []struct{ what, name string } {
	return []struct{ what, name string }{
		{"colon", "a:b"},
		{"backslash", `a\b`},
		{"question mark", "a?b"},
		{"asterisk", "a*b"},
		{"quote", `a"b`},
		{"angle brackets", "a<b>c"},
		{"bar", "a|b"},
		{"newline", "a\nb"},
		{"control character", "a\x01b"},
		{"trailing dot", "a."},
		{"trailing blank", "a "},
		{"leading blank", " a"},
		{"not UTF-8", "a\xff\xfeb"},
		{"device name", "aux"},
		{"beyond 16 bits", "a\U0001F600b"},
	}
}

func tryNames(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	var refused []string
	for _, odd := range oddNames() {
		kept, err := keepsName(d, odd.name)
		if err != nil {
			return Finding{}, err
		}
		if !kept {
			refused = append(refused, odd.what)
		}
	}
	if len(refused) == 0 {
		return Finding{Result: "any bytes", Level: OK}, nil
	}
	return Finding{Result: "not every name", Level: Warn, Refused: refused,
		Detail: "Names like these cannot be stored: " + strings.Join(refused, ", ") + "."}, nil
}

// listed lists a directory as whoever opens it now sees it: some FUSE file
// systems list the state at opening.
func listed(d *fsys.Dir) ([]fsys.DirEntry, error) {
	again, err := d.OpenDirAt(".")
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return again.ReadDir()
}

// keepsName makes a file and looks whether it is listed under the same name.
func keepsName(d *fsys.Dir, name string) (bool, error) {
	before, err := listed(d)
	if err != nil {
		return false, err
	}
	switch err := create(d, name, ""); fsys.ClassOf(err) {
	case fsys.ClassFull, fsys.ClassIO, fsys.ClassReadOnly:
		return false, err // says nothing about names
	default:
		if err != nil {
			return false, nil
		}
	}
	after, err := listed(d)
	return len(after) == len(before)+1 && slices.Contains(names(after), name), err
}

// usualName is the longest name that nearly all file systems can hold, bytes.
const usualName = 255

// tryLongestName searches for the longest ASCII name.
func tryLongestName(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	var fatal error
	fits := func(length int) bool {
		name := strings.Repeat("n", length)
		err := create(d, name, "")
		switch fsys.ClassOf(err) {
		case fsys.ClassFull, fsys.ClassIO, fsys.ClassReadOnly:
			fatal = err
		}
		if err != nil {
			return false
		}
		return d.Remove(name) == nil
	}
	low, high := 0, 1024 // low fits, high does not
	for high-low > 1 && fatal == nil {
		if middle := (low + high) / 2; fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return longestName(Finding{}, int64(low)), fatal
}

func longestName(f Finding, length int64) Finding {
	f.Result, f.Level, f.Value, f.Unit = fmt.Sprintf("%d bytes", length), OK, number(length), "bytes"
	if length < usualName {
		f.Level = Warn
		f.Detail = fmt.Sprintf("Files with longer names, up to the usual %d bytes, cannot be stored.", usualName)
	}
	return f
}
