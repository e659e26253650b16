package snapshot

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// maxJournalLine bounds one line of a journal, in bytes. Longer ones are
// skipped without being held.
const maxJournalLine = 128 << 10

// JournalEntry says that a staged file is complete: it holds the content
// that the source's file had when its metadata was as given here.
type JournalEntry struct {
	Path   string // stored path, relative to the tree
	Size   int64  // bytes, of the source and so of the staged file
	Mtime  meta.Time
	Ctime  meta.Time
	Ino    uint64
	SHA256 digest.Sum

	StagedIno   uint64    // inode of the staged file
	StagedMtime meta.Time // its mtime once it was complete

	// Racy says that the source's file could have changed after it was read
	// without its ctime telling: before the staged file is taken over, the
	// source must be read again and compared with SHA256.
	Racy bool
}

// journalLine is the JSON of a JournalEntry, one a line.
type journalLine struct {
	Path        string     `json:"path,omitempty"`
	PathBytes   []byte     `json:"path_b64,omitempty"` // in its place when it is not UTF-8
	Size        int64      `json:"size"`
	Mtime       meta.Time  `json:"mtime_ns"`
	Ctime       meta.Time  `json:"ctime_ns"`
	Ino         uint64     `json:"ino"`
	SHA256      digest.Sum `json:"sha256"`
	StagedIno   uint64     `json:"staged_ino"`
	StagedMtime meta.Time  `json:"staged_mtime_ns"`
	Racy        bool       `json:"racy,omitempty"`
}

// appendJournal appends the line of an entry.
func appendJournal(b []byte, e *JournalEntry) []byte {
	b = jsonl.AppendPath(append(b, '{'), "path", e.Path)
	b = strconv.AppendInt(append(b, `,"size":`...), e.Size, 10)
	b = e.Mtime.Append(append(b, `,"mtime_ns":`...))
	b = e.Ctime.Append(append(b, `,"ctime_ns":`...))
	b = strconv.AppendUint(append(b, `,"ino":`...), e.Ino, 10)
	b = append(e.SHA256.AppendHex(append(b, `,"sha256":"`...)), '"')
	b = strconv.AppendUint(append(b, `,"staged_ino":`...), e.StagedIno, 10)
	b = e.StagedMtime.Append(append(b, `,"staged_mtime_ns":`...))
	if e.Racy {
		b = append(b, `,"racy":true`...)
	}
	return append(b, "}\n"...)
}

// parseJournal reads one line; ok is false for anything that Record would
// not have written.
func parseJournal(line []byte) (e JournalEntry, ok bool) {
	var l journalLine
	if json.Unmarshal(line, &l) != nil || (l.Path == "") == (len(l.PathBytes) == 0) {
		return JournalEntry{}, false
	}
	path := l.Path + string(l.PathBytes)
	if !isLocal(path) || l.Size < 0 || l.SHA256.IsZero() || l.StagedIno == 0 {
		return JournalEntry{}, false
	}
	return JournalEntry{
		Path: path, Size: l.Size, Mtime: l.Mtime, Ctime: l.Ctime, Ino: l.Ino, SHA256: l.SHA256,
		StagedIno: l.StagedIno, StagedMtime: l.StagedMtime, Racy: l.Racy,
	}, true
}

// readJournal passes every sound entry to yield, in the order they were
// recorded. A line that a crash tore, or that somebody altered, is as if it
// had not been written: its file is stored again.
func readJournal(r io.Reader, yield func(JournalEntry)) error {
	in := bufio.NewReaderSize(r, maxJournalLine)
	for {
		line, err := in.ReadSlice('\n')
		if err == nil {
			if e, ok := parseJournal(line); ok {
				yield(e)
			}
			continue
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = skipLine(in)
		}
		if err == io.EOF {
			return nil // what stands after the last newline is torn
		}
		if err != nil {
			return err
		}
	}
}

func skipLine(in *bufio.Reader) error {
	for {
		if _, err := in.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// loadJournal adds the entries of one journal to earlier; later ones win. A
// missing journal has none.
func loadJournal(dir *fsys.Dir, name string, earlier map[string]JournalEntry) error {
	f, err := openRegular(dir, name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return readJournal(f, func(e JournalEntry) { earlier[e.Path] = e })
}
