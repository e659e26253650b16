package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"phlb/execute"
	"phlb/internal/metrics"
	"phlb/internal/report"
	"phlb/manifest"
	"phlb/verify"
)

// meter collects what a metrics file is to tell of a run. A nil one collects
// nothing.
type meter struct{ run metrics.Run }

func metricsFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "metrics", "", "write how it went into this `FILE`, in Prometheus's text format (its name ends in .prom)")
	needValue(c, "metrics")
}

// measured runs a command and then writes its metrics, whatever it came to. A
// file that cannot be written makes a run that went well a failure: somebody
// relies on hearing of the next one.
func (a *app) measured(ctx context.Context, command, file string, do func(*meter) error) error {
	if file == "" {
		return do(nil)
	}
	m := &meter{metrics.Run{File: filepath.Base(file), Command: command, Version: version(), Start: a.now(), Phases: map[string]float64{}}}
	err := do(m)
	m.run.End, m.run.ExitCode = a.now(), exitCode(ctx, err)
	m.run.Success = m.run.ExitCode == codeDone || m.run.ExitCode == codeIncomplete && command != "verify"
	if metricsErr := a.writeMetrics(file, &m.run); metricsErr != nil {
		if err == nil {
			return advise(fmt.Errorf("the run itself is done, only its metrics are not written: %w", metricsErr), report.CodeOther, file,
				"give --metrics a file in a directory that exists and that this user may write to")
		}
		a.log.Error("the metrics are not written", "error", metricsErr)
	}
	return err
}

// manifest notes which sources a run is about; no names: all of them.
func (m *meter) manifest(of *manifest.Manifest, names []string) {
	if m == nil {
		return
	}
	for i := range of.Sources {
		name := of.Sources[i].Name
		if of.Path != "" {
			m.run.Known = append(m.run.Known, name)
		}
		if len(names) == 0 || slices.Contains(names, name) {
			m.expect(name)
		}
	}
}

// plan notes which sources a run is about. A plan that only prunes backs up
// none.
func (m *meter) plan(head *planHead) {
	if m == nil || head.PruneOnly {
		return
	}
	for i := range head.sources {
		m.expect(head.sources[i].Name)
	}
}

// expect notes a source, which has failed until a result says otherwise.
func (m *meter) expect(name string) {
	m.run.Sources = append(m.run.Sources, metrics.Source{Name: name, Status: metrics.Failed})
}

// phase times a part of the run until the function that it returns is called.
func (m *meter) phase(name string, now func() time.Time) (end func()) {
	if m == nil {
		return func() {}
	}
	start := now()
	return func() { m.run.Phases[name] += now().Sub(start).Round(time.Millisecond).Seconds() }
}

// result notes what became of the sources; nil: nothing.
func (m *meter) result(res *execute.Result) {
	if m == nil || res == nil {
		return
	}
	for i := range m.run.Sources {
		s := &m.run.Sources[i]
		if rep := reportOf(res, s.Name); rep != nil {
			s.Status, s.Result = statusOf(rep), countsOf(rep)
		}
	}
}

func statusOf(rep *execute.Report) metrics.Status {
	switch {
	case rep.Status == execute.StatusFailed || rep.Snapshot == nil && rep.Error != "":
		return metrics.Failed
	case rep.Snapshot == nil:
		return metrics.Unchanged
	case rep.Status == execute.StatusPartial:
		return metrics.Partial
	}
	return metrics.Complete
}

func countsOf(rep *execute.Report) *metrics.Result {
	t := &rep.Totals
	return &metrics.Result{
		CopiedFiles: t.Copy.Files, CopiedBytes: t.Copy.Bytes, LinkedFiles: t.Link.Files, LinkedBytes: t.Link.Bytes,
		SkippedFiles: t.Skip.Files, SkippedBytes: t.Skip.Bytes, Deleted: t.Deleted,
		Drifted: int64(len(rep.Drifted)), Vanished: int64(len(rep.Vanished)), Failed: int64(len(rep.Failed)),
		Unreadable: rep.Unreadable, LinkFallbacks: rep.LinkFallbacks, NotKept: rep.NotKept, Pruned: int64(len(rep.Pruned)),
		Seconds: rep.End.Sub(rep.Start).Round(time.Millisecond).Seconds(), Phases: rep.Durations,
	}
}

// verified notes what a verification found.
func (m *meter) verified(res *verify.Result) {
	if m == nil {
		return
	}
	m.run.Verify = &metrics.Verify{
		Snapshots: res.Snapshots, Files: res.Files, Bytes: res.Bytes, NotSampled: res.NotSampled,
		Damaged: res.Damages(), Incomplete: res.Incomplete,
	}
}

// writeMetrics brings a metrics file up to date. What reads it sees the old
// one or the new one, never a part.
func (a *app) writeMetrics(file string, run *metrics.Run) error {
	target := file
	if to, err := filepath.EvalSymlinks(file); err == nil {
		target = to // to rename over a link would put the file in its place
	}
	previous, err := a.previousMetrics(target)
	if err == nil {
		err = replaceFile(target, metrics.Render(metrics.Update(previous, run)))
	}
	if err != nil {
		return fmt.Errorf("write metrics %s: %w", file, err)
	}
	return nil
}

// maxMetrics bounds how much of a metrics file is read, in bytes.
const maxMetrics = 16 << 20

// previousMetrics reads what the file has from runs before. A file that cannot
// be understood is replaced: nothing but times of success is lost.
func (a *app) previousMetrics(file string) ([]metrics.Sample, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMetrics))
	if err != nil {
		return nil, err
	}
	samples, err := metrics.Parse(text)
	if err != nil {
		a.log.Warn("the metrics of earlier runs cannot be read and are replaced", "file", file, "error", err)
	}
	return samples, nil
}

// replaceFile puts a file that everybody may read in the place of another one.
func replaceFile(target string, content []byte) error {
	dir, base := filepath.Split(target)
	temporary := filepath.Join(dir, "."+base+"."+rand.Text()[:8])
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			err = at.Err // the temporary name tells nobody anything
		}
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(0o644) // whatever the umask: another user collects it
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}
