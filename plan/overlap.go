package plan

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
)

// ErrOverlap means that a source lies in the destination, or the destination
// in a source, seen by devices and inodes.
var ErrOverlap = errors.New("source and destination overlap")

// overlap compares the source with the destination by device and inode, so
// that symbolic links and bind mounts do not deceive. A destination that only
// a bind mount inside the source shows is met by the scan.
func (s *sourceBuild) overlap() error {
	source, err := s.dir.Stat()
	if err != nil {
		return err
	}
	from, err := filepath.EvalSymlinks(s.Path)
	if err != nil {
		return err
	}
	to, rest, err := existing(s.manifest.Destination)
	if err != nil {
		return err
	}
	if s.root != nil {
		root, err := s.root.Dir().Stat()
		if err != nil {
			return err
		}
		if _, in := above(from, &root); in || shows(s.mounts, from, to) {
			return fmt.Errorf("%w: the source %s lies in the destination %s", ErrOverlap, s.Path, s.manifest.Destination)
		}
		s.avoidShown(from, to)
	}
	rel, in := above(to, &source)
	if !in {
		return nil
	}
	matcher, err := matcherOf(s.Settings.Excludes)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(filepath.Join(rel, rest))
	if rel != "." && matcher.Decide(rel, true).Excluded {
		return nil
	}
	return fmt.Errorf("%w: the destination %s lies in the source %s; exclude it, or choose another", ErrOverlap, s.manifest.Destination, s.Path)
}

// above looks for the directory top among a real path and those above it, and
// returns the path relative to it.
func above(real string, top *meta.Info) (rel string, in bool) {
	for dir := real; ; dir = filepath.Dir(dir) {
		if info, err := statDir(dir); err == nil && info.SameFile(top) {
			rel, err := filepath.Rel(dir, real)
			return rel, err == nil
		}
		if dir == filepath.Dir(dir) {
			return "", false
		}
	}
}

func statDir(path string) (meta.Info, error) {
	dir, err := fsys.Open(path)
	if err != nil {
		return meta.Info{}, err
	}
	defer dir.Close()
	return dir.Stat()
}

// avoidShown keeps the scan out of bind mounts in the source that show a part
// of the root: they have neither the root's inode nor one above it.
func (s *sourceBuild) avoidShown(source, root string) {
	for _, m := range s.mounts {
		if _, in := below(source, m.point); !in || !shows(s.mounts, m.point, root) {
			continue
		}
		if info, err := statDir(m.point); err == nil {
			s.avoid = append(s.avoid, scan.Identity{Dev: info.Dev, Ino: info.Ino})
		}
	}
}

// mount says where a directory of a file system is seen.
type mount struct{ device, dir, point string }

// readMounts asks Linux for what no path and no inode tells: of which
// directory a mount is a view. Elsewhere there is no such file.
func readMounts() []mount {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	return parseMounts(string(text))
}

// parseMounts reads lines of proc_pid_mountinfo(5).
func parseMounts(text string) (mounts []mount) {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 4 {
			mounts = append(mounts, mount{device: f[2], dir: unescape(f[3]), point: unescape(f[4])})
		}
	}
	return mounts
}

// unescape undoes the kernel's octal escapes of blanks and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if len(after) >= 3 {
			if c, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = after[3:]
				continue
			}
		}
		b.WriteByte('\\')
		s = after
	}
}

// shows reports whether the real path inner is, on its file system, the
// directory outer or one below it.
func shows(mounts []mount, inner, outer string) bool {
	a, aDir, ok := locate(mounts, inner)
	if !ok {
		return false
	}
	b, bDir, ok := locate(mounts, outer)
	if !ok || a != b {
		return false
	}
	_, in := below(bDir, aDir)
	return in
}

// locate returns the file system of a real path and where it is on it. Of
// several mounts at one point the last is seen.
func locate(mounts []mount, real string) (device, dir string, ok bool) {
	deepest := -1
	for _, m := range mounts {
		if rel, in := below(m.point, real); in && len(m.point) >= deepest {
			deepest = len(m.point)
			device, dir, ok = m.device, path.Join(m.dir, rel), true
		}
	}
	return device, dir, ok
}

// below returns p relative to top, if it is top or lies in it.
func below(top, p string) (rel string, in bool) {
	if p == top {
		return ".", true
	}
	if top != "/" {
		top += "/"
	}
	return strings.CutPrefix(p, top)
}
