package manifest

import (
	"encoding/json"

	"phlb/internal/retain"
)

// MinSmallFileThreshold is the lowest threshold, in bytes, and the default:
// below it PHLB, which shares the format, never links.
const MinSmallFileThreshold = 1000

// Settings are the effective keys of a source, hooks excepted. The JSON tags
// are the manifest's keys; plan.json embeds them.
type Settings struct {
	Excludes           []Pattern       `json:"excludes"` // built-in, then those of defaults, then the source's
	ExcludeIfPresent   []string        `json:"exclude_if_present,omitempty"`
	ExcludeCaches      bool            `json:"exclude_caches,omitempty"`
	MaxFileSize        int64           `json:"max_file_size,omitempty"` // bytes; 0: no limit
	OneFileSystem      bool            `json:"one_file_system"`
	ChangeDetection    ChangeDetection `json:"change_detection"`
	LinkMatch          LinkMatch       `json:"link_match"`
	SmallFiles         SmallFiles      `json:"small_files"`
	SmallFileThreshold int64           `json:"small_file_threshold"` // bytes
	Require            Require         `json:"require,omitzero"`
	Guards             Guards          `json:"guards,omitzero"`
	SkipIfUnchanged    bool            `json:"skip_if_unchanged,omitempty"`
	Retention          *retain.Policy  `json:"retention,omitempty"` // nil: nothing is pruned
}

// Require is what must hold of a source before it is scanned.
type Require struct {
	Mountpoint bool   `json:"mountpoint,omitempty"` // it must be the root of a mounted file system
	Sentinel   string `json:"sentinel,omitempty"`   // slash-separated path below it that must exist; empty: none
	MinFiles   int64  `json:"min_files,omitempty"`  // regular files it must hold; 0: any number
}

// Guards stop a run that would do more than expected. Nil: no guard.
type Guards struct {
	MaxDeletedPercent *float64 `json:"max_deleted_percent,omitempty"` // 0 to 100, of the parent's files
	MaxChangedPercent *float64 `json:"max_changed_percent,omitempty"` // 0 to 100, changed in content
	MinFree           *int64   `json:"min_free,omitempty"`            // bytes left on the destination
}

// ChangeDetection says what proves a file unchanged.
type ChangeDetection string

// The ways to detect a change.
const (
	DetectMetadata ChangeDetection = "metadata" // size, mtime, ctime and inode
	DetectContent  ChangeDetection = "content"  // read everything
	DetectMtime    ChangeDetection = "mtime"    // size and mtime: for sources without stable inodes
)

// LinkMatch says how equal two files must be to share an inode.
type LinkMatch string

// The ways to match a link's target.
const (
	MatchPermissions LinkMatch = "permissions" // content, mode, owner and xattrs
	MatchContent     LinkMatch = "content"     // content alone
	MatchMetadata    LinkMatch = "metadata"    // permissions and mtime
)

// SmallFiles says what becomes of unchanged files below the threshold.
type SmallFiles string

// The ways to store an unchanged small file.
const (
	SmallFilesCopy SmallFiles = "copy"
	SmallFilesLink SmallFiles = "link" // to the parent snapshot's
)

// Pattern is one exclude in gitignore's syntax. In JSON it is its text.
type Pattern struct {
	Text    string
	Pos     Position // where it stands; zero if built in or given on the command line
	Builtin bool
}

// MarshalJSON writes the text as a JSON string.
func (p Pattern) MarshalJSON() ([]byte, error) { return json.Marshal(p.Text) }

// UnmarshalJSON reads a JSON string; where it came from is not recorded there.
func (p *Pattern) UnmarshalJSON(data []byte) error {
	*p = Pattern{}
	return json.Unmarshal(data, &p.Text)
}

// BuiltinExcludes are the patterns that every manifest excludes: PHLB's.
func BuiltinExcludes() []string {
	return []string{"__pycache__/", ".cache/", ".temp/", ".tmp/", ".tox/", ".nox/"}
}

func builtinExcludes() []Pattern {
	var patterns []Pattern
	for _, dir := range BuiltinExcludes() {
		patterns = append(patterns, Pattern{Text: dir, Builtin: true})
	}
	return patterns
}

// defaultSettings are the settings of a source that says nothing.
func defaultSettings() Settings {
	return Settings{
		Excludes:           builtinExcludes(),
		OneFileSystem:      true,
		ChangeDetection:    DetectMetadata,
		LinkMatch:          MatchPermissions,
		SmallFiles:         SmallFilesCopy,
		SmallFileThreshold: MinSmallFileThreshold,
	}
}
