package report

import (
	"log/slog"
	"time"

	"phlb/internal/event"
)

// logFront makes records of what plainFront writes as lines.
type logFront struct {
	*lockedWriter
	tracker *tracker
	log     *slog.Logger
}

func (f *logFront) start(snapshot) error { return nil }

func (f *logFront) progress(phase event.Phase) error {
	if s, due := f.tracker.due(phase, plainFirst, plainPause); due {
		f.log.Info("progress", facts(s)...)
	}
	return nil
}

func (f *logFront) warning(e event.Event, _ time.Time) error {
	if e.Logged {
		return nil
	}
	attrs := []any{"phase", string(e.Phase)}
	if e.Path != "" {
		attrs = append(attrs, "path", e.Path)
	}
	f.log.Warn(e.Text, attrs...)
	return nil
}

func (f *logFront) end(s snapshot, cause error) error {
	if s.elapsed < plainFirst {
		return nil
	}
	attrs := append(facts(s), "duration_s", s.elapsed.Round(time.Millisecond).Seconds())
	if cause != nil {
		attrs = append(attrs, "error", cause)
	}
	f.log.Info("phase ended", attrs...)
	return nil
}

// facts are a phase's state as JSON progress names it.
func facts(s snapshot) []any {
	attrs := []any{"phase", string(s.phase)}
	line := lineOf("", s)
	if s.name != "" {
		attrs = append(attrs, "name", s.name)
	}
	attrs = append(attrs, "files", s.files, "bytes", s.bytes)
	for _, n := range []struct {
		key   string
		value int64
	}{
		{"total_files", s.totalFiles}, {"total_bytes", s.totalBytes}, {"rate_bps", line.RateBPS}, {"rate_files_ps", line.RateFPS},
	} {
		if n.value != 0 {
			attrs = append(attrs, n.key, n.value)
		}
	}
	if line.Percent != nil {
		attrs = append(attrs, "percent", *line.Percent)
	}
	if line.ETA != nil {
		attrs = append(attrs, "eta_s", *line.ETA)
	}
	if len(s.large) > 0 {
		attrs = append(attrs, "path", s.large[0].path)
	}
	return attrs
}
