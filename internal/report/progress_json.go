package report

import (
	"math"
	"sync"
	"time"

	"phlb/internal/event"
)

const jsonEvery = time.Second

// Format and version of JSON progress, as its first object says. The minor
// number grows when keys, events or phases are added.
const (
	progressFormat  = "phlb-progress"
	progressVersion = "1.0"
)

// jsonFront writes one JSON object a line.
type jsonFront struct {
	*lockedWriter
	tracker *tracker

	mu    sync.Mutex // keeps the first object first
	begun bool
}

// preamble is what the first object has beside its own.
type preamble struct {
	Format  string `json:"format,omitempty"`
	Version string `json:"format_version,omitempty"`
}

func (p *preamble) introduce() { *p = preamble{progressFormat, progressVersion} }

// progressLine is what the package's documentation promises.
type progressLine struct {
	preamble
	Event      string      `json:"event"`
	Time       time.Time   `json:"time"`
	Phase      event.Phase `json:"phase"`
	Name       string      `json:"name,omitempty"`
	Files      int64       `json:"files"`
	Bytes      int64       `json:"bytes"`
	TotalFiles int64       `json:"total_files,omitempty"`
	TotalBytes int64       `json:"total_bytes,omitempty"`
	Expected   bool        `json:"totals_expected,omitempty"`
	Percent    *int        `json:"percent,omitempty"`
	RateBPS    int64       `json:"rate_bps,omitempty"`
	RateFPS    int64       `json:"rate_files_ps,omitempty"`
	ETA        *int64      `json:"eta_s,omitempty"`
	Path
	FileBytes *int64   `json:"file_bytes,omitempty"`
	FileSize  *int64   `json:"file_size,omitempty"`
	Message   string   `json:"message,omitempty"`
	Duration  *float64 `json:"duration_s,omitempty"`
}

type warningObject struct {
	preamble
	Event string      `json:"event"`
	Time  time.Time   `json:"time"`
	Phase event.Phase `json:"phase,omitempty"`
	Path
	Message string `json:"message"`
}

func (f *jsonFront) start(s snapshot) error { return f.write(lineOf("start", s)) }

func (f *jsonFront) progress(phase event.Phase) error {
	s, due := f.tracker.due(phase, jsonEvery, func(time.Duration) time.Duration { return jsonEvery })
	if !due {
		return nil
	}
	return f.write(lineOf("progress", s))
}

func (f *jsonFront) warning(e event.Event, at time.Time) error {
	return f.write(&warningObject{
		Event: "warning", Time: jsonTime(at), Phase: e.Phase, Path: NewPath(e.Path), Message: e.Text,
	})
}

func (f *jsonFront) end(s snapshot, cause error) error {
	line := lineOf("end", s)
	seconds := math.Round(s.elapsed.Seconds()*1000) / 1000
	line.Duration = &seconds
	if cause != nil {
		line.Message = cause.Error()
	}
	return f.write(line)
}

func lineOf(name string, s snapshot) *progressLine {
	line := &progressLine{
		Event: name, Time: jsonTime(s.now), Phase: s.phase, Name: s.name,
		Files: s.files, Bytes: s.bytes,
		TotalFiles: s.totalFiles, TotalBytes: s.totalBytes, Expected: s.expected,
		RateBPS: int64(s.byteRate), RateFPS: int64(s.fileRate),
	}
	if s.part >= 0 {
		percent := int(s.part * 100)
		line.Percent = &percent
	}
	if s.left >= 0 {
		left := int64(s.left.Round(time.Second) / time.Second)
		line.ETA = &left
	}
	if len(s.large) > 0 {
		l := s.large[0]
		line.Path, line.FileBytes, line.FileSize = NewPath(l.path), &l.done, &l.size
	}
	return line
}

func jsonTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (f *jsonFront) write(object interface{ introduce() }) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun {
		object.introduce()
		f.begun = true
	}
	line, err := jsonLine(object)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return err
}
