package digest

import (
	"context"
	"io"
)

// zeroSpan is fed at once; it is small enough to stay in the CPU's cache.
const zeroSpan = 64 << 10

// zeros is never written to.
var zeros [zeroSpan]byte

// AddZeros feeds n zero bytes to h: what a hole of that length reads as. It
// takes no memory for them, and gives up with ctx's error between spans, as
// hashing a hole of many GiB takes as long as hashing data.
func AddZeros(ctx context.Context, h io.Writer, n int64) error {
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		wrote, err := h.Write(zeros[:min(n, zeroSpan)])
		if err != nil {
			return err
		}
		n -= int64(wrote)
	}
	return nil
}
