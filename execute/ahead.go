package execute

import (
	"crypto/sha256"
	"io"
)

// aheadBuffer is how much is read at a time, in bytes; aheadBuffers of them are
// read ahead at most.
const (
	aheadBuffer  = 256 << 10
	aheadBuffers = 4
)

// ahead reads a file, and hashes it, by a goroutine of its own: whoever reads
// a plan has enough to do with decoding it, and nothing else can be done
// before it is known to be right.
type ahead struct {
	full  chan []byte
	empty chan []byte
	buf   []byte // of which rest is
	rest  []byte
	// err and sum are set when full is closed.
	err error
	sum [sha256.Size]byte
}

func readAhead(r io.Reader) *ahead {
	a := &ahead{full: make(chan []byte, aheadBuffers), empty: make(chan []byte, aheadBuffers)}
	for range aheadBuffers {
		a.empty <- make([]byte, aheadBuffer)
	}
	go a.fill(r)
	return a
}

// fill reads until the end, an error, or until nobody wants more.
func (a *ahead) fill(r io.Reader) {
	defer close(a.full)
	hash := sha256.New()
	for buf := range a.empty {
		n, err := r.Read(buf)
		hash.Write(buf[:n])
		a.full <- buf[:n]
		if err != nil {
			a.err = err
			a.sum = [sha256.Size]byte(hash.Sum(nil))
			return
		}
	}
}

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		if a.buf != nil {
			a.empty <- a.buf[:cap(a.buf)]
			a.buf = nil
		}
		buf, ok := <-a.full
		if !ok {
			return 0, a.err
		}
		a.buf, a.rest = buf, buf
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// close ends reading ahead.
func (a *ahead) close() {
	close(a.empty)
	for range a.full {
		continue // only its end is waited for
	}
}
