package restore

import (
	"encoding/json"
	"sync"
	"time"
	"unicode/utf8"
)

// What the result says of itself.
const (
	Format        = "phlb-restore"
	FormatVersion = "1.0"
)

// Status says how a restore ended.
type Status string

// The statuses.
const (
	Complete Status = "complete" // everything that was asked for is there
	Partial  Status = "partial"  // it went to its end, but some paths are missing, damaged or unverified
	Failed   Status = "failed"   // it ended early
)

// Metadata says where the metadata of the restored paths comes from.
type Metadata string

// The origins of metadata.
const (
	Exact   Metadata = "exact"   // the catalogue of the run that made the snapshot
	Rebuilt Metadata = "rebuilt" // a rebuilt catalogue, which holds what the stored files carry
	Carried Metadata = "files"   // the stored files themselves
)

// Count is a number of files and their bytes.
type Count struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Problem is what is wrong with one path.
type Problem struct {
	Path     string // as in the source; raw bytes
	Err      string
	Restored bool // it lies in the target in spite of it
}

// MarshalJSON writes the path as path_b64 where it is not UTF-8.
func (p Problem) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		jsonPath
		Err      string `json:"error"`
		Restored bool   `json:"restored"`
	}{newJSONPath(p.Path), p.Err, p.Restored})
}

// jsonPath is a path in JSON, in one of two spellings.
type jsonPath struct {
	Path    string `json:"path,omitempty"`
	PathB64 []byte `json:"path_b64,omitempty"`
}

func newJSONPath(raw string) jsonPath {
	if utf8.ValidString(raw) {
		return jsonPath{Path: raw}
	}
	return jsonPath{PathB64: []byte(raw)}
}

// Result is what became of a restore. In a dry run the counts are of what
// would be done.
type Result struct {
	Format        string
	FormatVersion string
	Status        Status
	DryRun        bool
	Snapshot      string // name/time
	Path          string // what of it, as in the source; "." is all of it
	Target        string
	Metadata      Metadata
	Notes         []string // what is worth knowing about how exact the result is

	Restored    Count // copied; further names of a file are Hardlinks
	Hardlinks   int64
	Symlinks    int64
	Directories int64
	Unchanged   Count // they were there already
	Replaced    int64 // of those restored: something else was in their place
	Taken       int64 // hard links that the target refused and that became copies
	NotKept     int64 // paths whose owner, mode, times or xattrs could not be set

	Damaged    []Problem // the content is not what is on record
	Failed     []Problem // could not be read or written
	Unverified []Problem // nothing is on record for the content
	Unlisted   int64     // paths that the three lists had no room for

	Error      string
	Durations  map[string]float64 // seconds by phase
	Start, End time.Time          // UTC
}

// MarshalJSON writes the result for machines.
func (r *Result) MarshalJSON() ([]byte, error) {
	target := newJSONPath(r.Target)
	return json.Marshal(struct {
		Format        string `json:"format"`
		FormatVersion string `json:"format_version"`
		Status        Status `json:"status"`
		DryRun        bool   `json:"dry_run"`
		Snapshot      string `json:"snapshot"`
		jsonPath
		Target      string             `json:"target,omitempty"`
		TargetB64   []byte             `json:"target_b64,omitempty"`
		Metadata    Metadata           `json:"metadata"`
		Notes       []string           `json:"notes"`
		Restored    Count              `json:"restored"`
		Hardlinks   int64              `json:"hardlinks"`
		Symlinks    int64              `json:"symlinks"`
		Directories int64              `json:"directories"`
		Unchanged   Count              `json:"unchanged"`
		Replaced    int64              `json:"replaced"`
		Taken       int64              `json:"link_fallbacks"`
		NotKept     int64              `json:"metadata_not_kept"`
		Damaged     []Problem          `json:"damaged"`
		Failed      []Problem          `json:"failed"`
		Unverified  []Problem          `json:"unverified"`
		Unlisted    int64              `json:"unlisted,omitempty"`
		Error       string             `json:"error,omitempty"`
		Durations   map[string]float64 `json:"durations"`
		Start       time.Time          `json:"start"`
		End         time.Time          `json:"end"`
	}{
		r.Format, r.FormatVersion, r.Status, r.DryRun, r.Snapshot, newJSONPath(r.Path), target.Path, target.PathB64, r.Metadata,
		list(r.Notes), r.Restored, r.Hardlinks, r.Symlinks, r.Directories, r.Unchanged, r.Replaced, r.Taken, r.NotKept,
		list(r.Damaged), list(r.Failed), list(r.Unverified), r.Unlisted, r.Error, r.Durations, r.Start, r.End,
	})
}

// list makes an empty list [] in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// IsDamaged reports whether damage was found, restored or not.
func (r *Result) IsDamaged() bool { return len(r.Damaged) > 0 }

// IsIncomplete reports whether a path is missing or nothing vouches for it.
func (r *Result) IsIncomplete() bool { return len(r.Failed)+len(r.Unverified) > 0 }

// listLimit bounds each list of a result: a tree of a million unreadable files
// must not need memory for each.
const listLimit = 10_000

// tally lets workers change the result.
type tally struct {
	mu sync.Mutex
	*Result
}

// count changes counts of the result.
func (t *tally) count(change func(*Result)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t.Result)
}

// note adds a problem to one of the lists.
func (t *tally) note(list *[]Problem, p Problem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(*list) >= listLimit {
		t.Unlisted++
		return
	}
	*list = append(*list, p)
}
