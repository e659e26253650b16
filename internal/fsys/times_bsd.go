//go:build unix && !linux && !darwin && !freebsd

package fsys

import "phlb/internal/meta"

// futimes rounds down to microseconds: x/sys has no futimens.
func futimes(fd int, t meta.Time) error { return futimesMicro(fd, t) }
