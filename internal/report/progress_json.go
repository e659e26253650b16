package report

import (
	"math"
	"time"

	"phlb/internal/event"
)

const jsonEvery = time.Second

// jsonFront writes one JSON object a line.
type jsonFront struct {
	*lockedWriter
	tracker *tracker
}

// progressLine is what the package's documentation promises.
type progressLine struct {
	Event      string      `json:"event"`
	Time       time.Time   `json:"time"`
	Phase      event.Phase `json:"phase"`
	Files      int64       `json:"files"`
	Bytes      int64       `json:"bytes"`
	TotalFiles int64       `json:"total_files,omitempty"`
	TotalBytes int64       `json:"total_bytes,omitempty"`
	RateBPS    int64       `json:"rate_bps,omitempty"`
	ETA        *int64      `json:"eta_s,omitempty"`
	Path
	Message  string   `json:"message,omitempty"`
	Duration *float64 `json:"duration_s,omitempty"`
}

type warningObject struct {
	Event string      `json:"event"`
	Time  time.Time   `json:"time"`
	Phase event.Phase `json:"phase,omitempty"`
	Path
	Message string `json:"message"`
}

func (f *jsonFront) start(s snapshot) error { return f.write(lineOf("start", s)) }

func (f *jsonFront) progress(phase event.Phase) error {
	s, due := f.tracker.due(phase, jsonEvery, jsonEvery)
	if !due {
		return nil
	}
	return f.write(lineOf("progress", s))
}

func (f *jsonFront) warning(e event.Event, at time.Time) error {
	return f.write(warningObject{
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

func lineOf(name string, s snapshot) progressLine {
	line := progressLine{
		Event: name, Time: jsonTime(s.now), Phase: s.phase,
		Files: s.files, Bytes: s.bytes,
		TotalFiles: s.totalFiles, TotalBytes: s.totalBytes,
		RateBPS: int64(s.byteRate),
	}
	if s.left >= 0 {
		left := int64(s.left.Round(time.Second) / time.Second)
		line.ETA = &left
	}
	if len(s.large) > 0 {
		line.Path = NewPath(s.large[0].path)
	}
	return line
}

func jsonTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (f *jsonFront) write(v any) error {
	line, err := jsonLine(v)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return err
}
