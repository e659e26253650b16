package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// Suffixes of the files beside a snapshot, after its time.
const (
	SuffixLog     = "-backup.log"
	SuffixSummary = "-summary.txt"
	SuffixReport  = "-report.json"
	SuffixPinned  = ".pinned"
)

// Values of Status.
const (
	StatusComplete = "complete"
	StatusPartial  = "partial"
)

// maxReportSize bounds what Status reads of a report, in bytes.
const maxReportSize = 64 << 20

var sidecarSuffixes = [...]string{SuffixLog, SuffixSummary, SuffixReport, SuffixPinned}

func sidecarName(id ID, suffix string) (string, error) {
	if err := id.check(); err != nil {
		return "", err
	}
	if !slices.Contains(sidecarSuffixes[:], suffix) {
		return "", fmt.Errorf("file %q beside snapshot %s: %w", suffix, id, ErrName)
	}
	return id.Time + suffix, nil
}

// WriteSidecar writes a file (0600) beside a snapshot, which need not be
// there yet, whole and durably. It replaces an earlier one.
func (r *Root) WriteSidecar(id ID, suffix string, data []byte) error {
	name, err := sidecarName(id, suffix)
	if err != nil {
		return err
	}
	dir, err := makeDirs(r.dir, id.Name)
	if err != nil {
		return fmt.Errorf("write %s%s: %w", id, suffix, err)
	}
	defer dir.Close()
	if err := writeDurable(dir, name, data, (*fsys.Dir).Rename); err != nil {
		return fmt.Errorf("write %s%s: %w", id, suffix, err)
	}
	return nil
}

// OpenSidecar opens a file beside a snapshot for reading; the error is
// fs.ErrNotExist when it is missing.
func (r *Root) OpenSidecar(id ID, suffix string) (*fsys.File, error) {
	name, err := sidecarName(id, suffix)
	if err != nil {
		return nil, err
	}
	return openRegular(r.dir, id.Name+"/"+name)
}

// HasReport reports whether phlb made the snapshot: PHLB writes no reports.
// Others than the root's owner may see a report, and not read it.
func (r *Root) HasReport(id ID) bool {
	name, err := sidecarName(id, SuffixReport)
	if err != nil {
		return false
	}
	info, err := r.dir.LstatAt(id.Name + "/" + name)
	return err == nil && info.Kind == meta.File
}

// RemoveSidecars removes the log, summary, report and catalogue of a
// snapshot, as far as they exist, and what an interrupted writing of them
// left. The pin stays.
func (r *Root) RemoveSidecars(id ID) error {
	if err := id.check(); err != nil {
		return err
	}
	names := []string{id.Time + SuffixLog, id.Time + SuffixSummary, id.Time + SuffixReport}
	err := errors.Join(
		removeNames(r.dir, id.Name, names),
		removeNames(r.dir, PrivateDir+"/"+catalogDir+"/"+id.Name, []string{id.Time + catalogSuffix, id.Time + movedSuffix}))
	if err != nil {
		return fmt.Errorf("remove what belongs to snapshot %s: %w", id, err)
	}
	return nil
}

// removeNames removes files, and their temporary forms, from the directory
// rel, which may be missing too.
func removeNames(base *fsys.Dir, rel string, names []string) error {
	dir, err := base.OpenDirAt(rel)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, name := range names {
		if err := errors.Join(removeIfThere(dir, name), removeIfThere(dir, tempName(name))); err != nil {
			return err
		}
	}
	return dir.SyncNames()
}

// Pinned reports whether a snapshot must never be pruned. Anything at the
// pin's place counts, whatever it is: it was put there to keep something.
func (r *Root) Pinned(id ID) (bool, error) {
	name, err := sidecarName(id, SuffixPinned)
	if err != nil {
		return false, err
	}
	_, err = r.dir.LstatAt(id.Name + "/" + name)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// Pin keeps a snapshot, which must exist, from ever being pruned. One that
// is pinned already is left as it is.
func (r *Root) Pin(id ID) error {
	dir, err := r.OpenSnapshot(id)
	if err != nil {
		return err
	}
	dir.Close()
	if pinned, err := r.Pinned(id); err != nil || pinned {
		return err
	}
	return r.WriteSidecar(id, SuffixPinned, nil)
}

// Unpin takes a snapshot's pin away, if it has one.
func (r *Root) Unpin(id ID) error {
	name, err := sidecarName(id, SuffixPinned)
	if err != nil {
		return err
	}
	if err := removeNames(r.dir, id.Name, []string{name}); err != nil {
		return fmt.Errorf("unpin snapshot %s: %w", id, err)
	}
	return nil
}

// Status returns StatusComplete or StatusPartial. The report says which;
// without one, PHLB's summary, which it writes last, makes a snapshot
// complete.
func (r *Root) Status(id ID) (string, error) {
	f, err := r.OpenSidecar(id, SuffixReport)
	if err == nil {
		defer f.Close()
		return reportStatus(f), nil
	}
	if !isMissing(err) {
		return "", err
	}
	summary, err := r.OpenSidecar(id, SuffixSummary)
	if isMissing(err) {
		return StatusPartial, nil
	}
	if err != nil {
		return "", err
	}
	return StatusComplete, summary.Close()
}

// reportStatus finds the status in a report. One that cannot be read to that
// point vouches for nothing.
func reportStatus(r io.Reader) string {
	status := StatusPartial
	readMembers(r, func(key string, value json.RawMessage) (more bool) {
		if key == "status" && string(value) == `"`+StatusComplete+`"` {
			status = StatusComplete
		}
		return key != "status"
	})
	return status
}

// readMembers passes the members of a JSON object on, as far as it can be
// read, until take wants no more.
func readMembers(r io.Reader, take func(key string, value json.RawMessage) (more bool)) {
	dec := json.NewDecoder(io.LimitReader(r, maxReportSize))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return
		}
		var value json.RawMessage
		name, ok := key.(string)
		if !ok || dec.Decode(&value) != nil || !take(name, value) {
			return
		}
	}
}
