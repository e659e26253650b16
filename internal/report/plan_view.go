package report

import (
	"time"

	"phlb/internal/fsys"
	"phlb/plan"
)

// What a plan's summary in JSON says of itself.
const (
	SummaryFormat        = "phlb-plan-summary"
	SummaryFormatVersion = "1.0"
)

// PlanSummary is what a reviewer needs to know of a plan. In JSON it stands
// behind "format" and "format_version". If entries are listed, "sources" comes
// next, and each source has, as in the plan,
//
//	"name":"home","entries":[…],"deleted":[…]
//
// before the rest of its keys: the entries and paths that the filter selects,
// spelled as in the plan, one a line. Else no source has these two keys.
//
// All lists of paths are the heaviest few; a count beside them tells how many
// there are. If there is a filter, lists and counts are about what it selects;
// Totals, HasChanges, WillBePartial and Alarms are about the whole plan.
type PlanSummary struct {
	PlanID      string          `json:"plan_id"`
	PHLBVersion string          `json:"phlb_version"`
	CreatedAt   time.Time       `json:"created_at"`
	Manifest    *ManifestView   `json:"manifest,omitempty"`
	Destination DestinationView `json:"destination"`
	Applyable   bool            `json:"applyable"`
	Overrides   []string        `json:"overridden_guards,omitempty"`
	PruneOnly   bool            `json:"prune_only,omitempty"`
	// HasChanges: there is an entry that is not unchanged, a skip of what the
	// parent has, a deletion or a prune. No filter applies to it.
	HasChanges bool            `json:"has_changes"`
	Filter     *Filter         `json:"filter,omitempty"`
	Sources    []SourceSummary `json:"sources"`
	Keep       []KeepView      `json:"keep"`
	Prune      []PruneView     `json:"prune"`
	Unlisted   []string        `json:"unlisted_names,omitempty"` // in the root, but not in the manifest
	// Strangers are what lies in a directory that is to become a root and holds
	// no snapshot, likewise only told right after planning.
	Strangers []string `json:"destination_holds,omitempty"`
	// Limits are what the destination is known not to hold, by the names of
	// doctor's checks. Like Unlisted they are told only right after planning.
	Limits []fsys.Limit    `json:"destination_limits,omitempty"`
	Totals plan.PlanTotals `json:"totals"`
	Digest string          `json:"digest"`
	// File is the file that was read; absent right after planning.
	File *PlanFile `json:"file,omitempty"`
}

// PlanFile is the file that a plan was read from.
type PlanFile struct {
	Path
	SHA256 string `json:"sha256"` // hex, of all its bytes; for apply --expect-sha256
}

// ManifestView names the manifest that a plan was made from.
type ManifestView struct {
	Path
	SHA256 string `json:"sha256"`
}

// DestinationView is the backup root of a plan.
type DestinationView struct {
	Path
	ID         *string `json:"id"` // null: applying begins a new root
	Generation int64   `json:"generation"`
}

// SourceSummary sums up one source.
type SourceSummary struct {
	Name string `json:"name"`
	Path
	Snapshot *string     `json:"snapshot"` // null: none is made
	Parent   *string     `json:"parent"`   // null: there is none
	Guards   []GuardView `json:"guards"`   // tripped, overridden, passed
	Totals   plan.Totals `json:"totals"`   // of all entries
	// Selected are the totals of what the filter selects; absent without one.
	Selected *plan.Totals `json:"selected,omitempty"`
	// ByAction splits the totals by change.
	ByAction      []ActionView    `json:"by_action"`
	LargestCopies []FileView      `json:"largest_copies"`
	Directories   []DirectoryView `json:"directories"`
	Changes       []ChangeView    `json:"changes"` // content, type, moved, metadata
	Deleted       DeletedView     `json:"deletions"`
	Skipped       []SkipView      `json:"skipped"`
	// WillBePartial: paths exist that cannot be stored.
	WillBePartial bool `json:"will_be_partial"`
	// Alarms are what deserves a look, the most alarming first.
	Alarms []AlarmView `json:"alarms"`

	copied *rollup // what is copied, by directory
}

// GuardView is one guard of a source.
type GuardView struct {
	Name   string `json:"name"`
	Limit  any    `json:"limit,omitempty"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// ActionView counts the entries of one action by change.
type ActionView struct {
	Action   plan.Action       `json:"action"`
	Files    int64             `json:"files"` // paths of any kind
	Bytes    int64             `json:"bytes"`
	ByChange []ChangeCountView `json:"by_change,omitempty"`
}

// ChangeCountView counts the entries of one action and change.
type ChangeCountView struct {
	Change plan.Change `json:"change"`
	Files  int64       `json:"files"`
	Bytes  int64       `json:"bytes"`
}

// FileView is one path of a plan.
type FileView struct {
	Path
	Bytes  int64       `json:"bytes"`
	Change plan.Change `json:"change,omitempty"`
	Reason string      `json:"reason,omitempty"`
	From   *Path       `json:"from,omitempty"` // of a moved file: where it is stored
}

// DirectoryView is the share of one directory in what is copied. The shares
// of a source do not overlap.
type DirectoryView struct {
	Path
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// Rest: without the directories below it that have a share of their own.
	Rest bool `json:"rest,omitempty"`
	// Other: what lies in no listed directory; there is no path.
	Other bool `json:"other,omitempty"`
}

// ChangeView is what changed in one way, with the largest of it.
type ChangeView struct {
	Change   plan.Change `json:"change"`
	Files    int64       `json:"files"`
	Bytes    int64       `json:"bytes"`
	Examples []FileView  `json:"examples"`
}

// DeletedView is what the parent has and the source has no more.
type DeletedView struct {
	Files    int64  `json:"files"`
	Examples []Path `json:"examples"`
	// Directories are where most of them were, without bytes; absent where
	// the examples are all.
	Directories []DirectoryView `json:"directories,omitempty"`
}

// SkipView is what is skipped for one reason.
type SkipView struct {
	Reason   string `json:"reason"`
	Files    int64  `json:"files"`               // paths of any kind
	Bytes    int64  `json:"bytes"`               // of regular files
	InParent int64  `json:"in_parent,omitempty"` // of Files: those that the parent has, and the new snapshot will not
	Examples []Path `json:"examples"`
}

// why is the reason, with what becomes of paths that are stored so far.
func (s *SkipView) why() string {
	switch {
	case s.InParent == 0:
		return s.Reason
	case s.Files == 1:
		return s.Reason + "; the parent has it"
	}
	return s.Reason + "; the parent has " + Count(s.InParent) + " of them"
}

// KeepView is a snapshot that stays, and why.
type KeepView struct {
	Snapshot string   `json:"snapshot"`
	Reasons  []string `json:"reasons"`
}

// PruneView is a snapshot that is to be removed, and why.
type PruneView struct {
	Snapshot   string `json:"snapshot"`
	Reason     string `json:"reason"`
	FreesBytes int64  `json:"frees_bytes"`
}
