//go:build linux && !portable

package fsys

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// eachAttrCalls runs f with every way to the attributes that works here.
func eachAttrCalls(t *testing.T, f func(t *testing.T, calls attrCalls)) {
	t.Run("proc", func(t *testing.T) { f(t, procAttrs{}) })
	t.Run("at", func(t *testing.T) {
		if !haveAtAttrs() {
			t.Skip("this kernel has no listxattrat")
		}
		f(t, atAttrs{})
	})
}

// TestXattrCalls asks every way the same questions.
func TestXattrCalls(t *testing.T) {
	eachAttrCalls(t, func(t *testing.T, calls attrCalls) {
		d, _ := openTemp(t)
		writeFile(t, d, "file", "content")
		mkdir(t, d, "sub")
		symlink(t, d, "file", "link")
		symlink(t, d, "nowhere", "dangling")
		want := meta.Xattrs{"user.a": []byte("x\x00y"), "user.empty": nil, "user.large": bytes.Repeat([]byte("v"), 3000)}
		for attr, value := range want {
			if err := d.LsetXattr("file", attr, value); err != nil {
				t.Skipf("no extended attributes here: %v", err)
			}
		}
		for name, want := range map[string]meta.Xattrs{"file": want, "sub": nil, "link": nil, "dangling": nil} {
			got, err := d.xattrsBy(calls, name)
			equalXattrs(t, name, got, err, want)
		}
		if os.Geteuid() == 0 {
			must(t, d.LsetXattr("link", "trusted.a", []byte("t")))
			got, err := d.xattrsBy(calls, "link")
			equalXattrs(t, "of a link", got, err, meta.Xattrs{"trusted.a": []byte("t")})
		}
		for name, want := range map[string]error{"missing": unix.ENOENT, "": ErrEscape, ".": ErrEscape, "sub/..": ErrEscape} {
			if _, err := d.xattrsBy(calls, name); err != want {
				t.Errorf("%q: %v, want %v", name, err, want)
			}
		}
	})
}

// TestXattrCallErrors: both ways fail alike where a single call is asked for
// what it cannot give.
func TestXattrCallErrors(t *testing.T) {
	eachAttrCalls(t, func(t *testing.T, calls attrCalls) {
		d, _ := openTemp(t)
		writeFile(t, d, "file", "content")
		if err := d.LsetXattr("file", "user.a", []byte("value")); err != nil {
			t.Skipf("no extended attributes here: %v", err)
		}
		for what, c := range map[string]struct {
			n    int
			err  error
			call func() (int, error)
		}{
			"size":      {5, nil, func() (int, error) { return calls.get(d.fd, "file", "user.a", nil) }},
			"too small": {0, unix.ERANGE, func() (int, error) { return calls.get(d.fd, "file", "user.a", make([]byte, 4)) }},
			"no such":   {0, unix.ENODATA, func() (int, error) { return calls.get(d.fd, "file", "user.b", nil) }},
			"few names": {0, unix.ERANGE, func() (int, error) { return calls.list(d.fd, "file", make([]byte, 1)) }},
		} {
			if n, err := c.call(); err != c.err || err == nil && n != c.n {
				t.Errorf("%s: %d, %v, want %d, %v", what, n, err, c.n, c.err)
			}
		}
	})
}

func BenchmarkXattrsNoneBy(b *testing.B) {
	for what, calls := range map[string]attrCalls{"proc": procAttrs{}, "system": systemAttrs()} {
		b.Run(what, func(b *testing.B) {
			d := benchDir(b)
			benchFile(b, d, "file", 100)
			for b.Loop() {
				if _, err := d.xattrsBy(calls, "file"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
