package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"phlb/plan"
)

// Deleted is the word by which filters select what the parent snapshot has
// and the source has no more. It works as an action and as a change.
const Deleted = "deleted"

// ErrFilter is returned for a filter that names something unknown.
var ErrFilter = errors.New("invalid filter")

// Filter selects entries of a plan. What is empty selects everything; an
// entry must pass all three.
type Filter struct {
	Actions []string `json:"actions,omitempty"` // copy, link, skip, mkdir, symlink, deleted
	Changes []string `json:"changes,omitempty"` // new, content, metadata, moved, type, unchanged, deleted
	// PathGlob is a doublestar pattern for the path relative to the source.
	// A pattern without a slash matches names at any depth; a leading slash
	// ties it to the top. What matches a directory selects all below it.
	PathGlob string `json:"path,omitempty"`
}

// FilterActions are the actions that a Filter takes.
func FilterActions() []string {
	return []string{
		string(plan.ActionCopy), string(plan.ActionLink), string(plan.ActionSkip),
		string(plan.ActionMkdir), string(plan.ActionSymlink), Deleted,
	}
}

// FilterChanges are the changes that a Filter takes.
func FilterChanges() []string {
	return []string{
		string(plan.ChangeNew), string(plan.ChangeContent), string(plan.ChangeMetadata),
		string(plan.ChangeMoved), string(plan.ChangeType), string(plan.ChangeUnchanged), Deleted,
	}
}

// Empty reports whether the filter selects everything.
func (f Filter) Empty() bool {
	return len(f.Actions) == 0 && len(f.Changes) == 0 && f.PathGlob == ""
}

// check returns an error wrapping ErrFilter for unknown words.
func (f Filter) check() error {
	if err := checkWords("action", f.Actions, FilterActions()); err != nil {
		return err
	}
	return checkWords("change", f.Changes, FilterChanges())
}

func checkWords(what string, words, known []string) error {
	for _, w := range words {
		if !slices.Contains(known, w) {
			return fmt.Errorf("%w: unknown %s %q: choose from %s", ErrFilter, what, w, strings.Join(known, ", "))
		}
	}
	return nil
}

// selector is a checked Filter at work on one plan.
type selector struct {
	Filter
	paths *PathFilter
}

func newSelector(f Filter) (*selector, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	paths, err := NewPathFilter(f.PathGlob)
	return &selector{Filter: f, paths: paths}, err
}

func (s *selector) entry(e *plan.Entry) bool {
	return allows(s.Actions, string(e.Action)) && allows(s.Changes, string(e.Change)) && s.paths.Match(e.Path)
}

// deleted selects a path that is gone: by the word in either list, unless
// the other one asks for something else.
func (s *selector) deleted(path string) bool {
	return allows(s.Actions, Deleted) && allows(s.Changes, Deleted) && s.paths.Match(path)
}

func allows(words []string, word string) bool { return len(words) == 0 || slices.Contains(words, word) }

// PathFilter selects paths by a pattern as in Filter.PathGlob. It is for one
// goroutine.
type PathFilter struct {
	glob     string // "": everything
	anyDepth bool

	// The verdict on the directory of the last path: paths come sorted, so
	// it mostly holds for the next one too.
	dir         string
	dirSelected bool
}

// NewPathFilter returns an error wrapping ErrFilter for a malformed pattern.
func NewPathFilter(pattern string) (*PathFilter, error) {
	if !doublestar.ValidatePattern(pattern) {
		return nil, fmt.Errorf("%w: path pattern %q is malformed", ErrFilter, pattern)
	}
	glob := strings.TrimSuffix(pattern, "/")
	return &PathFilter{glob: strings.TrimPrefix(glob, "/"), anyDepth: !strings.Contains(glob, "/")}, nil
}

// Match reports whether the pattern matches the path or a directory above it.
func (f *PathFilter) Match(path string) bool {
	if f.glob == "" {
		return true
	}
	dir, base := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, base = path[:i], path[i+1:]
	}
	if dir != f.dir {
		f.dir, f.dirSelected = dir, dir != "" && f.matchAny(dir)
	}
	return f.dirSelected || f.match(path, base)
}

// matchAny reports whether the pattern matches dir or a directory above it.
func (f *PathFilter) matchAny(dir string) bool {
	for end := range len(dir) + 1 {
		if end < len(dir) && dir[end] != '/' {
			continue
		}
		if f.match(dir[:end], dir[strings.LastIndexByte(dir[:end], '/')+1:end]) {
			return true
		}
	}
	return false
}

func (f *PathFilter) match(path, base string) bool {
	if f.anyDepth {
		path = base
	}
	return doublestar.MatchUnvalidated(f.glob, path)
}
