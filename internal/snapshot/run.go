package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"phlb/internal/fsys"
)

// maxPlanID bounds a plan's id, in bytes.
const maxPlanID = 64

// runFile is the marker of a plan that began and is not finished. No
// source's staging can have its name, as none starts with a dot.
func runFile(planID string) (string, error) {
	strange := func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}
	if planID == "" || len(planID) > maxPlanID || strings.ContainsFunc(planID, strange) {
		return "", fmt.Errorf("plan id %q: %w", planID, ErrName)
	}
	return ".run-" + planID + ".json", nil
}

// halfRun is how the temporary names of markers begin.
const halfRun = "..run-"

// Run is what is marked of a plan while it is carried out.
type Run struct {
	PlanID    string   `json:"plan_id"`
	Names     []string `json:"names"`               // of its sources
	Snapshots []string `json:"snapshots,omitempty"` // name/time of those that it makes
}

// maxRunFile bounds what is read of a marker, in bytes.
const maxRunFile = 1 << 20

// BeginRun marks a plan as begun and not finished. resumed is true if it was
// marked already: an earlier run of it was interrupted. The caller holds the
// exclusive lock.
func (r *Root) BeginRun(run Run) (resumed bool, err error) {
	if resumed, err = r.RunOpen(run.PlanID); err != nil || resumed {
		return resumed, err
	}
	name, err := runFile(run.PlanID)
	if err != nil {
		return false, err
	}
	dir, err := makeDirs(r.dir, PrivateDir+"/"+stagingDir)
	if err != nil {
		return false, fmt.Errorf("begin plan %s: %w", run.PlanID, err)
	}
	defer dir.Close()
	data, err := json.Marshal(run)
	if err != nil {
		return false, err
	}
	if err := writeDurable(dir, name, append(data, '\n'), (*fsys.Dir).Rename); err != nil {
		return false, fmt.Errorf("begin plan %s: %w", run.PlanID, err)
	}
	return false, nil
}

// RunOpen reports whether a plan began and is not finished.
func (r *Root) RunOpen(planID string) (bool, error) {
	name, err := runFile(planID)
	if err != nil {
		return false, err
	}
	_, err = r.dir.LstatAt(PrivateDir + "/" + stagingDir + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// EndRun marks a plan as finished; it cannot be resumed any more. Neither can
// earlier plans for some of its names, as the root has moved on: the marks
// they left are removed, too, as is what a crash left of writing one, and what
// they wrote of snapshots right before publishing them.
func (r *Root) EndRun(planID string) error {
	name, err := runFile(planID)
	if err != nil {
		return err
	}
	dir, err := r.openPrivate(stagingDir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	superseded, err := supersededBy(dir, name)
	if err != nil {
		return fmt.Errorf("finish plan %s: %w", planID, err)
	}
	for _, marker := range superseded {
		if err := r.dropUnpublished(readRun(dir, marker)); err != nil {
			return fmt.Errorf("finish plan %s: %w", planID, err)
		}
	}
	for _, marker := range append(superseded, name) {
		if err := removeIfThere(dir, marker); err != nil {
			return fmt.Errorf("finish plan %s: %w", planID, err)
		}
	}
	return dir.SyncNames()
}

// supersededBy returns the markers of other plans, all of whose names the
// marker's plan has, too, and half-written ones: the lock leaves no writer.
func supersededBy(dir *fsys.Dir, marker string) ([]string, error) {
	own := readRun(dir, marker)
	list, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var old []string
	for _, e := range list {
		if strings.HasPrefix(e.Name, halfRun) {
			old = append(old, e.Name)
			continue
		}
		if e.Name == marker || !strings.HasPrefix(e.Name, ".run-") {
			continue
		}
		names := readRun(dir, e.Name).Names
		if !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(own.Names, n) }) {
			old = append(old, e.Name)
		}
	}
	return old, nil
}

// dropUnpublished removes report and catalogue of the snapshots that an
// interrupted run did not come to publish. Nobody else would: they would pass
// for those of a snapshot that somebody removed.
func (r *Root) dropUnpublished(interrupted Run) error {
	for _, s := range interrupted.Snapshots {
		id, err := ParseID(s)
		if err != nil {
			continue // it names nothing
		}
		published, err := r.wasPublished(id)
		if err == nil && !published {
			err = r.RemoveSidecars(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wasPublished reports whether a snapshot is there, or was: its log gets to
// its place only after it.
func (r *Root) wasPublished(id ID) (bool, error) {
	if there, err := r.hasSnapshot(id); err != nil || there {
		return there, err
	}
	_, err := r.dir.LstatAt(id.String() + SuffixLog)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// readRun reads a marker; of what cannot be understood nothing is known.
func readRun(dir *fsys.Dir, name string) (content Run) {
	f, err := openRegular(dir, name)
	if err != nil {
		return Run{}
	}
	defer f.Close()
	if json.NewDecoder(io.LimitReader(f, maxRunFile)).Decode(&content) != nil {
		return Run{}
	}
	return content
}
