//go:build portable || !linux

package fsys

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"phlb/internal/meta"
)

// bare takes the standard library's wrapping off an error, which names
// another path than phlb would.
func bare(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	var se *os.SyscallError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	case errors.As(err, &se):
		return se.Err
	}
	return err
}

func appendEntries(list []DirEntry, entries []fs.DirEntry) []DirEntry {
	list = slices.Grow(list, len(entries))
	for _, e := range entries {
		list = append(list, DirEntry{Name: e.Name(), Kind: kindOfMode(e.Type())})
	}
	return list
}

func kindOfMode(mode fs.FileMode) meta.Kind {
	switch mode.Type() {
	case 0:
		return meta.File
	case fs.ModeDir:
		return meta.Dir
	case fs.ModeSymlink:
		return meta.Symlink
	case fs.ModeSocket:
		return meta.Socket
	case fs.ModeNamedPipe:
		return meta.Fifo
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		return meta.Device
	}
	return meta.Unknown
}
