// Package restore copies what a snapshot holds back to where people work: a
// whole snapshot, a directory of it or a single file, with the exact metadata
// that the catalogue has for each path.
//
// Content is hashed while it is copied and compared with what is on record, in
// SHA256SUMS and in the catalogue. What is damaged is left out, unless it is
// asked for, and told in any case. Every file gets its final name only when it
// is whole: content, owner, attributes, times.
//
// The package must never write below the backup root, never link anything to a
// published file, never follow a symbolic link in the snapshot or below the
// target, and never change an inode that was in the target before: what is
// there is replaced by rename, or left alone.
package restore
