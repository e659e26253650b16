// Package scan walks a source tree and decides what of it takes part in a
// backup: a sorted stream of entries, each with its metadata, or with the
// reason why it is skipped.
//
// Directories are read by several goroutines ahead of the consumer, relative
// to open descriptors and without following symbolic links; the stream comes
// out in the order of meta.ComparePaths whatever the goroutines do. What is
// read ahead and how many descriptors are open is bounded.
//
// The package must never write, never read the content of files (the
// signature of a CACHEDIR.TAG apart) and never end a walk because of one
// path below the source: such failures are skips.
package scan
