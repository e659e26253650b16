package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"phlb/execute"
	"phlb/internal/hook"
	"phlb/internal/report"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

// hookRun runs the hooks of a manifest around one run over its sources. Once
// a source's turn has come, either its after or its on_error hooks follow,
// whatever happens in between. A nil *hookRun has no hooks.
type hookRun struct {
	app         *app
	manifest    string // absolute path; commands run in its directory
	destination string
	sources     []*hookSource
	pings       *pings
}

// hookSource is a source with its hooks.
type hookSource struct {
	name, path string
	hooks      manifest.Hooks
	begun      bool         // its before hooks have run, or it has none
	failed     error        // why these failed
	log        bytes.Buffer // what they said
	errs       []error      // of all hooks
	outcome    error        // why it is not backed up as its hooks want it, once it is done with
}

// hooksOf prepares the hooks of a manifest's sources; no names: of all.
func (a *app) hooksOf(m *manifest.Manifest, names []string) *hookRun {
	h := &hookRun{app: a, manifest: m.Path, destination: m.Destination}
	for i := range m.Sources {
		if s := &m.Sources[i]; len(names) == 0 || slices.Contains(names, s.Name) {
			h.sources = append(h.sources, &hookSource{name: s.Name, path: s.Path, hooks: s.Hooks})
		}
	}
	return h
}

// planHead is what a plan says of itself and its sources.
type planHead struct {
	plan.Header
	sources []plan.Source
}

// readHead reads all of a plan, and so makes sure that it is whole.
func readHead(ctx context.Context, f io.Reader) (*planHead, error) {
	var head planHead
	_, err := plan.Read(ctx, f, plan.Visitor{
		Header: func(h *plan.Header) error { head.Header = *h; return nil },
		Source: func(s *plan.Source) error { head.sources = append(head.sources, *s); return nil },
	})
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return &head, nil
}

// hooksOfPlan prepares the hooks of the manifest that a plan was made from. A
// plan carries no commands, and those of another manifest are not run.
func (a *app) hooksOfPlan(header *planHead, path string) (*hookRun, error) {
	want := header.Manifest.SHA256
	if want == "" {
		err := fmt.Errorf("%w: it was made without a manifest, so there are no hooks for it", execute.ErrRefused)
		return nil, advise(err, report.CodePlanOther, path, "apply it without --hooks")
	}
	altered := advise(
		fmt.Errorf("%w: %s is not the manifest that it was made from (%s, SHA-256 %s)", execute.ErrRefused, path, header.Manifest.Path, want),
		report.CodePlanStale, path, planAgain(path)+"; or apply this plan without --hooks")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if sum := sha256.Sum256(data); !strings.EqualFold(hex.EncodeToString(sum[:]), want) {
		return nil, altered
	}
	m, err := manifest.Parse(data, path, manifestOptions())
	if err != nil {
		return nil, err
	}
	h := &hookRun{app: a, manifest: m.Path, destination: header.Destination.Path}
	for _, s := range header.sources {
		i := slices.IndexFunc(m.Sources, func(have manifest.Source) bool { return have.Name == s.Name })
		if i < 0 {
			return nil, altered // the environment gave the source another name
		}
		h.sources = append(h.sources, &hookSource{name: s.Name, path: s.Path, hooks: m.Sources[i].Hooks, begun: true})
	}
	return h, nil
}

// before runs the before hooks and returns the names of the sources to go on
// with. The error is that the run was interrupted.
func (h *hookRun) before(ctx context.Context) (ready []string, err error) {
	for _, s := range h.sources {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.begun = true
		file := slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: h.app.logLevel})
		s.failed = h.run(ctx, s, s.hooks.Before, h.facts(s, hook.Before, nil), file)
		if s.failed == nil {
			ready = append(ready, s.name)
		}
	}
	return ready, ctx.Err()
}

// run runs commands of a source and keeps the error for the verdict.
func (h *hookRun) run(ctx context.Context, s *hookSource, commands []string, f *hook.Facts, file slog.Handler) error {
	err := hook.Run(ctx, commands, f, hook.Options{
		Dir: filepath.Dir(h.manifest), Environ: os.Environ(), Timeout: s.hooks.Timeout,
		Log: slog.New(slog.NewMultiHandler(h.app.log.Handler(), file)),
	})
	if err != nil {
		s.errs = append(s.errs, err)
	}
	return err
}

// preamble returns what the logs of the sources begin with.
func (h *hookRun) preamble() map[string][]byte {
	logs := map[string][]byte{}
	if h != nil {
		for _, s := range h.sources {
			logs[s.name] = s.log.Bytes()
		}
	}
	return logs
}

// complete adds the sources whose before hooks failed to a result; nil: there
// were no others.
func (h *hookRun) complete(res *execute.Result) *execute.Result {
	all := &execute.Result{}
	if res != nil {
		*all = *res
	}
	if h != nil {
		for _, s := range h.sources {
			if s.failed != nil {
				all.Reports = append(slices.Clip(all.Reports), execute.NotPlanned(all.PlanID, s.name, s.path, h.app.now(), s.failed))
			}
		}
	}
	return all
}

// lastWords is how long hooks may take after an interrupt, all together.
const lastWords = 10 * time.Second

// finish runs the after and on_error hooks of a run that came to res and
// runErr, and returns its final error.
func (h *hookRun) finish(ctx context.Context, res *execute.Result, runErr error) error {
	if h == nil {
		return runErr
	}
	var result resultError
	hookCtx, code := ctx, codeFailed
	if runErr != nil && !errors.As(runErr, &result) {
		code = exitCode(ctx, runErr)
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		hookCtx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
	}
	for _, s := range h.sources {
		s.outcome = s.why(reportOf(res, s.name), runErr)
		if s.begun && hookCtx.Err() == nil {
			h.end(hookCtx, s, reportOf(res, s.name), code)
		}
	}
	h.pings.end(ctx, h.sources)
	return h.verdict(runErr)
}

func reportOf(res *execute.Result, name string) *execute.Report {
	if res != nil {
		for _, r := range res.Reports {
			if r.Name == name {
				return r
			}
		}
	}
	return nil
}

// end runs the hooks of a source that is done with. Code is what a failed run
// ends with. Where after hooks fail, somebody wants to be told, too.
func (h *hookRun) end(ctx context.Context, s *hookSource, rep *execute.Report, code int) {
	file, closeLog := h.openLog(rep)
	defer closeLog()
	if s.outcome == nil {
		f := h.facts(s, hook.After, rep)
		if rep.Incomplete() {
			f.ExitCode = codeIncomplete
		}
		s.outcome = h.run(ctx, s, s.hooks.After, f, file)
		if s.outcome == nil {
			return
		}
	}
	if len(s.errs) > 0 && code != codeInterrupted {
		code = codeFailed // whatever the others came to
	}
	f := h.facts(s, hook.OnError, rep)
	f.Error, f.ExitCode = s.outcome.Error(), code
	_ = h.run(ctx, s, s.hooks.OnError, f, file) // kept for the verdict
}

// why returns why a source failed; nil: it did not.
func (s *hookSource) why(rep *execute.Report, runErr error) error {
	switch {
	case s.failed != nil:
		return s.failed
	case rep != nil && rep.Error != "":
		return errors.New(rep.Error)
	case rep != nil:
		return nil
	case runErr != nil:
		return runErr
	}
	return errors.New("nothing was published")
}

// openLog opens the log of what was published, if anything was.
func (h *hookRun) openLog(rep *execute.Report) (slog.Handler, func()) {
	if rep == nil || rep.Snapshot == nil {
		return slog.DiscardHandler, func() {}
	}
	f, err := execute.OpenLog(h.destination, *rep.Snapshot)
	if err != nil {
		h.app.log.Warn("the output of hooks is not added to the snapshot's log", "error", err)
		return slog.DiscardHandler, func() {}
	}
	return slog.NewTextHandler(f, &slog.HandlerOptions{Level: h.app.logLevel}), func() {
		if err := f.Close(); err != nil {
			h.app.log.Warn("the output of hooks may be missing in the snapshot's log", "error", err)
		}
	}
}

// facts are what the hooks of a source are told; rep is nil before the run.
func (h *hookRun) facts(s *hookSource, when hook.When, rep *execute.Report) *hook.Facts {
	f := &hook.Facts{When: when, Name: s.name, Source: s.path, Destination: h.destination, Manifest: h.manifest}
	if when != hook.Before {
		f.Status = string(execute.StatusFailed)
	}
	if rep == nil {
		return f
	}
	f.PlanID, f.Status = rep.PlanID, string(rep.Status)
	if rep.Parent != nil {
		f.Parent = *rep.Parent
	}
	t := &rep.Totals
	f.Counts = hook.Counts{
		CopiedFiles: t.Copy.Files, CopiedBytes: t.Copy.Bytes, LinkedFiles: t.Link.Files, LinkedBytes: t.Link.Bytes,
		Skipped: t.Skip.Files, Deleted: t.Deleted, Drifted: int64(len(rep.Drifted)), Vanished: int64(len(rep.Vanished)),
		Failed: int64(len(rep.Failed)), Unreadable: rep.Unreadable, LinkFallbacks: rep.LinkFallbacks, Pruned: int64(len(rep.Pruned)),
	}
	switch {
	case rep.Snapshot != nil:
		f.Snapshot = *rep.Snapshot
		beside := filepath.Join(h.destination, filepath.FromSlash(f.Snapshot))
		f.Report, f.Log = beside+snapshot.SuffixReport, beside+snapshot.SuffixLog
	case rep.Status == execute.StatusComplete:
		f.Status = "unchanged"
	}
	return f
}

// verdict is a run's final error: a hook that failed makes it a failure where
// it was none, and is told in any case.
func (h *hookRun) verdict(runErr error) error {
	var errs []error
	for _, s := range h.sources {
		errs = append(errs, s.errs...)
	}
	if len(errs) == 0 {
		return runErr
	}
	var result resultError
	if runErr != nil && !errors.As(runErr, &result) {
		errs = slices.Insert(errs, 0, runErr)
	}
	return errors.Join(errs...)
}
