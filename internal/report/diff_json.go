package report

import (
	"fmt"
	"io"
	"unicode/utf8"

	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapdiff"
)

// diffEntryJSON is an entry in JSON.
type diffEntryJSON struct {
	Change snapdiff.Change `json:"change"`
	Path
	From    string     `json:"from,omitempty"`
	FromB64 []byte     `json:"from_b64,omitempty"`
	Old     *stateJSON `json:"old,omitempty"`
	New     *stateJSON `json:"new,omitempty"`
	Differs []string   `json:"differs,omitempty"`
}

// stateJSON is what a snapshot has at a path.
type stateJSON struct {
	Kind      string     `json:"kind"`
	Size      *int64     `json:"size,omitempty"` // of files
	Mode      string     `json:"mode,omitempty"` // but of symbolic links
	UID       uint32     `json:"uid"`
	GID       uint32     `json:"gid"`
	Mtime     meta.Time  `json:"mtime_ns"`
	SHA256    digest.Sum `json:"sha256,omitzero"`
	Target    string     `json:"target,omitempty"`
	TargetB64 []byte     `json:"target_b64,omitempty"`
}

func newState(s *listing.State) *stateJSON {
	if s == nil {
		return nil
	}
	j := &stateJSON{Kind: s.Kind.String(), UID: s.UID, GID: s.GID, Mtime: s.Mtime, SHA256: s.SHA256}
	j.Target, j.TargetB64 = spellings(s.Target)
	if s.Kind == meta.File {
		j.Size = &s.Size
	}
	if s.Kind != meta.Symlink {
		j.Mode = fmt.Sprintf("%04o", s.Mode)
	}
	return j
}

// spellings returns a text as it is, or, if it is not UTF-8, as bytes.
func spellings(raw string) (text string, b64 []byte) {
	if utf8.ValidString(raw) {
		return raw, nil
	}
	return "", []byte(raw)
}

// diffHead is what stands before the entries.
type diffHead struct {
	First  string `json:"first"`
	Second string `json:"second"`
}

// diffRest is what stands behind them.
type diffRest struct {
	Different  bool                               `json:"different"`
	Counts     map[snapdiff.Change]snapdiff.Count `json:"counts"`
	Unreadable int64                              `json:"unreadable"`
	Errors     []string                           `json:"errors,omitempty"`
	Notices    []string                           `json:"notices,omitempty"`
}

// DiffJSON writes what changed between two snapshots as one JSON document, an
// entry a line.
func DiffJSON(w io.Writer, d *snapdiff.Diff) error {
	s := &d.Summary
	return writeLines(w, &diffHead{s.First, s.Second}, "entries", func(line func(any) error) error {
		for i := range d.Entries {
			if err := line(newDiffEntry(&d.Entries[i])); err != nil {
				return err
			}
		}
		return nil
	}, &diffRest{s.Different(), s.Counts, s.Unreadable, s.Errors, s.Notices})
}

func newDiffEntry(e *snapdiff.Entry) *diffEntryJSON {
	j := &diffEntryJSON{
		Change: e.Change, Path: NewPath(e.Path), Old: newState(e.Old), New: newState(e.New), Differs: e.Differs,
	}
	j.From, j.FromB64 = spellings(e.From)
	return j
}
