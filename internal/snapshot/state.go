package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"phlb/internal/fsys"
)

// FormatVersion is what Initialize writes. Roots of the same major version
// (before the dot) are understood.
const FormatVersion = "1.0"

// maxStateSize bounds root.json, in bytes.
const maxStateSize = 1 << 20

// State is the content of .phlb/root.json.
type State struct {
	ID            string `json:"id"`
	FormatVersion string `json:"format_version"`
	Generation    int64  `json:"generation"` // counts published changes
}

// stateKeys are the keys of State, in the order they are written in.
var stateKeys = [...]string{"id", "format_version", "generation"}

// State reads root.json. ok is false when there is none: a new root, or one
// that PHLB made. An unknown major version is ErrFormat.
func (r *Root) State() (s State, ok bool, err error) {
	s, _, err = r.readState()
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, false, nil
	}
	return s, err == nil, err
}

// readState also returns all keys, those of later minor versions included.
func (r *Root) readState() (State, map[string]json.RawMessage, error) {
	data, err := readSmall(r.dir, PrivateDir+"/"+stateFile, maxStateSize)
	if err != nil {
		return State{}, nil, err
	}
	s, keys, err := parseState(data)
	if err != nil {
		return State{}, nil, &StateError{Root: r.path, err: err}
	}
	return s, keys, nil
}

// StateError says that root.json cannot be used: it is ErrFormat or ErrDamaged.
type StateError struct {
	Root string
	err  error
}

// Error returns why.
func (e *StateError) Error() string {
	return fmt.Sprintf("read %s/%s/%s: %v", e.Root, PrivateDir, stateFile, e.err)
}

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.err }

func parseState(data []byte) (State, map[string]json.RawMessage, error) {
	var s State
	var keys map[string]json.RawMessage
	err := json.Unmarshal(data, &keys)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return State{}, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if s.FormatVersion == "" || s.ID == "" || s.Generation < 0 {
		return State{}, nil, fmt.Errorf("%w: no format_version, no id or a negative generation", ErrDamaged)
	}
	major, _, _ := strings.Cut(s.FormatVersion, ".")
	if known, _, _ := strings.Cut(FormatVersion, "."); major != known {
		return State{}, nil, fmt.Errorf("%w: version %q, this phlb knows %s.x",
			ErrFormat, s.FormatVersion, known)
	}
	return s, keys, nil
}

// encodeState writes s and those of keys that are not State's own.
func encodeState(s State, keys map[string]json.RawMessage) ([]byte, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	data = data[:len(data)-1] // without the closing brace
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if slices.ContainsFunc(stateKeys[:], func(k string) bool { return strings.EqualFold(k, key) }) {
			continue
		}
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		data = append(append(append(append(data, ','), name...), ':'), keys[key]...)
	}
	return append(data, "}\n"...), nil
}

// Initialize makes the root one of phlb's: .phlb if it is missing, and
// root.json with a new id. It fails with fs.ErrExist if root.json is there.
// The caller holds the exclusive lock.
func (r *Root) Initialize(newID func() string) (State, error) {
	s := State{ID: newID(), FormatVersion: FormatVersion}
	if err := r.writeState(s, nil, (*fsys.Dir).RenameNew); err != nil {
		return State{}, fmt.Errorf("initialize backup root: %w", err)
	}
	return s, nil
}

// BumpGeneration counts one more published change. Keys of root.json that
// this phlb does not know are kept. The caller holds the exclusive lock.
func (r *Root) BumpGeneration() (State, error) {
	s, keys, err := r.readState()
	if err != nil {
		return State{}, fmt.Errorf("count a published change: %w", err)
	}
	s.Generation++
	if err := r.writeState(s, keys, (*fsys.Dir).Rename); err != nil {
		return State{}, fmt.Errorf("count a published change: %w", err)
	}
	return s, nil
}

func (r *Root) writeState(s State, keys map[string]json.RawMessage, rename renameFunc) error {
	data, err := encodeState(s, keys)
	if err != nil {
		return err
	}
	dir, err := makeDirs(r.dir, PrivateDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return writeDurable(dir, stateFile, data, rename)
}
