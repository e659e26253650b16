package fsys

import (
	"errors"
	"io/fs"
	"syscall"
)

// ClassOf sorts an error by what can be done about it. What "not permitted"
// and "not supported" mean depends on the operation: a link that is refused
// so can be a copy; anything else lacks a permission or a feature.
func ClassOf(err error) Class {
	if err == nil {
		return ClassOther
	}
	class := classOf(err)
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return class
	}
	linking := pe.Op == string(OpLink)
	switch {
	case linking && class == ClassUnsupported:
		return ClassLinkRefused
	case !linking && class == ClassLinkRefused && errors.Is(err, syscall.EPERM):
		return ClassPermission
	}
	return class
}

func classOf(err error) Class {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if class := classOfErrno(errno); class != ClassOther {
			return class
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ClassVanished
	case errors.Is(err, fs.ErrPermission):
		return ClassPermission
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, ErrUnsupported):
		return ClassUnsupported
	}
	return ClassOther
}
