package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive.
type entry struct {
	name string // with slashes, relative
	from string // the file that holds the content
	mode fs.FileMode
}

// base is the name that a target's archive has without its ending.
func (r *release) base(t target) string {
	return strings.Join([]string{"phlb", r.Version, t.os, t.arch}, "_")
}

// archive packs a target's program with all that belongs to it.
func (r *release) archive(t target) error {
	entries := []entry{{t.binary(), r.program(t), 0o755}}
	for _, from := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		entries = append(entries, entry{from, from, 0o644})
	}
	for dir, from := range map[string]string{
		"docs": "docs", "man": filepath.Join(r.work, "man"), "completions": filepath.Join(r.work, "completions"),
	} {
		more, err := entriesBelow(dir, from)
		if err != nil {
			return err
		}
		entries = append(entries, more...)
	}
	for i := range entries {
		entries[i].name = path.Join(r.base(t), entries[i].name)
	}
	write, ending := writeTarGz, ".tar.gz"
	if t.os == "windows" {
		write, ending = writeZip, ".zip"
	}
	return packInto(filepath.Join(r.out, r.base(t)+ending), func(w io.Writer) error {
		return write(w, entries, r.Date)
	})
}

// entriesBelow are all files below a directory, as entries below dir.
func entriesBelow(dir, from string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file", file)
		}
		rel, err := filepath.Rel(from, file)
		entries = append(entries, entry{path.Join(dir, filepath.ToSlash(rel)), file, 0o644})
		return err
	})
	return entries, err
}

// packInto creates a file and has it written.
func packInto(file string, write func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func byName(entries []entry) []entry {
	return slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return strings.Compare(a.name, b.name) })
}

// writeTarGz writes an archive whose bytes depend on nothing but the entries
// and the time.
func writeTarGz(w io.Writer, entries []entry, at time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	for _, e := range byName(entries) {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h := &tar.Header{
			Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode), Size: int64(len(data)),
			ModTime: at, Uname: "root", Gname: "root",
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(data); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// writeZip does the same for Windows.
func writeZip(w io.Writer, entries []entry, at time.Time) error {
	z := zip.NewWriter(w)
	for _, e := range byName(entries) {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(e.mode)
		f, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	return z.Close()
}
