package doctor

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"phlb/internal/fsys"
)

// fewPercent is below which share of free space or inodes one is warned.
const fewPercent = 5

func fileSystem(info fsys.FSInfo) Finding {
	f := Finding{Check: "file_system", Result: info.Type, Level: OK, Source: Reported}
	if info.ReadOnly {
		f.Level, f.Detail = Fail, "It is mounted read-only."
	}
	return f
}

func space(info fsys.FSInfo) Finding {
	f := Finding{
		Check: "space", Level: OK, Source: Reported, Value: number(info.Free), Unit: "bytes",
		Result: fmt.Sprintf("%s of %s free", size(info.Free), size(info.Total)),
	}
	if scarce(info.Free, info.Total) {
		f.Level, f.Detail = Warn, fmt.Sprintf("Less than %d %% is free for this user.", fewPercent)
	}
	return f
}

func inodes(info fsys.FSInfo) Finding {
	if info.Inodes == 0 {
		return Finding{Check: "inodes", Result: "not limited", Level: OK, Source: Reported,
			Detail: "The file system makes them as they are needed, or does not tell."}
	}
	f := Finding{
		Check: "inodes", Level: OK, Source: Reported, Value: number(info.FreeInode), Unit: "inodes",
		Result: fmt.Sprintf("%s of %s free", humanize.Comma(info.FreeInode), humanize.Comma(info.Inodes)),
	}
	if scarce(info.FreeInode, info.Inodes) {
		f.Level, f.Detail = Warn, fmt.Sprintf("Less than %d %% are free; each new file, directory and symlink takes one, a hard link none.", fewPercent)
	}
	return f
}

func scarce(free, total int64) bool { return float64(free) < float64(total)*fewPercent/100 }

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func nameMax(info fsys.FSInfo) Finding {
	return longestName(Finding{Check: "longest_name", Source: Reported}, info.NameMax)
}
