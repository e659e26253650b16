package main

import "runtime/debug"

const (
	// gcPercent lets garbage grow to several times what is in use before it is
	// collected: phlb holds little and makes much.
	gcPercent = 400
	// memoryLimit is from where on it is collected more often, in bytes.
	memoryLimit = 256 << 20
)

// tuneGC trades memory for time, unless the environment says how.
func tuneGC(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
