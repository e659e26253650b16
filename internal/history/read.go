package history

import (
	"context"
	"path"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/vouch"
)

// bufferSize is how much of a file is read at a time, in bytes.
const bufferSize = 256 << 10

// reader collects what one snapshot has.
type reader struct {
	*historian
	*snap
	stream *listing.Stream
	top    string // Path, as in the source
	match  func(path string) bool
	buf    []byte
}

func (r *reader) begin(s *listing.Stream) {
	*r.snap = snap{list: r.list[:0]}
	r.stream, r.top = s, s.SourcePath(r.Path)
	r.match = func(string) bool { return false }
	if r.Match != nil {
		r.match = r.Match()
	}
}

func (r *reader) add(ctx context.Context, e *listing.Entry) error {
	if !r.wanted(e) {
		return nil
	}
	v := Version{State: e.State()}
	if v.Kind == meta.File && v.SHA256.IsZero() {
		sum, err := r.hash(ctx, e.Path)
		if err != nil {
			r.failed++
			r.notice = r.stream.Stored(e.Path) + ": " + err.Error()
		}
		v.SHA256 = sum
	}
	r.list = append(r.list, item{e.Path, v})
	return ctx.Err()
}

// wanted reports whether an entry is asked for. What became of a directory is
// told by what is in it.
func (r *reader) wanted(e *listing.Entry) bool {
	p := e.Path
	if p == r.top {
		return true
	}
	return e.Kind != meta.Dir && (r.top == "." || strings.HasPrefix(p, r.top+"/") || r.match(p))
}

// hash reads a file that nothing on record tells the hash of.
func (r *reader) hash(ctx context.Context, p string) (digest.Sum, error) {
	if r.buf == nil {
		r.buf = make([]byte, bufferSize)
	}
	stored := r.stream.Stored(p)
	dir, err := r.stream.Dir().OpenDirAt(path.Dir(stored))
	if err != nil {
		return digest.Sum{}, err
	}
	defer dir.Close()
	return vouch.Hash(ctx, dir, path.Base(stored), nil, r.buf)
}
