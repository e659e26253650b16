package snapshot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"phlb/internal/fsys"
)

// Names in a name's staging directory. Trees of interrupted runs are called
// old-1, old-2, …, the later the higher, and have their journal-1, ….
const (
	treeDir       = "tree"
	oldPrefix     = "old-"
	journalFile   = "journal"
	journalPrefix = "journal-"

	// CatalogFileName is the file in Staging.Dir that PlaceCatalog puts into
	// place.
	CatalogFileName = "catalog.jsonl.zst"
)

// publishingDir is where a tree stands, beside the snapshots of its name,
// for the moment between two renames; see publishReadOnly.
const publishingDir = ".publishing"

// Staging is the place where the next snapshot of one name is built. Its
// methods may be called by several workers at once, except Close, DiscardOld
// and Discard.
type Staging struct {
	name    string
	euid    int
	base    *fsys.Dir // .phlb/staging
	dir     *fsys.Dir
	tree    *fsys.Dir
	old     []*fsys.Dir // the latest first
	earlier map[string]JournalEntry
	closed  bool // nobody else can reach the staged files

	mu      sync.Mutex
	journal *fsys.File

	linksOnce sync.Once
	links     map[uint64]uint64 // names in old trees by journaled inode
	linksErr  error
}

// OpenStaging opens the staging of a name, with a fresh and empty tree
// (0700). What an interrupted run left there is kept beside it, for Earlier
// and TakeOver. The caller holds the exclusive lock.
func (r *Root) OpenStaging(name string) (*Staging, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s := &Staging{name: name, euid: r.euid, earlier: map[string]JournalEntry{}}
	if err := s.open(r); err != nil {
		s.Close()
		return nil, fmt.Errorf("open staging of %s: %w", name, err)
	}
	return s, nil
}

func (s *Staging) open(r *Root) (err error) {
	if s.base, err = makeDirs(r.dir, PrivateDir+"/"+stagingDir); err != nil {
		return err
	}
	if s.dir, err = makeDirs(s.base, escape(s.name)); err != nil {
		return err
	}
	if s.closed, err = s.isClosed(); err != nil {
		return err
	}
	if err := s.setAside(); err != nil {
		return err
	}
	if err := s.recall(r); err != nil {
		return err
	}
	if err := s.setAside(); err != nil {
		return err
	}
	if err := s.loadOld(); err != nil {
		return err
	}
	return s.begin()
}

// isClosed reports whether only the calling user can enter the staging, so
// that staged files are as they were left whoever owns them.
func (s *Staging) isClosed() (bool, error) {
	info, err := s.dir.Stat()
	if err != nil {
		return false, err
	}
	if s.euid < 0 {
		return true, nil // no modes there that could tell; phlb made it
	}
	return int64(info.UID) == int64(s.euid) && info.Mode&0o077 == 0, nil
}

// setAside renames the tree of an interrupted run, if there is one, so that
// it becomes the latest old one.
func (s *Staging) setAside() error {
	if there, err := exists(s.dir, treeDir); err != nil || !there {
		return err
	}
	numbers, err := s.oldNumbers()
	if err != nil {
		return err
	}
	n := "1"
	if len(numbers) > 0 {
		n = strconv.Itoa(slices.Max(numbers) + 1)
	}
	// The journal first: when a crash comes between the two, the tree is
	// still there, gets the same number next time and finds its journal.
	err = s.dir.Rename(journalFile, s.dir, journalPrefix+n)
	if err != nil && !isMissing(err) {
		return err
	}
	return s.dir.RenameNew(treeDir, s.dir, oldPrefix+n)
}

// oldNumbers lists the numbers of the old trees.
func (s *Staging) oldNumbers() ([]int, error) {
	names, err := listNames(s.dir)
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, name := range names {
		digits, ok := strings.CutPrefix(name, oldPrefix)
		n, err := strconv.Atoi(digits)
		if ok && err == nil && n > 0 && strconv.Itoa(n) == digits {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}

// listNames lists a directory through a descriptor of its own.
func listNames(d *fsys.Dir) ([]string, error) {
	dir, err := d.OpenDirAt(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name
	}
	return names, err
}

// recall takes back a tree whose publishing a crash interrupted half-way.
func (s *Staging) recall(r *Root) error {
	dir, err := r.dir.OpenDirAt(s.name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return s.recallFrom(dir)
}

func (s *Staging) recallFrom(dir *fsys.Dir) error {
	tree, err := dir.OpenDir(publishingDir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer tree.Close()
	if err := makeWritable(tree); err != nil {
		return err
	}
	return dir.RenameNew(publishingDir, s.dir, treeDir)
}

// loadOld opens the old trees and reads their journals.
func (s *Staging) loadOld() error {
	numbers, err := s.oldNumbers()
	if err != nil {
		return err
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		if err := loadJournal(s.dir, journalPrefix+strconv.Itoa(n), s.earlier); err != nil {
			return err
		}
		tree, err := s.dir.OpenDir(oldPrefix + strconv.Itoa(n))
		if fsys.ClassOf(err) == fsys.ClassPermission {
			continue // serves no more; its files are stored again
		}
		if err != nil {
			return err
		}
		s.old = slices.Insert(s.old, 0, tree)
	}
	return nil
}

// begin makes the new tree and its journal.
func (s *Staging) begin() (err error) {
	// A journal without a tree is that of a snapshot that was published.
	if err := removeIfThere(s.dir, journalFile); err != nil {
		return err
	}
	if err := s.dir.Mkdir(treeDir, dirMode); err != nil {
		return err
	}
	if s.tree, err = s.dir.OpenDir(treeDir); err != nil {
		return err
	}
	if s.journal, err = s.dir.Create(journalFile, fileMode); err != nil {
		return err
	}
	// Record syncs the journal's content only; its name becomes durable here.
	return s.dir.SyncNames()
}

// Name returns the source's name.
func (s *Staging) Name() string { return s.name }

// Tree returns the directory that becomes the snapshot. After Publish it is
// the published one, which nobody writes to.
func (s *Staging) Tree() *fsys.Dir { return s.tree }

// Dir returns the staging directory itself, where the run keeps its
// catalogue and log until they are put into place.
func (s *Staging) Dir() *fsys.Dir { return s.dir }

// Record appends entries to the journal and makes it durable. The caller has
// made the files' data and metadata durable before, and changes neither
// afterwards: what the journal says must hold after a crash.
func (s *Staging) Record(entries []JournalEntry) error {
	var b []byte
	for i := range entries {
		b = appendJournal(b, &entries[i])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.journal.Write(b); err != nil {
		return fmt.Errorf("record staged files of %s: %w", s.name, err)
	}
	if err := s.journal.Sync(); err != nil {
		return fmt.Errorf("record staged files of %s: %w", s.name, err)
	}
	return nil
}

// Close releases the descriptors and leaves everything where it is.
func (s *Staging) Close() error {
	var errs []error
	for _, d := range append([]*fsys.Dir{s.tree, s.dir, s.base}, s.old...) {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if s.journal != nil {
		errs = append(errs, s.journal.Close())
	}
	s.tree, s.dir, s.base, s.old, s.journal = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}
