// Package verify judges a backup root: whether the files of its snapshots
// still are what SHA256SUMS and catalogues say (Verify), and whether a source
// tree is what its snapshot holds (Compare). Rebuild makes lookups,
// catalogues and missing SHA256SUMS lines anew from the snapshots.
//
// The package is a judge, so it shares no assumption with the packages that
// decide and write: it must never import plan or execute, never believe a
// lookup entry or a catalogue against the files, and never vouch for content
// that anything on record contradicts. Verify and Compare write nothing at
// all. Rebuild never touches a published file: it replaces SHA256SUMS by
// rename and writes below .phlb.
package verify
