package snapdiff

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/listing"
	"phlb/internal/meta"
)

// bufferSize is how much is read of both files at a time, in bytes.
const bufferSize = 256 << 10

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// sameContent reports whether two entries of one kind hold the same.
func (c *comparer) sameContent(ctx context.Context, a, b *listing.Entry) (bool, error) {
	switch {
	case a.Kind == meta.Symlink:
		return a.Target == b.Target, nil
	case a.Kind != meta.File:
		return true, nil
	case a.Size != b.Size:
		return false, nil
	case !a.SHA256.IsZero() && !b.SHA256.IsZero():
		return a.SHA256 == b.SHA256, nil
	}
	return c.readBoth(ctx, a, b)
}

// readBoth reads both files side by side, up to the first difference.
func (c *comparer) readBoth(ctx context.Context, a, b *listing.Entry) (bool, error) {
	f, err := openFile(c.first.stream, a)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := openFile(c.second.stream, b)
	if err != nil {
		return false, err
	}
	defer g.Close()
	if c.buf == nil {
		c.buf = make([]byte, 2*bufferSize)
	}
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n, err := io.ReadFull(f, c.buf[:bufferSize])
		m, err2 := io.ReadFull(g, c.buf[bufferSize:])
		if err, err2 = realError(err), realError(err2); err != nil {
			return false, err
		}
		if err2 != nil {
			return false, err2
		}
		if !bytes.Equal(c.buf[:n], c.buf[bufferSize:bufferSize+m]) {
			return false, nil
		}
		if n < bufferSize {
			return true, nil
		}
	}
}

// realError takes the end of a file for none.
func realError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

func openFile(s *listing.Stream, e *listing.Entry) (*fsys.File, error) {
	f, err := s.Dir().OpenFileAt(s.Stored(e.Path))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Kind != meta.File {
		err = fmt.Errorf("read %s: it is a %s now", f.Path(), info.Kind)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
