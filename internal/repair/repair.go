package repair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/snapshot"
	"phlb/verify"
)

// Options configure Run.
type Options struct {
	// Sources are directories where good copies may lie, beside the root. The
	// caller closes them; Dir.Path is what they are called in results.
	Sources []*fsys.Dir
	// Snapshots are those whose damage is repaired; nil: all. A damaged inode
	// is replaced under all its names, in whatever snapshot.
	Snapshots []snapshot.ID
	// DryRun finds out what would be done and writes nothing.
	DryRun bool
	// Workers read at the same time; below 1 means 1.
	Workers int
	// UID is the effective user, as scans want it.
	UID int
	// Now is the clock, which many goroutines ask; nil: the system's.
	Now func() time.Time
	// Events and Log may be nil.
	Events event.Sink
	Log    *slog.Logger
}

// Result is what was found and done.
type Result struct {
	DryRun    bool  `json:"dry_run"`
	Snapshots int64 `json:"snapshots"`
	Files     int64 `json:"files"`  // paths that were checked
	Inodes    int64 `json:"inodes"` // stored files that were read
	Bytes     int64 `json:"bytes"`  // read to check them
	// Repaired is what was repaired, or would be; one element a new inode.
	Repaired []Repair `json:"repaired"`
	// Remaining is the damage that is left, with the reason in its detail,
	// sorted by snapshot and path. Like findings it is bounded; what is beyond
	// that is counted only.
	Remaining        []verify.Finding `json:"remaining"`
	RemainingOmitted int64            `json:"remaining_omitted"`
	// Record is the path of the durable record below the root; "" if there
	// was nothing to record.
	Record   string        `json:"record,omitempty"`
	Duration time.Duration `json:"duration_ns"`
}

// IsDamaged reports whether damage is left that was not, or could not be,
// repaired.
func (r *Result) IsDamaged() bool { return len(r.Remaining) > 0 || r.RemainingOmitted > 0 }

// Paths counts the paths of all repairs.
func (r *Result) Paths() int64 {
	var n int64
	for i := range r.Repaired {
		n += int64(len(r.Repaired[i].Paths))
	}
	return n
}

// Repair is one new inode in the place of a damaged or missing one.
type Repair struct {
	Time     time.Time  `json:"time"` // UTC
	SHA256   digest.Sum `json:"sha256"`
	Size     int64      `json:"size"`                    // bytes
	Damaged  digest.Sum `json:"damaged_sha256,omitzero"` // what the old inode held, if it could be read
	OldInode uint64     `json:"old_inode,omitempty"`     // 0: the file was missing
	NewInode uint64     `json:"new_inode,omitempty"`     // 0: a dry run
	From     From       `json:"from"`
	// MetadataNotKept says that the system refused some of the old inode's
	// owner or attributes.
	MetadataNotKept bool `json:"metadata_not_kept,omitempty"`
	// Resumed says that an interrupted run had begun it.
	Resumed bool          `json:"resumed,omitempty"`
	Paths   []verify.Path `json:"paths"` // relative to the root, sorted
}

// From says where a good copy was found.
type From struct {
	// Source is the directory given by the user; "" is the root itself.
	Source verify.Path `json:"source,omitempty"`
	Path   verify.Path `json:"path"` // relative to it
}

// runner is one call of Run.
type runner struct {
	Options
	root   *snapshot.Root
	db     *lookup.DB
	work   *workplace // nil: a dry run
	ledger *ledger
	index  *sourceIndex
	buf    []byte
	result *Result
	// resolved are the paths that were repaired, or would be.
	resolved map[string]bool
	// reasons say why a path was not repaired.
	reasons map[string]string
}

// bufferSize is how much is read at a time, in bytes.
const bufferSize = 256 << 10

// Run finishes what an interrupted run left, checks the snapshots, and
// repairs what is proven damaged and has a good copy. The caller holds the
// root's exclusive lock, for a dry run the shared one.
//
// What cannot be repaired is in the result. Errors are a root that cannot be
// checked or written, and the context's end; the result so far is returned
// with them. What was begun is then finished by the next run.
func Run(ctx context.Context, root *snapshot.Root, o Options) (*Result, error) {
	o.setDefaults()
	db, err := lookup.Open(root.Dir())
	if err != nil {
		return nil, fmt.Errorf("repair: %w", err)
	}
	defer db.Close()
	start := o.Now()
	r := &runner{
		Options: o, root: root, db: db, buf: make([]byte, bufferSize),
		result: &Result{DryRun: o.DryRun, Repaired: []Repair{}, Remaining: []verify.Finding{}},
		ledger: &ledger{root: root, started: start.UTC(), now: o.Now, sources: o.Sources}, resolved: map[string]bool{},
	}
	err = r.run(ctx)
	r.result.Duration = o.Now().Sub(start)
	if err != nil {
		return r.result, fmt.Errorf("repair %s: %w", root.Path(), err)
	}
	return r.result, nil
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
}

func (r *runner) run(ctx context.Context) (err error) {
	if r.DryRun {
		r.foretell()
	} else {
		defer func() { err = errors.Join(err, r.finish(err)) }()
		if err := r.resume(ctx); err != nil {
			return err
		}
	}
	for {
		again, err := r.pass(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// foretell says that a run that is no dry run would first finish another one.
func (r *runner) foretell() {
	if _, err := r.root.Dir().LstatAt(workDir + "/" + journalName); err == nil {
		r.Log.Warn("an interrupted repair is unfinished; the next one that is no dry run finishes it")
	}
}

// finish closes what the run has open and ends its record.
func (r *runner) finish(err error) error {
	r.result.Record = r.ledger.path
	end := r.ledger.close(r.result, err)
	if r.work != nil {
		end = errors.Join(end, r.work.retire())
	}
	return end
}

// pass checks the snapshots once and repairs what it finds. There is to be
// another one where more was found than findings are kept.
func (r *runner) pass(ctx context.Context) (again bool, err error) {
	v, err := verify.Verify(ctx, r.root, verify.Options{
		Snapshots: r.Snapshots, Workers: r.Workers, Now: r.Now, Events: r.Events,
	})
	if err != nil {
		return false, err
	}
	r.result.Snapshots, r.result.Files, r.result.Inodes, r.result.Bytes = v.Snapshots, v.Files, v.Inodes, v.Bytes
	r.reasons = map[string]string{}
	before := len(r.result.Repaired)
	if v.Damaged() {
		if err := r.repairAll(ctx, v.Findings); err != nil {
			return false, err
		}
	}
	r.remain(v)
	return v.FindingsOmitted > 0 && !r.DryRun && len(r.result.Repaired) > before, nil
}

// repairAll deals with the findings of one pass.
func (r *runner) repairAll(ctx context.Context, findings []verify.Finding) error {
	c, err := r.examine(ctx, findings)
	if err != nil {
		return err
	}
	groups := c.groups()
	r.Events.Send(event.Event{Kind: event.Start, Phase: event.Repair, Files: int64(len(groups)), Bytes: totalSize(groups)})
	r.index = newSourceIndex(r, groups)
	for _, g := range groups {
		if err = r.repairGroup(ctx, c, g); err != nil {
			break
		}
		r.Events.Send(event.Event{Kind: event.Advance, Phase: event.Repair, Files: 1})
	}
	r.Events.Send(event.Event{Kind: event.End, Phase: event.Repair, Err: err})
	return err
}

func totalSize(groups []*group) int64 {
	var n int64
	for _, g := range groups {
		n += max(g.size, 0)
	}
	return n
}

// remain lists the damage that is left of a pass.
func (r *runner) remain(v *verify.Result) {
	r.result.Remaining, r.result.RemainingOmitted = []verify.Finding{}, v.FindingsOmitted
	for i := range v.Findings {
		f := v.Findings[i]
		path := f.Snapshot + "/" + f.Path
		if !f.IsDamage() || r.resolved[path] && isContent(f.Kind) {
			continue
		}
		if why := r.reasons[path]; why != "" && isContent(f.Kind) {
			f.Detail = why
		}
		r.result.Remaining = append(r.result.Remaining, f)
	}
}

// isContent reports whether a finding is about what repair can replace.
func isContent(k verify.Kind) bool {
	return slices.Contains([]verify.Kind{verify.Changed, verify.Missing, verify.Unreadable}, k)
}
