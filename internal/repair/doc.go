// Package repair puts good copies in the place of damaged published files.
//
// The judge (package verify) says what is damaged. Of that, repair touches
// only what is proven: content that is not what a SHA256SUMS says which nobody
// else can have replaced, or which the snapshot's catalogue confirms. A good
// copy is another file of the root or of a source, found by hints of any kind
// and proven by its SHA-256 while it is copied. It becomes a new inode with the
// metadata of the old one, and every name of the damaged inode is moved to it
// by one rename each, so that no snapshot ever lacks the file or holds half of
// it.
//
// The package must never write to an inode that is published, never put
// content into place whose hash it has not computed itself, never touch what
// the records disagree about, and never leave anything of its own in a
// snapshot: work in progress lies below .phlb, where a journal tells the next
// run what an interrupted one had begun.
package repair

import (
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// inodeKey names a stored file, whatever its paths.
type inodeKey struct{ dev, ino uint64 }

func keyOf(info *meta.Info) inodeKey { return inodeKey{info.Dev, info.Ino} }

// Places below the root.
const (
	workDir   = snapshot.PrivateDir + "/staging/.repair"
	ledgerDir = snapshot.PrivateDir + "/repair"
)

// Modes of what phlb makes for itself.
const (
	dirMode  = 0o700
	fileMode = 0o600
)
