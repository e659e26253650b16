package snapshot

import (
	"slices"
	"strings"

	"phlb/internal/meta"
)

const (
	othersEnter = 0o011 // search permission for group and others
	othersWrite = 0o022
)

// Private reports whether nobody but the calling user and root can enter the
// root directory, and so alter anything in it. Where the system has no modes
// that would tell, it says no.
func (r *Root) Private() (bool, error) {
	info, err := r.dir.Stat()
	if err != nil {
		return false, err
	}
	return isOwn(&info, r.euid) && info.Mode&othersEnter == 0, nil
}

// PrivateName reports whether nobody but the calling user and root can reach
// the snapshots of a name: because the root is Private, or a directory on the
// way from there to them is.
func (r *Root) PrivateName(name string) (bool, error) {
	if private, err := r.Private(); private || err != nil {
		return private, err
	}
	for end := 0; end < len(name); end++ {
		if n := strings.IndexByte(name[end:], '/'); n >= 0 {
			end += n
		} else {
			end = len(name)
		}
		info, err := r.dir.LstatAt(name[:end])
		if isMissing(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if info.Kind == meta.Dir && isOwn(&info, r.euid) && info.Mode&othersEnter == 0 {
			return true, nil
		}
	}
	return false, nil
}

// Sealed reports whether nobody but the calling user and root can reach any
// published file: because the root is Private, or because every directory in
// it is. One that is open to others is enough to reach what shares an inode
// with it. It is found out once: whoever opens a root while phlb is at work
// has to wait for the next run.
func (r *Root) Sealed() bool {
	r.sealed.Do(func() {
		private, err := r.Private()
		r.isSealed = err == nil && (private || r.allClosed())
	})
	return r.isSealed
}

// allClosed reports whether every directory in the root is closed to others.
func (r *Root) allClosed() bool {
	names, err := listNames(r.dir)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(names, func(name string) bool {
		info, err := r.dir.Lstat(name)
		return err != nil || info.Kind == meta.Dir && !(isOwn(&info, r.euid) && info.Mode&othersEnter == 0)
	})
}

// Trusts reports whether a SHA256SUMS (file) in the directory dir can be
// replaced or altered by nobody but the calling user and root: because the
// root is Private, or because both are theirs and neither can be written to by
// anybody else.
func (r *Root) Trusts(dir, file meta.Info) bool {
	if dir.Kind != meta.Dir || file.Kind != meta.File {
		return false
	}
	if private, err := r.Private(); err == nil && private {
		return true
	}
	return isTrusted(&dir, r.euid) && isTrusted(&file, r.euid)
}

// Fixed reports whether nobody but the calling user and root can alter a
// published file's content: because the root is Sealed, or because it is
// theirs and cannot be written to by anybody else. Whoever can write to a file
// can give it its times back, so that they prove nothing.
func (r *Root) Fixed(file *meta.Info) bool {
	return file.Kind == meta.File && (r.Sealed() || isTrusted(file, r.euid))
}

// isOwn reports whether the calling user or root owns something. euid is -1
// where the system has no user numbers.
func isOwn(info *meta.Info, euid int) bool {
	return euid >= 0 && (info.UID == 0 || int64(info.UID) == int64(euid))
}

// isTrusted reports whether nobody but its owner, the calling user or root,
// can write to something.
func isTrusted(info *meta.Info, euid int) bool {
	return isOwn(info, euid) && info.Mode&othersWrite == 0
}
