package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"phlb/internal/jsonl"
)

var (
	// ErrFormat says that it is not a plan, or one of a major version this phlb cannot read.
	ErrFormat = errors.New("not a plan this phlb can read")
	// ErrDigest says that the plan was damaged or edited after it was written.
	ErrDigest = errors.New("the plan's digest does not match: it is damaged or was edited")
)

// FormatError says what was found in place of a plan of a known version. It is
// ErrFormat.
type FormatError struct {
	Format  string // that the file says it has; empty: that of a plan
	Version string // of a plan; empty: a known one
}

// Error returns what was found.
func (e *FormatError) Error() string {
	if e.Version == "" {
		return fmt.Sprintf("%v: its format is %q", ErrFormat, e.Format)
	}
	return fmt.Sprintf("%v: format version %q, want %s.x", ErrFormat, e.Version, majorVersion())
}

// Unwrap returns ErrFormat.
func (e *FormatError) Unwrap() error { return ErrFormat }

func majorVersion() string {
	major, _, _ := strings.Cut(FormatVersion, ".")
	return major
}

// LineError says on which line of the plan (uncompressed, from 1) something
// is wrong, or was when a Visitor's function refused it.
type LineError struct {
	Line int
	Err  error
}

// Error returns the message with the line number in front.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Visitor is given the parts of a plan in the order of the file. Nil
// functions are skipped; an error ends the reading. What pointers lead to is
// only valid during the call, but for strings, maps and slices in it. That
// the plan is whole and unedited is known only when Read has returned: until
// then nothing may be acted on.
type Visitor struct {
	Header    func(*Header) error
	Source    func(*Source) error // before its entries; Totals are not known yet
	Entry     func(*Entry) error
	Deleted   func(path string) error
	EndSource func(*Source) error // Totals are known
	Keep      func(*Keep) error
	Prune     func(*Prune) error
}

// Read reads a plan, plain or compressed with zstd, as a stream: it decodes a
// few entries ahead of the one that is visited. It checks format, syntax, the
// order of entries, totals and the digest, and that nothing follows; see the
// package comment for what it leaves to others. Any spelling of JSON will do,
// but header keys stand before their sources or entries, and the digest comes
// last. The Visitor is called by the caller's goroutine only.
func Read(ctx context.Context, r io.Reader, v Visitor) (*Info, error) {
	plain, err := jsonl.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	defer plain.Close()
	decoding, stop := context.WithCancel(ctx)
	rd := newReader(decoding, plain, v)
	defer rd.ahead.end(stop)
	go rd.decode()
	if err := rd.visits(ctx); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return &rd.info, nil
}

// reader reads one document.
type reader struct {
	in   *jsonl.Input
	dec  jsonl.Decoder
	v    Visitor
	hash *xxhash.Digest
	// keySum is the digest of everything before the last key.
	keySum uint64

	info  Info
	seen  map[string]bool // keys of the document
	begun bool            // the header has been handed out
	sum   PlanTotals      // what was counted
	src   *source
	ahead ahead
}

func newReader(ctx context.Context, r io.Reader, v Visitor) *reader {
	rd := &reader{v: v, hash: xxhash.New(), seen: map[string]bool{}, ahead: newAhead(ctx, r)}
	rd.in = jsonl.NewInput(&rd.ahead, MaxEntry, jsonl.Tap{
		Passed: func(b []byte) { rd.hash.Write(b) },
		Key:    func() { rd.keySum = rd.hash.Sum64() },
	})
	return rd
}

// located adds the line to an error that is about the file's content.
func located(err error, line int) error {
	var at *LineError
	switch {
	case errors.As(err, &at), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the plan is cut off: %w", err)
	}
	return &LineError{Line: line, Err: err}
}

func (r *reader) document() error {
	if c, err := r.in.Peek(); err == io.EOF || err == nil && c != '{' {
		return ErrFormat
	}
	if err := r.in.Object(r.member); err != nil {
		return err
	}
	if !r.seen["format"] {
		return ErrFormat
	}
	if !r.seen["digest"] {
		return fmt.Errorf("%w (there is none)", ErrDigest)
	}
	switch _, err := r.in.Peek(); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("something follows the plan")
	default:
		return err
	}
}

// member reads one key of the document.
func (r *reader) member(key string) error {
	if err := r.once(key); err != nil {
		return err
	}
	switch key {
	case "sources":
		return r.list(r.source)
	case "keep":
		return r.list(r.keep)
	case "prune":
		return r.list(r.prune)
	case "totals":
		return r.totals()
	case "digest":
		return r.digest()
	}
	return r.headerMember(key)
}

// once refuses a second key of the same name, and any key behind the digest,
// which does not cover it.
func (r *reader) once(key string) error {
	if r.seen["digest"] {
		return fmt.Errorf("%q stands after the digest", key)
	}
	if r.seen[key] {
		return fmt.Errorf("%q stands twice", key)
	}
	if len(r.seen) < maxKeys {
		r.seen[key] = true
		return nil
	}
	return fmt.Errorf("more than %d keys", maxKeys)
}

// maxKeys bounds what is remembered of unknown keys.
const maxKeys = 1000

// list reads an array of the body.
func (r *reader) list(element func() error) error {
	if err := r.begin(); err != nil {
		return err
	}
	return r.in.Array(element)
}

// begin hands out the header before anything of the body.
func (r *reader) begin() error {
	if r.begun {
		return nil
	}
	r.begun = true
	for _, key := range []string{"format", "format_version", "plan_id", "created_at", "destination", "applyable"} {
		if !r.seen[key] {
			return fmt.Errorf("%w: %q is missing at its beginning", ErrFormat, key)
		}
	}
	if r.v.Header == nil {
		return nil
	}
	return r.due(func() error { return r.v.Header(&r.info.Header) })
}

func (r *reader) keep() error {
	var k Keep
	return r.element(func() { decodeKeep(&r.dec, &k) }, func() error {
		r.sum.Keep++
		if r.v.Keep == nil {
			return nil
		}
		return r.due(func() error { return r.v.Keep(&k) })
	})
}

func (r *reader) prune() error {
	var p Prune
	return r.element(func() { decodePrune(&r.dec, &p) }, func() error {
		if err := r.sum.prune(&p); err != nil {
			return err
		}
		if r.v.Prune == nil {
			return nil
		}
		return r.due(func() error { return r.v.Prune(&p) })
	})
}

// element decodes one value, visits it, and passes it only then, so that an
// error of the visit is on the right line.
func (r *reader) element(decode func(), visit func() error) error {
	n, err := r.in.Decode(&r.dec, decode)
	if err == nil {
		err = visit()
	}
	if err != nil {
		return err
	}
	r.in.Advance(n)
	return nil
}

func (r *reader) totals() error {
	if err := r.begin(); err != nil {
		return err
	}
	return r.element(func() { decodePlanTotals(&r.dec, &r.info.Totals) }, func() error { return nil })
}

// digest ends the document: everything is known to check.
func (r *reader) digest() error {
	if err := r.begin(); err != nil {
		return err
	}
	sum := digestText(r.keySum)
	decode := func() { r.info.Digest = r.dec.Text() }
	return r.element(decode, func() error {
		if r.info.Digest != sum {
			return ErrDigest
		}
		for _, key := range []string{"sources", "keep", "prune", "totals"} {
			if !r.seen[key] {
				return fmt.Errorf("%q is missing", key)
			}
		}
		if r.info.Totals != r.sum {
			return errors.New("the plan's totals do not fit its content")
		}
		return nil
	})
}

// checkFormat refuses other formats and major versions.
func checkFormat(format, version string) error {
	if format != "" && format != Format {
		return &FormatError{Format: format}
	}
	if got, _, _ := strings.Cut(version, "."); version != "" && got != majorVersion() {
		return &FormatError{Version: version}
	}
	return nil
}
