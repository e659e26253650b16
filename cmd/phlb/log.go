package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
	"unicode/utf8"

	"phlb/internal/report"
)

// What --log-format takes.
const (
	logText = "text"
	logJSON = "json"
)

func logFormats() []string { return []string{logText, logJSON} }

// logsJSON reports whether every line on standard error is to be a JSON
// object. A command line that could not be parsed is asked as well: of why it
// could not, a pipeline is to be told in the same way.
func (a *app) logsJSON() bool {
	if a.shown.Load() != nil {
		return a.logFormat == logJSON
	}
	for i, arg := range a.args {
		if arg == "--log-format="+logJSON || arg == "--log-format" && slices.Contains(a.args[i+1:min(i+2, len(a.args))], logJSON) {
			return true
		}
	}
	return false
}

// newLogger returns a logger for standard error.
func (a *app) newLogger(w io.Writer, level slog.Level) *slog.Logger {
	if a.logsJSON() {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: wellFormed}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// wellFormed keeps what is not UTF-8, as paths may be, under a key that says
// so: JSON cannot hold it.
func wellFormed(_ []string, attr slog.Attr) slog.Attr {
	text := ""
	switch v := attr.Value.Any().(type) {
	case string:
		text = v
	case error:
		text = v.Error()
	default:
		return attr
	}
	if !utf8.ValidString(text) {
		return slog.String(attr.Key+"_b64", base64.StdEncoding.EncodeToString([]byte(text)))
	}
	return slog.String(attr.Key, text)
}

// voice is for what is told whatever the verbosity.
func (a *app) voice() *slog.Logger { return a.newLogger(a.stderr(), slog.LevelDebug) }

// stderr is standard error, above the bars if there are any.
func (a *app) stderr() io.Writer {
	if p := a.shown.Load(); p != nil {
		return p
	}
	return a.err
}

// say tells people, or the log, something on standard error.
func (a *app) say(text string) {
	if a.logsJSON() {
		a.voice().Info(text)
		return
	}
	fmt.Fprintf(a.stderr(), "phlb: %s\n", text)
}

// sayFailure tells why the command failed. What cannot be written to standard
// error cannot be told anywhere.
func (a *app) sayFailure(f *report.Failure) {
	if !a.logsJSON() {
		if len(f.Problems) > 0 {
			_ = report.Problems(a.err, a.style(a.err), f.Problems)
		} else {
			fmt.Fprintf(a.err, "phlb: %s\n", f.Text())
		}
		return
	}
	voice := a.voice()
	for _, p := range f.Problems {
		attrs := []any{"path", p.Pos.File, "line", p.Pos.Line, "column", p.Pos.Column}
		if p.Hint != "" {
			attrs = append(attrs, "hint", p.Hint)
		}
		voice.Error(p.Message, attrs...)
	}
	attrs := []any{"status", string(f.Outcome), "exit_code", f.ExitCode, "code", string(f.Code)}
	if f.Path != "" {
		attrs = append(attrs, "path", f.Path)
	}
	if f.Hint != "" {
		attrs = append(attrs, "hint", f.Hint)
	}
	voice.Error(f.Cause, attrs...)
}

// noticeAfter is how long stopping may take before it is told that the
// interrupt was heard.
const noticeAfter = 300 * time.Millisecond

// heard tells, once ctx has been cancelled and while the run goes on, that it
// is going to end. The function it returns ends that.
func (a *app) heard(ctx context.Context) (end func()) {
	over := make(chan struct{})
	context.AfterFunc(ctx, func() {
		select {
		case <-over:
		case <-time.After(noticeAfter):
			if p := a.shown.Load(); p != nil && p.Busy() {
				a.say("stopping as soon as what is under way can be left; interrupt again to stop at once")
			}
		}
	})
	return func() { close(over) }
}

// abandon leaves a clean terminal when the process is about to end at once,
// whatever else is going on. Where the terminal takes nothing, it is left.
func (a *app) abandon() {
	p := a.shown.Load()
	if p == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Close() // there is no time to tell
	}()
	select {
	case <-done:
	case <-time.After(noticeAfter):
	}
}
