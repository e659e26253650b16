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

// run is the content of a marker.
type run struct {
	PlanID string   `json:"plan_id"`
	Names  []string `json:"names"`
}

// maxRunFile bounds what is read of a marker, in bytes.
const maxRunFile = 1 << 20

// BeginRun marks a plan for snapshots of the given names as begun and not
// finished. resumed is true if it was marked already: an earlier run of it
// was interrupted. The caller holds the exclusive lock.
func (r *Root) BeginRun(planID string, names []string) (resumed bool, err error) {
	if resumed, err = r.RunOpen(planID); err != nil || resumed {
		return resumed, err
	}
	name, err := runFile(planID)
	if err != nil {
		return false, err
	}
	dir, err := makeDirs(r.dir, PrivateDir+"/"+stagingDir)
	if err != nil {
		return false, fmt.Errorf("begin plan %s: %w", planID, err)
	}
	defer dir.Close()
	data, err := json.Marshal(run{PlanID: planID, Names: names})
	if err != nil {
		return false, err
	}
	if err := writeDurable(dir, name, append(data, '\n'), (*fsys.Dir).Rename); err != nil {
		return false, fmt.Errorf("begin plan %s: %w", planID, err)
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
// they left are removed, too, as is what a crash left of writing one.
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

// readRun reads a marker; of what cannot be understood nothing is known.
func readRun(dir *fsys.Dir, name string) (content run) {
	f, err := openRegular(dir, name)
	if err != nil {
		return run{}
	}
	defer f.Close()
	if json.NewDecoder(io.LimitReader(f, maxRunFile)).Decode(&content) != nil {
		return run{}
	}
	return content
}
