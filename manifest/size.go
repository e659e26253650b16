package manifest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"github.com/dustin/go-humanize"
)

// sizeSyntax is stricter than go-humanize, which takes "1,5GB" for 15 GB.
var sizeSyntax = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?( ?[A-Za-z]+)?$`)

// parseSize reads a number of bytes, with one of go-humanize's units if it has
// one: KiB, MiB, GiB, TiB, PiB, EiB (powers of 1024; short Ki, Mi, …) and kB,
// MB, GB, TB, PB, EB (powers of 1000; short k, M, …), in any case.
func parseSize(s string) (int64, error) {
	if !sizeSyntax.MatchString(s) {
		return 0, fmt.Errorf("%q is not a size such as 2GiB, 10MB or 1000", s)
	}
	n, err := humanize.ParseBytes(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size such as 2GiB, 10MB or 1000; units are KiB, MiB, GiB, TiB and kB, MB, GB, TB", s)
	}
	if n > math.MaxInt64 {
		return 0, fmt.Errorf("size %q is too large", s)
	}
	return int64(n), nil
}

// formatSize writes n, which is not negative, in the largest unit that needs
// no fraction, so that parseSize reads exactly n. Thousands stay plain digits.
func formatSize(n int64) string {
	for _, u := range []struct {
		bytes int64
		name  string
	}{
		{1 << 60, "EiB"}, {1e18, "EB"},
		{1 << 50, "PiB"}, {1e15, "PB"},
		{1 << 40, "TiB"}, {1e12, "TB"},
		{1 << 30, "GiB"}, {1e9, "GB"},
		{1 << 20, "MiB"}, {1e6, "MB"},
		{1 << 10, "KiB"},
	} {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
