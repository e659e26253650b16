//go:build !windows

package main

import "os"

// understands reports whether a terminal understands control sequences.
func understands(*os.File) bool { return true }
