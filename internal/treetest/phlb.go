package treetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	_ "embed" // the archive
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

//go:embed testdata/phlb-1.9.1.tar.gz
var phlbArchive []byte

// PHLB is a backup root made by PyHardLinkBackup 1.9.1 in two runs, and the
// source trees it was made from.
type PHLB struct {
	Root    string // the backup root
	Sources string // holds photos-1 and photos-2, the source at each run
}

// The snapshots in the root of PHLB.
const (
	PHLBFirst  = "photos/2026-11-23-140646"
	PHLBSecond = "photos/2026-11-23-140648"
)

// UnpackPHLB unpacks it into a new temporary directory, with hard links,
// modes and times.
func UnpackPHLB(t testing.TB) PHLB {
	t.Helper()
	dir := t.TempDir()
	packed, err := gzip.NewReader(bytes.NewReader(phlbArchive))
	must(t, err)
	var dirs []*tar.Header
	for in := tar.NewReader(packed); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if h.Typeflag == tar.TypeDir {
			dirs = append(dirs, h)
		}
		unpack(t, dir, h, in)
	}
	for _, h := range dirs { // what was put into them changed their times
		setTime(t, filepath.Join(dir, filepath.FromSlash(h.Name)), h.ModTime)
	}
	return PHLB{Root: filepath.Join(dir, "root"), Sources: filepath.Join(dir, "sources")}
}

func unpack(t testing.TB, dir string, h *tar.Header, content io.Reader) {
	t.Helper()
	place := filepath.Join(dir, filepath.FromSlash(h.Name))
	switch h.Typeflag {
	case tar.TypeDir:
		must(t, os.Mkdir(place, 0o755))
	case tar.TypeSymlink:
		must(t, os.Symlink(h.Linkname, place))
	case tar.TypeLink:
		must(t, os.Link(filepath.Join(dir, filepath.FromSlash(h.Linkname)), place))
	case tar.TypeReg:
		text, err := io.ReadAll(content)
		must(t, err)
		buildFile(t, place, File{Content: string(text), Mode: h.FileInfo().Mode().Perm(), Mtime: h.ModTime})
	default:
		t.Fatalf("unpack %s: unknown type %q", h.Name, h.Typeflag)
	}
}
