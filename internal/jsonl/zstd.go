package jsonl

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that decompression takes whatever the input
// claims. phlb's own files and those of zstd -19 need 8 MiB or less.
const maxWindow = 32 << 20

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// NewReader returns r, decompressed if it begins with zstd's magic number.
// The caller closes it, which does not close r.
func NewReader(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReader(r)
	// An error here will be met again by whoever reads.
	if head, _ := br.Peek(len(zstdMagic)); !bytes.Equal(head, zstdMagic) {
		return io.NopCloser(br), nil
	}
	// One goroutine, the caller's, takes a third less time of all processors
	// than a pipeline of them; what waits for records has others to keep busy.
	z, err := zstd.NewReader(br, zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	return z.IOReadCloser(), nil
}

// writeWindow is how far back compression looks, in bytes. In sorted lines
// what repeats is near: more finds nothing, and costs memory and caches.
const writeWindow = 64 << 10

// NewZstdWriter compresses at the fastest level. Closing it ends the
// compressed stream and does not close w.
func NewZstdWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(writeWindow))
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return z, nil
}
