package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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

// BeginRun marks a plan as begun and not finished. resumed is true if it was
// marked already: an earlier run of it was interrupted. The caller holds the
// exclusive lock.
func (r *Root) BeginRun(planID string) (resumed bool, err error) {
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
	data, err := json.Marshal(map[string]string{"plan_id": planID})
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

// EndRun marks a plan as finished; it cannot be resumed any more.
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
	if err := removeIfThere(dir, name); err != nil {
		return fmt.Errorf("finish plan %s: %w", planID, err)
	}
	return syncDir(dir)
}
