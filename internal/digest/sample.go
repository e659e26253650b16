package digest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cespare/xxhash/v2"
)

// SampleSpan is how many bytes of the head and of the tail a Sample covers.
const SampleSpan = 64 << 10

// SampleBuffer is the length of buffer with which SampleOf never allocates.
const SampleBuffer = SampleSpan

// Sample is the XXH64 of a file's first and last SampleSpan bytes (of all of
// it up to twice that) and its size.
//
// Different samples prove that two contents differ. Equal samples prove
// nothing: XXH64 is not collision resistant, and the middle is not looked at.
type Sample uint64

// SampleOf reads the sample of content that is size bytes long. It reads
// through buf, which may be of any length, at best SampleBuffer. Content that
// ends before size bytes is io.ErrUnexpectedEOF: the file shrank.
func SampleOf(r io.ReaderAt, size int64, buf []byte) (Sample, error) {
	if size < 0 {
		return 0, fmt.Errorf("sample: size %d is negative", size)
	}
	if len(buf) == 0 {
		buf = make([]byte, SampleBuffer)
	}
	h := xxhash.New()
	head := min(size, SampleSpan)
	tail := max(head, size-SampleSpan)
	for _, span := range [2]struct{ from, to int64 }{{0, head}, {tail, size}} {
		if err := addSpan(h, r, span.from, span.to, buf); err != nil {
			return 0, err
		}
	}
	var end [8]byte
	binary.LittleEndian.PutUint64(end[:], uint64(size))
	_, _ = h.Write(end[:]) // never fails
	return Sample(h.Sum64()), nil
}

func addSpan(h io.Writer, r io.ReaderAt, from, to int64, buf []byte) error {
	for from < to {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		_, _ = h.Write(buf[:n]) // never fails
		from += int64(n)
		if from >= to {
			return nil // ReaderAt may report io.EOF along with the last bytes
		}
		if err == nil && n == 0 || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("sample at byte %d: %w", from, err)
		}
	}
	return nil
}
