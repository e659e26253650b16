// Package catalog reads and writes the catalogue of a snapshot: the exact
// metadata of each of its paths in the source, their SHA-256, and what was
// stored for them.
//
// A catalogue is a cache: snapshots and their SHA256SUMS files are the truth,
// and one that is missing, cut off or damaged is rebuilt or done without. The
// package opens no file itself, holds one record at a time, and must never
// guess: whatever is not certainly a whole catalogue is an error.
//
// # Format
//
// A catalogue is <root>/.phlb/catalog/<name>/<time>.jsonl.zst: lines of JSON,
// UTF-8, compressed with zstd. The first line is the header:
//
//	{"format":"phlb-catalog","format_version":"1.0","name":"home","snapshot":"2026-11-23-140000","source":"/home/me","plan_id":"…","started":"2026-11-23T13:00:00Z","origin":"apply"}
//
// origin is "apply", or "rebuild": then the records hold only what the
// snapshot's own files carry, and no stored. Times are UTC in RFC 3339.
//
// Then there is one record a line, sorted component by component in byte
// order, a directory's content right after it. The source directory itself
// comes first, with the path ".". Paths that were skipped have no record.
//
//	{"path":".","kind":"dir","mode":"0755","uid":0,"gid":0,"mtime_ns":1795442400000000000}
//	{"path":"a.txt","kind":"file","size":4711,"mode":"0644","uid":1000,"gid":1000,"mtime_ns":…,"ctime_ns":…,"ino":12,"xattrs":{"user.a":"Yg=="},"sha256":"…","stored":{"action":"copy","ino":99,"ctime_ns":…}}
//	{"path":"ln","kind":"symlink","uid":0,"gid":0,"mtime_ns":…,"target":"a.txt"}
//
// Always there are path, kind (file, dir or symlink), uid, gid and mtime_ns;
// size, mode and sha256 with files, mode with directories, target with
// symbolic links. What is not there is zero, empty, or not known:
//
//   - ctime_ns, ino: of the source; integers that may exceed 64 and 63 bits
//   - xattrs: name to base64; names that are not UTF-8 are in xattrs_b64
//   - hardlink: path of the first member of the source's hard-link group, on
//     the later members
//   - racy: true if the source's ctime was less than two seconds old when read
//   - stored: the inode in the snapshot, as it was when the snapshot was made.
//     action is copy or link. ctime_ns is that of a copy: linking changes it, to
//     a time that the run's report tells (ctime_window). mode, uid, gid,
//     mtime_ns and xattrs are left out where they equal the record's own; empty
//     xattrs beside a record that has some are written as {}.
//
// mode is octal, at least four digits, all permission bits. A path, target or
// hardlink that is not UTF-8 is given as path_b64 and so on, standard base64;
// so is the header's source.
//
// The last line ends the catalogue. One without it was cut off.
//
//	{"end":true,"entries":3,"files":1,"bytes":4711,"status":"complete","finished":"2026-11-23T13:00:07Z"}
//
// entries counts the records, files the regular ones among them, bytes their
// sizes; status is complete or partial. Readers ignore unknown keys of the
// same major version and refuse another major version.
package catalog
