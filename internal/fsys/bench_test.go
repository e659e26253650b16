package fsys

import (
	"strconv"
	"testing"
)

func benchDir(b *testing.B) *Dir {
	b.Helper()
	d, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	b.ReportAllocs()
	return d
}

func benchFile(b *testing.B, d *Dir, name string, size int) {
	b.Helper()
	f, err := d.Create(name, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, size)); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkLstat(b *testing.B) {
	d := benchDir(b)
	benchFile(b, d, "file-with-a-name.txt", 100)
	for b.Loop() {
		if _, err := d.Lstat("file-with-a-name.txt"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenFileClose(b *testing.B) {
	d := benchDir(b)
	benchFile(b, d, "file-with-a-name.txt", 100)
	for b.Loop() {
		f, err := d.OpenFile("file-with-a-name.txt")
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkOpenDirAtClose(b *testing.B) {
	d := benchDir(b)
	sub, err := d.MkdirAll("one/two/three", 0o700)
	if err != nil {
		b.Fatal(err)
	}
	sub.Close()
	for b.Loop() {
		sub, err := d.OpenDirAt("one/two/three")
		if err != nil {
			b.Fatal(err)
		}
		sub.Close()
	}
}

func BenchmarkReadAt(b *testing.B) {
	d := benchDir(b)
	benchFile(b, d, "file", 4096)
	f, err := d.OpenFile("file")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.ReadAt(buf, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLinkRemove(b *testing.B) {
	d := benchDir(b)
	benchFile(b, d, "file", 100)
	for b.Loop() {
		if err := d.Link(d, "file", "link"); err != nil {
			b.Fatal(err)
		}
		if err := d.Remove("link"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateWriteCloseRemove(b *testing.B) {
	d := benchDir(b)
	data := make([]byte, 1000)
	for b.Loop() {
		f, err := d.Create("file", 0o600)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		f.Close()
		if err := d.Remove("file"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkXattrsNone(b *testing.B) {
	d := benchDir(b)
	benchFile(b, d, "file", 100)
	for b.Loop() {
		if _, err := d.Xattrs("file"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadDir1000(b *testing.B) {
	d := benchDir(b)
	for i := range 1000 {
		benchFile(b, d, "entry-"+strconv.Itoa(i), 0)
	}
	for b.Loop() {
		if _, err := d.ReadDir(); err != nil {
			b.Fatal(err)
		}
	}
}
