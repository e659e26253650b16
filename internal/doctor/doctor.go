// Package doctor finds out what the file system at a path can do, by trying
// it, and says whether that is enough for a backup root or a source.
//
// Everything is tried in one new directory inside the path, which is removed
// again whatever happens. The package must never touch anything else there,
// and keeps quiet about what it did not find out.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"phlb/internal/fsys"
)

// Level says how a finding bears on backups.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warning" // works, with a loss that the detail names
	Fail Level = "failure" // a backup root needs it
)

// How a finding is known.
const (
	Tried    = "tried"    // done, and looked at the outcome
	Reported = "reported" // said by the operating system
	ByType   = "by type"  // what file systems of this type are known for
)

// Finding is the outcome of one check.
type Finding struct {
	Check  string `json:"check"`  // stable name, such as "hard_links"
	Result string `json:"result"` // a few words
	Level  Level  `json:"level"`
	Detail string `json:"detail,omitempty"` // a sentence or two

	Supported *bool    `json:"supported,omitempty"` // nil: not a matter of yes or no, or not found out
	Value     *int64   `json:"value,omitempty"`
	AtLeast   bool     `json:"at_least,omitempty"` // the value is where trying ended, not a limit
	Unit      string   `json:"unit,omitempty"`     // of Value
	Refused   []string `json:"refused,omitempty"`  // what of several things does not work
	Source    string   `json:"source,omitempty"`   // Tried, Reported or ByType
}

// Verdict says whether the path is good for a purpose, and why or why not.
type Verdict struct {
	Purpose string   `json:"purpose"` // "backup_root" or "source"
	Good    bool     `json:"good"`
	Because []string `json:"because"`
}

// Report is what Probe found.
type Report struct {
	Path       string    `json:"path"`
	FileSystem string    `json:"file_system"`
	ReadOnly   bool      `json:"read_only"`
	Writable   bool      `json:"writable"` // by the calling user; if not, little could be tried
	Findings   []Finding `json:"findings"`
	Verdicts   []Verdict `json:"verdicts"`
}

// Options configure Probe.
type Options struct {
	// MaxLinks is how many hard links to one file are tried; 0 stands for
	// DefaultMaxLinks.
	MaxLinks int
}

// DefaultMaxLinks is beyond the limit of NTFS, the lowest of a usual file
// system, and takes a fraction of a second.
const DefaultMaxLinks = 2000

// Probe finds out what the file system at the directory path can do. An error
// means that the path is no directory that can be opened, that ctx ended, or
// that the temporary directory could not be removed, which is then named.
func Probe(ctx context.Context, path string, o Options) (*Report, error) {
	d, err := fsys.Open(path)
	if err != nil {
		return nil, fmt.Errorf("examine: %w", err)
	}
	defer d.Close()
	return probe(ctx, d, o)
}

func probe(ctx context.Context, d *fsys.Dir, o Options) (*Report, error) {
	if o.MaxLinks <= 0 {
		o.MaxLinks = DefaultMaxLinks
	}
	info, err := d.FS()
	if err != nil {
		return nil, fmt.Errorf("examine: %w", err)
	}
	r := &Report{Path: d.Path(), FileSystem: info.Type, ReadOnly: info.ReadOnly}
	r.Findings = append(r.Findings, fileSystem(info), space(info), inodes(info))
	name, err := makeTemp(d)
	if err != nil {
		r.Findings = append(r.Findings, notWritable(err), linksByType(info.Type), nameMax(info))
		r.Verdicts = verdicts(r)
		return r, ctx.Err()
	}
	r.Writable = true
	findings, err := tryAll(ctx, d, name, &examinee{fs: info, maxLinks: o.MaxLinks})
	if err := errors.Join(err, removeTree(d, name)); err != nil {
		return nil, fmt.Errorf("examine: %w", err)
	}
	r.Findings = append(r.Findings, findings...)
	r.Verdicts = verdicts(r)
	return r, nil
}

// examinee is what the checks know beforehand.
type examinee struct {
	fs       fsys.FSInfo
	maxLinks int
}

// check tries one thing in an empty directory of its own. An error stands for
// something that should have worked on any file system; it becomes a finding.
type check struct {
	name string
	try  func(ctx context.Context, d *fsys.Dir, e *examinee) (Finding, error)
}

func checks() []check {
	return []check{
		{"hard_links", tryLinks},
		{"reflinks", tryReflink},
		{"symlinks", trySymlink},
		{"modes", tryModes},
		{"owners", tryOwners},
		{"xattrs", tryXattrs},
		{"time_resolution", tryTimes},
		{"time_range", tryTimeRange},
		{"sparse_files", trySparse},
		{"case_folding", tryCase},
		{"unicode_normalization", tryNormalization},
		{"names", tryNames},
		{"longest_name", tryLongestName},
		{"inode_numbers", tryInodes},
		{"rename_replace", tryRename},
		{"rename_no_replace", tryRenameNew},
		{"fsync", trySync},
		{"syncfs", trySyncFS},
		{"locks", tryLocks},
	}
}

func tryAll(ctx context.Context, d *fsys.Dir, name string, e *examinee) ([]Finding, error) {
	temp, err := d.OpenDir(name)
	if err != nil {
		return nil, err
	}
	defer temp.Close()
	var findings []Finding
	for _, c := range checks() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := inOwnDir(ctx, temp, c, e)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			f = Finding{Result: "not found out", Level: Warn, Detail: err.Error()}
		}
		f.Check = c.name
		if f.Source == "" {
			f.Source = Tried
		}
		findings = append(findings, f)
	}
	return findings, nil
}

func inOwnDir(ctx context.Context, temp *fsys.Dir, c check, e *examinee) (Finding, error) {
	if err := temp.Mkdir(c.name, 0o700); err != nil {
		return Finding{}, err
	}
	d, err := temp.OpenDir(c.name)
	if err != nil {
		return Finding{}, err
	}
	defer d.Close()
	return c.try(ctx, d, e)
}

// maxTemps bounds how many leftovers of killed runs are passed over.
const maxTemps = 100

// makeTemp makes the directory everything is tried in. It never takes over an
// existing one: that could be somebody else's.
func makeTemp(d *fsys.Dir) (name string, err error) {
	for i := range maxTemps {
		name = ".phlb-doctor-" + strconv.Itoa(i)
		if err = d.Mkdir(name, 0o700); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
	return "", err
}

func notWritable(err error) Finding {
	return Finding{
		Check: "writable", Result: "no", Level: Fail, Supported: no(), Source: Tried,
		Detail: "Only what can be read is reported: " + err.Error(),
	}
}

func yes() *bool            { b := true; return &b }
func no() *bool             { b := false; return &b }
func number(n int64) *int64 { return &n }
func works(detail string) Finding {
	return Finding{Result: "yes", Level: OK, Supported: yes(), Detail: detail}
}
func lacks(l Level, detail string) Finding {
	return Finding{Result: "no", Level: l, Supported: no(), Detail: detail}
}
