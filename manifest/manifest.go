// Package manifest turns a YAML file into a validated Manifest: what to back
// up, where to, and by which rules.
//
// It reads the one file it is given and nothing else: whether a path exists,
// is mounted or is reached through symlinks is for the planner to find out.
// (time.LoadLocation may read the system's time zone database.) The
// environment and the resolving of symlinks are passed in. It writes nothing
// and never guesses: whatever it does not know is an error with a position.
//
// How defaults and sources combine: excludes add up (built-in, defaults,
// source; excludes_replace drops what was inherited); mappings (require,
// guards, retention, hooks) are overridden key by key; every other value, lists
// included, replaces the inherited one. A zero, an empty string or an empty
// list switches an inherited key off.
package manifest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// SupportedVersion is the manifest version this package reads.
const SupportedVersion = 1

// maxFileSize bounds the memory and time that reading a manifest can take.
const maxFileSize = 1 << 20

// Manifest is a validated manifest with all defaults filled in.
type Manifest struct {
	Path               string // absolute path of the manifest file; empty if there is none
	SHA256             string // hex SHA-256 of the file's bytes; empty if there is no file
	Version            int
	Destination        string // absolute, cleaned: the backup root
	CreateDestination  bool
	DestinationRequire DestinationRequire
	RootID             string // lower case; empty: any root will do
	Timezone           string // "Local", "UTC" or an IANA name
	Location           *time.Location
	Workers            int // 0: number of CPUs
	Sources            []Source
}

// DestinationRequire is what must hold of the destination before a run.
type DestinationRequire struct {
	Mountpoint bool   // it must be the root of a mounted file system
	Sentinel   string // slash-separated path below it that must exist; empty: none
}

// Source is one directory tree to back up.
type Source struct {
	Name string // directory below the destination, may nest with "/"
	Path string // absolute, cleaned
	Settings
	Hooks Hooks
	Pos   Position // of the source in the file
	// Origins says where the keys stand from which the settings come: the
	// source's own, else those of defaults. Excludes have theirs in Pattern.
	Origins map[string]Position
}

// Hooks are shell commands that run around a source's backup. Variables are
// not expanded in them: that is for the shell to do.
type Hooks struct {
	Before, After, OnError []string
	Timeout                time.Duration // for each command; 0: none
	Ping                   string        // http or https URL that is told of the run, a secret; empty: none
}

// Empty reports whether there is no command.
func (h Hooks) Empty() bool { return len(h.Before)+len(h.After)+len(h.OnError) == 0 }

// DefaultHookTimeout is how long a command may take unless the manifest says
// otherwise: a hook that hangs must not keep backups from being made for days.
const DefaultHookTimeout = time.Hour

// Options hold what parsing needs from outside.
type Options struct {
	// Getenv looks up an environment variable. Nil: none is set.
	Getenv func(name string) (string, bool)
	// ResolveSymlinks resolves a source's path, only to derive its default
	// name. If it is nil or fails, the path as written gives the name.
	ResolveSymlinks func(path string) (string, error)
	// Excluded reports whether patterns exclude rel, a slash-separated path
	// relative to the source. Nil: nothing is ever excluded.
	Excluded func(patterns []Pattern, rel string, isDir bool) bool
}

// ErrDirectory says that what was given as a manifest is a directory.
var ErrDirectory = errors.New("it is a directory")

// Load reads and parses the manifest at path. An invalid manifest's error is
// of type Problems; that of a directory is ErrDirectory.
func Load(path string, o Options) (*Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read manifest %s: %w", path, ErrDirectory)
	}
	// One byte more than allowed, so that Parse notices an oversized file.
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return Parse(data, path, o)
}

// absolute returns path absolute and cleaned; a relative one is relative to
// dir, which must be absolute.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}
