package benchmark

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
)

// HashOptions configure Hashes. Zeros stand for PHLB's defaults.
type HashOptions struct {
	MaxDuration time.Duration    // 0: DefaultDuration
	MinFileSize int64            // bytes; 0: DefaultMinFileSize
	MaxFileSize int64            // bytes; 0: DefaultMaxFileSize
	Excludes    []string         // patterns as in manifests
	Now         func() time.Time // nil: time.Now
	Events      event.Sink       // nil: none
}

// PHLB's defaults.
const (
	DefaultDuration    = 30 * time.Second
	DefaultMinFileSize = 15 << 10
	DefaultMaxFileSize = 100 << 20
)

// HashResult is what reading and hashing took.
type HashResult struct {
	Files      int64         `json:"files"`             // read to their end
	Failed     int64         `json:"failed"`            // could not be opened or read
	Smaller    int64         `json:"smaller,omitempty"` // left out: smaller than wanted
	Larger     int64         `json:"larger,omitempty"`  // left out: larger than wanted
	Bytes      int64         `json:"bytes"`             // read, and hashed by each algorithm
	ReadTime   time.Duration `json:"read_ns"`
	Finished   bool          `json:"finished"` // false: the time was up before the tree's end
	Algorithms []Algorithm   `json:"algorithms"`
}

// Algorithm is what one hash took for all bytes.
type Algorithm struct {
	Name  string        `json:"name"`
	Time  time.Duration `json:"time_ns"`
	Ratio float64       `json:"ratio"` // Time to ReadTime; 0 if nothing was read
}

// chunk is how much is read and hashed at a time, in bytes.
const chunk = 1 << 20

// errTimeUp ends a walk.
var errTimeUp = errors.New("time is up")

// hasher is an algorithm at work.
type hasher struct {
	name string
	hash hash.Hash
	took time.Duration
}

func hashers() []*hasher {
	return []*hasher{
		{name: "md5", hash: md5.New()},
		{name: "sha1", hash: sha1.New()},
		{name: "sha224", hash: sha256.New224()},
		{name: "sha256", hash: sha256.New()},
		{name: "sha384", hash: sha512.New384()},
		{name: "sha512", hash: sha512.New()},
		{name: "sha3-256", hash: sha3.New256()},
		{name: "sha3-512", hash: sha3.New512()},
		{name: "xxhash64", hash: xxhash.New()},
	}
}

// Hashes reads the files at path whose size is in the wanted range, and
// hashes their content with each algorithm, until the tree or the time is at
// its end. Files that cannot be read are counted and passed over.
func Hashes(ctx context.Context, path string, o HashOptions) (*HashResult, error) {
	o = o.withDefaults()
	m := &measurement{now: clock(o.Now), hashers: hashers(), buf: make([]byte, chunk), result: &HashResult{}}
	m.deadline = m.now().Add(o.MaxDuration)
	// Reading ahead in the tree would disturb what is measured.
	walk := scan.Options{MaxFileSize: o.MaxFileSize, Workers: 1, MaxAhead: 1000}
	err := overTree(ctx, path, walk, o.Excludes, o.Events, func(root *fsys.Dir, e *scan.Entry) (event.Event, error) {
		switch {
		case e.Kind == meta.File && e.Size > o.MaxFileSize:
			m.result.Larger++
			return event.Event{}, nil
		case e.Skip != "" || e.Kind != meta.File:
			return event.Event{}, nil
		case e.Size < o.MinFileSize:
			m.result.Smaller++
			return event.Event{}, nil
		}
		return m.file(ctx, root, e.Path)
	})
	if err != nil && !errors.Is(err, errTimeUp) {
		return nil, fmt.Errorf("benchmark hashes: %w", err)
	}
	m.result.Finished = err == nil
	return m.finish(), nil
}

func (o HashOptions) withDefaults() HashOptions {
	if o.MaxDuration == 0 {
		o.MaxDuration = DefaultDuration
	}
	if o.MinFileSize == 0 {
		o.MinFileSize = DefaultMinFileSize
	}
	if o.MaxFileSize == 0 {
		o.MaxFileSize = DefaultMaxFileSize
	}
	return o
}

type measurement struct {
	now      func() time.Time
	deadline time.Time
	hashers  []*hasher
	buf      []byte
	result   *HashResult
}

// file reads and hashes one file. An error ends the benchmark.
func (m *measurement) file(ctx context.Context, root *fsys.Dir, path string) (event.Event, error) {
	before := m.result.Bytes
	err := m.content(ctx, root, path)
	done := event.Event{Bytes: m.result.Bytes - before}
	switch {
	case err == nil:
		m.result.Files++
		done.Files = 1
	case errors.Is(err, errTimeUp), ctx.Err() != nil:
		return done, err
	default:
		m.result.Failed++
	}
	return done, nil
}

func (m *measurement) content(ctx context.Context, root *fsys.Dir, path string) error {
	began := m.now()
	if !began.Before(m.deadline) {
		return errTimeUp
	}
	f, err := root.OpenFileAt(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, h := range m.hashers {
		h.hash.Reset()
	}
	m.result.ReadTime += m.now().Sub(began)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.piece(f); err == io.EOF {
			m.sums()
			return nil
		} else if err != nil {
			return err
		}
	}
}

// piece reads and hashes up to one chunk.
func (m *measurement) piece(f io.Reader) error {
	began := m.now()
	n, err := f.Read(m.buf)
	then := m.now()
	m.result.ReadTime += then.Sub(began)
	m.result.Bytes += int64(n)
	for _, h := range m.hashers {
		_, _ = h.hash.Write(m.buf[:n]) // never fails
		done := m.now()
		h.took += done.Sub(then)
		then = done
	}
	if err == nil && !then.Before(m.deadline) {
		return errTimeUp
	}
	return err
}

// sums ends the hashes of a file.
func (m *measurement) sums() {
	var out [64]byte
	for _, h := range m.hashers {
		began := m.now()
		_ = h.hash.Sum(out[:0])
		h.took += m.now().Sub(began)
	}
}

func (m *measurement) finish() *HashResult {
	for _, h := range m.hashers {
		a := Algorithm{Name: h.name, Time: h.took}
		if m.result.ReadTime > 0 {
			a.Ratio = float64(h.took) / float64(m.result.ReadTime)
		}
		m.result.Algorithms = append(m.result.Algorithms, a)
	}
	return m.result
}
