package repair

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/snapshot"
	"phlb/verify"
)

// What a record says of itself.
const (
	recordFormat  = "phlb-repair"
	recordVersion = "1.0"
	// recordTime names records by the time they were begun, UTC.
	recordTime = "2006-01-02-150405"
)

// ledger is the durable record of a run: JSON lines, the first about the run,
// then one for each repair, the last one about the end. It is made with the
// first repair.
type ledger struct {
	root    *snapshot.Root
	started time.Time // when the run did
	now     func() time.Time
	sources []*fsys.Dir
	file    *fsys.File
	path    string
}

type ledgerHead struct {
	Format        string        `json:"format"`
	FormatVersion string        `json:"format_version"`
	Started       time.Time     `json:"started"`
	Sources       []verify.Path `json:"sources"`
}

type ledgerEnd struct {
	End       bool      `json:"end"`
	Repaired  int64     `json:"repaired"`  // paths
	Remaining int64     `json:"remaining"` // findings
	Finished  time.Time `json:"finished"`
	Error     string    `json:"error,omitempty"`
}

// add records a repair and makes the record durable.
func (l *ledger) add(r *Repair) error {
	if l.file == nil {
		if err := l.begin(); err != nil {
			return fmt.Errorf("record the repair: %w", err)
		}
	}
	if err := errors.Join(l.line(r), l.file.Sync()); err != nil {
		return fmt.Errorf("record the repair: %w", err)
	}
	return nil
}

func (l *ledger) begin() error {
	dir, err := l.root.Dir().MkdirAllDurable(ledgerDir, dirMode)
	if err != nil {
		return err
	}
	defer dir.Close()
	for at := l.started; ; at = at.Add(time.Second) {
		name := at.Format(recordTime) + ".jsonl"
		f, err := dir.Create(name, fileMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		l.file, l.path = f, ledgerDir+"/"+name
		break
	}
	head := ledgerHead{Format: recordFormat, FormatVersion: recordVersion, Started: l.started, Sources: []verify.Path{}}
	for _, s := range l.sources {
		head.Sources = append(head.Sources, verify.Path(s.Path()))
	}
	if err := l.line(head); err != nil {
		return err
	}
	return dir.SyncNames()
}

func (l *ledger) line(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = l.file.Write(append(data, '\n'))
	return err
}

// close ends the record, if there is one.
func (l *ledger) close(r *Result, why error) error {
	if l.file == nil {
		return nil
	}
	end := ledgerEnd{End: true, Repaired: r.Paths(), Remaining: int64(len(r.Remaining)) + r.RemainingOmitted, Finished: l.now().UTC()}
	if why != nil {
		end.Error = why.Error()
	}
	err := errors.Join(l.line(end), l.file.Sync(), l.file.Close())
	l.file = nil
	return err
}
