package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"phlb/internal/snapshot"
)

func TestSplitSnapshotPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths are written in another way")
	}
	const t1, t2 = "2026-11-23-140000", "2020-01-01-000000"
	at := func(root, name, time, rest string) *snapshotPath {
		return &snapshotPath{root: root, id: snapshot.ID{Name: name, Time: time}, rest: rest}
	}
	tests := []struct {
		name string
		path string
		has  []string // what exists beside the path
		want *snapshotPath
	}{
		{"a snapshot", "/b/home/" + t1, []string{"b/.phlb/x"}, at("/b", "home", t1, ".")},
		{"a path in it", "/b/home/" + t1 + "/d/e", []string{"b/.phlb/x"}, at("/b", "home", t1, "d/e")},
		{"the root directory as root", "/home/" + t1, []string{".phlb/x"}, at("/", "home", t1, ".")},
		{"a nested name", "/b/hosts/web1/" + t1, []string{"b/.phlb/x"}, at("/b", "hosts/web1", t1, ".")},
		{"the nearest root", "/b/c/home/" + t1, []string{"b/.phlb/x", "b/c/.phlb/x"}, at("/b/c", "home", t1, ".")},
		{"a root in a snapshot", "/b/home/" + t1 + "/r/n/" + t2, []string{"b/.phlb/x", "b/home/" + t1 + "/r/.phlb/x"}, at("/b", "home", t1, "r/n/"+t2)},
		{"a root below what only looks so", "/x/" + t2 + "/b/home/" + t1 + "/d", []string{"x/" + t2 + "/b/.phlb/x"}, at("/x/"+t2+"/b", "home", t1, "d")},
		{"without .phlb", "/b/home/" + t1 + "/d", nil, at("/b", "home", t1, "d")},
		{"without .phlb, one with files beside it", "/b/home/" + t1 + "/r/n/" + t2, []string{"b/home/" + t1 + "-backup.log"}, at("/b", "home", t1, "r/n/"+t2)},
		{"without .phlb, the last", "/x/" + t2 + "/b/home/" + t1, nil, at("/x/"+t2+"/b", "home", t1, ".")},
		{"a file is no .phlb", "/b/h/home/" + t1, []string{"b/.phlb"}, at("/b/h", "home", t1, ".")},
		{"a name that cannot be", "/b/.hidden/" + t1, []string{"b/.phlb/x"}, nil},
		{"no name", "/" + t1, []string{".phlb/x"}, nil},
		{"no time", "/b/home/2026-11-23", []string{"b/.phlb/x"}, nil},
		{"no such day", "/b/home/2026-02-30-000000", []string{"b/.phlb/x"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			disk := fstest.MapFS{}
			for _, p := range tt.has {
				disk[p] = &fstest.MapFile{}
			}
			lstat := func(p string) (os.FileInfo, error) {
				rel, err := filepath.Rel("/", p)
				if err != nil {
					return nil, err
				}
				return fs.Stat(disk, rel)
			}
			got, ok := splitSnapshotPath(tt.path, lstat)
			if ok != (tt.want != nil) || ok && got != *tt.want {
				t.Errorf("got %+v, %v", got, ok)
			}
		})
	}
}
