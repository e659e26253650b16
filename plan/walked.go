package plan

import (
	"context"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// walkedAhead is how many records may wait for who merges them.
const walkedAhead = 1024

// walkedParent makes records of what the snapshot's files themselves carry.
// Without the source's inode and ctime nothing can be taken for unchanged, so
// the content decides, once.
type walkedParent struct {
	records chan *catalog.Record
	cancel  context.CancelFunc
	dir     *fsys.Dir
	cur     *catalog.Record
	end     bool
	err     error // valid once records is closed
}

func (s *sourceBuild) walkParent(ctx context.Context, native bool) (parent, error) {
	dir, err := s.root.OpenSnapshot(s.parentID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &walkedParent{records: make(chan *catalog.Record, walkedAhead), cancel: cancel, dir: dir}
	w := &snapshotWalk{root: s.root, dir: dir, native: native}
	go func() {
		defer close(p.records)
		p.err = scan.Walk(ctx, dir, scan.Options{
			CrossFileSystems: true, Xattrs: scan.XattrsAll, Workers: 1, Only: s.opts.probe.stored(native),
		}, func(e *scan.Entry) error {
			rec := w.record(e)
			if rec == nil {
				return nil
			}
			select {
			case p.records <- rec:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return p, nil
}

func (p *walkedParent) Peek() (*catalog.Record, error) {
	if p.cur == nil && !p.end {
		rec, ok := <-p.records
		if !ok {
			p.end = true
			return nil, p.err
		}
		p.cur = rec
	}
	return p.cur, nil
}

func (p *walkedParent) Advance()    { p.cur = nil }
func (p *walkedParent) Exact() bool { return false }

func (p *walkedParent) Close() {
	p.cancel()
	for range p.records { // until the walk has ended
	}
	p.dir.Close()
}

// snapshotWalk turns the entries of a snapshot into records.
type snapshotWalk struct {
	root   *snapshot.Root
	dir    *fsys.Dir
	native bool
	last   string // the path of the last record
	// levels are the directory of the last file and those above it that hold
	// files, with what their SHA256SUMS say.
	levels []sumsLevel
}

type sumsLevel struct {
	path  string
	lines map[string]digest.Sum
}

// record returns nil for what was not in the source: SHA256SUMS files.
func (w *snapshotWalk) record(e *scan.Entry) *catalog.Record {
	dir, name := split(e.Path)
	if e.Skip != "" || name == sums.FileName && e.Kind == meta.File {
		return nil
	}
	rec := &catalog.Record{
		Path: e.Path, Kind: e.Kind, Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime, Xattrs: e.Xattrs, Target: e.Target,
	}
	if w.native {
		rec.Path = sums.SourcePath(e.Path)
	}
	// A source's name in place of a stored one can come too late in the
	// order. Then it is left out: it will be new, and found by its content.
	if w.last != "" && meta.ComparePaths(w.last, rec.Path) >= 0 {
		return nil
	}
	w.last = rec.Path
	if e.Kind == meta.File {
		rec.Size = e.Size
		if w.root.Fixed(&e.Info) {
			rec.SHA256 = w.sum(dir, name)
		}
		rec.Stored = &catalog.Stored{
			Action: catalog.StoredCopy, Ino: e.Ino, Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime, Ctime: e.Ctime, Xattrs: e.Xattrs,
		}
	}
	return rec
}

// sum returns what a trusted SHA256SUMS says, zero if nothing does.
func (w *snapshotWalk) sum(dir, name string) digest.Sum {
	n := len(w.levels)
	for n > 0 && w.levels[n-1].path != dir && w.levels[n-1].path != "." && !strings.HasPrefix(dir, w.levels[n-1].path+"/") {
		n--
	}
	w.levels = w.levels[:n]
	if n == 0 || w.levels[n-1].path != dir {
		w.levels = append(w.levels, sumsLevel{dir, w.lines(dir)})
	}
	return w.levels[len(w.levels)-1].lines[name]
}

func (w *snapshotWalk) lines(dir string) map[string]digest.Sum {
	d, err := w.dir.OpenDirAt(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	lines, err := vouch.Trusted(w.root, d)
	if err != nil {
		return nil // as good as none
	}
	return lines
}
