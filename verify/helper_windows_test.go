package verify

import (
	"io/fs"

	"golang.org/x/sys/windows"
)

// errFull is what a full disk says.
const errFull = windows.ERROR_DISK_FULL

// inodeOf has nothing to tell here: a replaced file shows by its time.
func inodeOf(fs.FileInfo) uint64 { return 0 }
