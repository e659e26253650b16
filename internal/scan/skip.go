package scan

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// Reasons begin with the words that plans know.
const (
	unreadable      = "unreadable: "
	vanished        = "vanished"
	otherFileSystem = "other filesystem"
	excludedRoot    = "excluded: backup root"
	excludedPlan    = "excluded: plan file"
	excludedCache   = "excluded: " + cacheTag
)

// cacheTag is the file that marks a cache directory, and how it begins;
// https://bford.info/cachedir/ has no rule for anything behind that.
const (
	cacheTag       = "CACHEDIR.TAG"
	cacheSignature = "Signature: 8a477f597d28d172789f06886806bc55"
)

// Rule is what a skip's reason comes from.
type Rule string

// The rules. What an Exclude decides is asked of the Matcher.
const (
	RuleExcludes         Rule = "excludes"
	RuleExcludeIfPresent Rule = "exclude_if_present"
	RuleExcludeCaches    Rule = "exclude_caches"
	RuleMaxFileSize      Rule = "max_file_size"
	RuleOneFileSystem    Rule = "one_file_system"
	RuleAvoid            Rule = "avoid"      // the backup root, the plan's own file
	RuleKind             Rule = "kind"       // sockets, fifos and devices
	RuleUnreadable       Rule = "unreadable" // and what vanished
)

const (
	present  = " present"
	tooLarge = "too large: "
)

// RuleOf returns the rule behind the reason of an entry that no Exclude skips.
func RuleOf(reason string) Rule {
	switch {
	case reason == excludedRoot, reason == excludedPlan:
		return RuleAvoid
	case reason == excludedCache:
		return RuleExcludeCaches
	case strings.HasPrefix(reason, "excluded: ") && strings.HasSuffix(reason, present):
		return RuleExcludeIfPresent
	case strings.HasPrefix(reason, tooLarge):
		return RuleMaxFileSize
	case reason == otherFileSystem:
		return RuleOneFileSystem
	case reason == vanished, strings.HasPrefix(reason, unreadable):
		return RuleUnreadable
	}
	return RuleKind
}

// reasonOf turns an error into a reason. Only what the system said goes into
// it: the path stands beside it anyway.
func reasonOf(err error) string {
	if fsys.ClassOf(err) == fsys.ClassVanished || errors.Is(err, errReplaced) {
		return vanished
	}
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return unreadable + err.Error()
}

// supported takes a file system that has no attributes for one without any.
func supported(x meta.Xattrs, err error) (meta.Xattrs, error) {
	if err != nil && fsys.ClassOf(err) == fsys.ClassUnsupported {
		return nil, nil
	}
	return x, err
}

// refuse says why a directory is not entered, going by what it is.
func (r *reader) refuse(info *meta.Info) string {
	switch {
	case r.avoids(info):
		return excludedRoot
	case !r.CrossFileSystems && info.Dev != r.device:
		return otherFileSystem
	}
	return ""
}

func (r *reader) refuseFile(dir *fsys.Dir, c *child) string {
	switch {
	case r.avoids(&c.Info):
		return excludedPlan
	case r.MaxFileSize > 0 && c.Size > r.MaxFileSize:
		return tooLarge + strconv.FormatInt(c.Size, 10) + " bytes"
	case r.doubtful(&c.Info):
		return r.tryOpen(dir, c.Path)
	}
	return ""
}

func (r *reader) avoids(info *meta.Info) bool {
	return slices.Contains(r.Avoid, Identity{Dev: info.Dev, Ino: info.Ino})
}

// doubtful reports whether the mode leaves open if the user may read a file.
// Groups are not looked into: where only some may read, opening tells.
func (r *reader) doubtful(info *meta.Info) bool {
	if r.UID <= 0 {
		return false
	}
	if info.UID == uint32(r.UID) {
		return info.Mode&0o400 == 0
	}
	return info.Mode&0o044 != 0o044
}

func (r *reader) tryOpen(dir *fsys.Dir, name string) string {
	f, err := dir.OpenFile(name)
	if err != nil {
		return r.reason(err)
	}
	f.Close()
	return ""
}

// marked says why a directory is skipped, going by what lies in it.
func (r *reader) marked(dir *fsys.Dir, names []fsys.DirEntry) string {
	for _, marker := range r.ExcludeIfPresent {
		if contains(names, marker) {
			return "excluded: " + strings.ToValidUTF8(marker, "\uFFFD") + present
		}
	}
	if r.ExcludeCaches && contains(names, cacheTag) && hasSignature(dir) {
		return excludedCache
	}
	return ""
}

func contains(names []fsys.DirEntry, name string) bool {
	_, found := slices.BinarySearchFunc(names, name, func(e fsys.DirEntry, name string) int {
		return strings.Compare(e.Name, name)
	})
	return found
}

// hasSignature looks into the tag. One that cannot be read marks nothing:
// rather too much is backed up than too little.
func hasSignature(dir *fsys.Dir) bool {
	f, err := dir.OpenFile(cacheTag)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Kind != meta.File {
		return false
	}
	b := make([]byte, len(cacheSignature))
	_, err = io.ReadFull(f, b)
	return err == nil && string(b) == cacheSignature
}
