package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// Bytes returns n bytes in IEC units: "4.6 KiB".
func Bytes(n int64) string {
	if n < 0 {
		return "-" + humanize.IBytes(uint64(-n))
	}
	return humanize.IBytes(uint64(n))
}

// Count returns n with thousands separators: "80,000".
func Count(n int64) string { return humanize.Comma(n) }

// counted returns n and its noun: "1 file", "2 files".
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// files returns "1 file" or "80,000 files".
func files(n int64) string { return counted(n, "file", "files") }

// Duration returns d in at most two units: "250ms", "8.5s", "3m10s", "2h05m",
// "4d06h".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	case d < time.Minute:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	const day = 24 * time.Hour
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}

// percent returns part of whole as "37%"; only all is 100%, only nothing 0%.
func percent(part, whole int64) string {
	switch {
	case whole <= 0 || part <= 0:
		return "0%"
	case part >= whole:
		return "100%"
	}
	p := float64(part) / float64(whole) * 100
	switch {
	case p < 1:
		return "<1%"
	case p > 99:
		return "99%"
	}
	return strconv.FormatFloat(p, 'f', 0, 64) + "%"
}
