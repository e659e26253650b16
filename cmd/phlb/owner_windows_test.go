package main

import "os"

// sameOwner is asked only where tests run as root.
func sameOwner(_, _ os.FileInfo) bool { return false }
