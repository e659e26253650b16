package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// understands reports whether a console understands control sequences, which
// it has to be asked for.
func understands(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
