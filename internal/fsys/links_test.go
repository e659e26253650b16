package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"phlb/internal/meta"
)

// TestSymlinksAreNeverFollowed has a link in every place of every path.
func TestSymlinksAreNeverFollowed(t *testing.T) {
	outer := t.TempDir()
	top := openPath(t, outer)
	d, outside := mkdir(t, top, "d"), mkdir(t, top, "outside/sub")
	writeFile(t, outside, "file", "secret")
	mkdir(t, d, "real/sub")
	symlink(t, d, "../outside", "dirlink")
	symlink(t, d, "real", "inlink")
	symlink(t, d, "../outside/sub/file", "filelink")
	symlink(t, d, "../outside/new", "dangling")
	symlink(t, mkdir(t, d, "real"), "../../outside/sub", "link")

	for _, rel := range []string{"dirlink", "inlink", "dirlink/sub", "inlink/sub", "real/link", "filelink"} {
		wantClass(t, "OpenDirAt "+rel, closed(d.OpenDirAt(rel)), ClassType)
		wantClass(t, "MkdirAll "+rel, closed(d.MkdirAll(rel, 0o700)), ClassType)
		wantClass(t, "OpenFileAt "+rel, closed(d.OpenFileAt(rel)), ClassType)
	}
	for _, rel := range []string{"dirlink/sub/file", "inlink/sub", "real/link/file", "dirlink/sub"} {
		wantClass(t, "OpenFileAt "+rel, closed(d.OpenFileAt(rel)), ClassType)
		_, err := d.LstatAt(rel)
		wantClass(t, "LstatAt "+rel, err, ClassType)
	}
	for _, name := range []string{"dirlink", "inlink", "filelink", "dangling"} {
		wantClass(t, "OpenDir "+name, closed(d.OpenDir(name)), ClassType)
		wantClass(t, "OpenFile "+name, closed(d.OpenFile(name)), ClassType)
		wantClass(t, "OpenAppend "+name, closed(d.OpenAppend(name, 0o600)), ClassType)
		wantClass(t, "LchmodDir "+name, d.LchmodDir(name, 0o777), ClassType)
		wantErr(t, "Create "+name, closed(d.Create(name, 0o600)), fs.ErrExist)
		wantErr(t, "Mkdir "+name, d.Mkdir(name, 0o700), fs.ErrExist)
		info, err := d.LstatAt(name)
		must(t, err)
		if info.Kind != meta.Symlink {
			t.Errorf("LstatAt %s is a %s", name, info.Kind)
		}
		must(t, d.Remove(name))
	}
	if got := readFile(t, top, "outside/sub/file"); got != "secret" {
		t.Errorf("the target was touched: %q", got)
	}
	if _, err := os.Lstat(outer + "/outside/new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the target of a dangling link was created: %v", err)
	}
}

// TestOpenFollows: the user's own path may lead over links.
func TestOpenFollows(t *testing.T) {
	top, path := openTemp(t)
	mkdir(t, top, "real")
	symlink(t, top, "real", "link")
	d := openPath(t, path+"/link")
	a, err := d.Stat()
	must(t, err)
	b, err := top.Lstat("real")
	must(t, err)
	if !a.SameFile(&b) {
		t.Error("not the link's target")
	}
	wantClass(t, "missing", closed(Open(path+"/missing")), ClassVanished)
	writeFile(t, top, "file", "")
	wantClass(t, "file", closed(Open(path+"/file")), ClassType)
}

// TestSwapRace exchanges a directory and a file for links, to the outside and
// to neighbours, as fast as it can, while everything that opens is tried: no
// target of a link may be opened.
func TestSwapRace(t *testing.T) {
	outer := t.TempDir()
	top := openPath(t, outer)
	d, outside := mkdir(t, top, "d"), mkdir(t, top, "outside")
	inside := mkdir(t, d, "real")
	writeFile(t, inside, "file", "inside")
	writeFile(t, outside, "file", "outside")
	symlink(t, d, "../outside", "link")
	writeFile(t, d, "plain", "inside")
	symlink(t, d, "../outside/file", "filelink")
	writeFile(t, mkdir(t, d, "other"), "file", "other")
	symlink(t, d, "other", "inlink")
	symlink(t, d, "other/file", "infilelink")
	forbidden := map[uint64]bool{}
	for _, rel := range []string{"outside", "outside/file", "d/other", "d/other/file"} {
		info, err := top.LstatAt(rel)
		must(t, err)
		forbidden[info.Ino] = true
	}
	rename := func(from, to string) {
		// On Windows a directory that is open cannot be renamed.
		_ = os.Rename(filepath.Join(outer, "d", from), filepath.Join(outer, "d", to))
	}

	var swaps atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, pair := range [][2]string{
				{"real", "a"}, {"link", "a"}, {"real", "a"}, {"inlink", "a"},
				{"plain", "f"}, {"filelink", "f"}, {"plain", "f"}, {"infilelink", "f"},
			} {
				rename(pair[0], pair[1])
				rename(pair[1], pair[0])
			}
			swaps.Add(1)
		}
	})
	opened, refused := 0, 0
	note := func(info meta.Info, err error) {
		switch {
		case err != nil:
			refused++
		case forbidden[info.Ino]:
			t.Error("followed a link")
		default:
			opened++
		}
	}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		note(statDir(d.OpenDir("a")))
		note(statDir(d.OpenDirAt("a")))
		note(statFile(d.OpenFileAt("a/file")))
		note(statFile(d.OpenFile("f")))
		note(statFile(d.OpenAppend("f", 0o600)))
		note(d.LstatAt("a/file"))
		if t.Failed() || swaps.Load() >= 3000 && opened > 100 && refused > 100 {
			break
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("%d swaps, %d opened, %d refused", swaps.Load(), opened, refused)
	if swaps.Load() < 1000 || opened < 100 || refused < 100 {
		t.Errorf("no race: %d swaps, %d opened, %d refused", swaps.Load(), opened, refused)
	}
}

func statDir(d *Dir, err error) (meta.Info, error) {
	if err != nil {
		return meta.Info{}, err
	}
	defer d.Close()
	return d.Stat()
}

func statFile(f *File, err error) (meta.Info, error) {
	if err != nil {
		return meta.Info{}, err
	}
	defer f.Close()
	return f.Stat()
}

func TestLink(t *testing.T) {
	top, path := openTemp(t)
	a, b := mkdir(t, top, "a"), mkdir(t, top, "b/c")
	writeFile(t, a, "file", "content")
	must(t, b.Link(a, "file", "linked"))
	x, err := a.Lstat("file")
	must(t, err)
	y, err := b.Lstat("linked")
	must(t, err)
	if x != y || x.Nlink != 2 {
		t.Errorf("%+v\n%+v", x, y)
	}
	wantErr(t, "existing", b.Link(a, "file", "linked"), fs.ErrExist)
	wantClass(t, "missing", b.Link(a, "missing", "new"), ClassVanished)
	wantClass(t, "directory", b.Link(top, "a", "new"), ClassLinkRefused)

	symlink(t, a, "file", "sym")
	must(t, b.Link(a, "sym", "sym"))
	info, err := b.Lstat("sym")
	must(t, err)
	if info.Kind != meta.Symlink || info.Nlink != 2 {
		t.Errorf("the link of a symbolic link is %+v", info)
	}

	other := openPath(t, path)
	err = b.Link(other, "a", "new")
	wantClass(t, "another Open", err, ClassLinkRefused)
}

// TestMovedDirectory uses directories that were opened under another path.
func TestMovedDirectory(t *testing.T) {
	top, _ := openTemp(t)
	staging := mkdir(t, top, "staging/snap")
	writeFile(t, staging, "file", "content")
	if err := mkdir(t, top, "staging").Rename("snap", top, "published"); err != nil {
		t.Skipf("an open directory cannot be renamed here: %v", err)
	}
	info, err := staging.Lstat("file")
	must(t, err)
	must(t, staging.Link(staging, "file", "again")) // inside one directory it never matters
	again, err := top.LstatAt("published/again")
	must(t, err)
	if !info.SameFile(&again) {
		t.Error("not the same file")
	}
	// Between directories the portable way goes by paths, and says so; by no
	// means may it reach what has taken the old place.
	impostor := mkdir(t, top, "staging/snap")
	writeFile(t, impostor, "file", "impostor")
	switch err := top.Link(staging, "file", "new"); {
	case portableBuild:
		wantClass(t, "Link", err, ClassVanished)
	case err != nil:
		t.Error(err)
	default:
		if got := readFile(t, top, "new"); got != "content" {
			t.Errorf("linked %q", got)
		}
	}
}

func TestRename(t *testing.T) {
	top, _ := openTemp(t)
	a, b := mkdir(t, top, "a"), mkdir(t, top, "b")
	writeFile(t, a, "file", "one")
	writeFile(t, b, "file", "two")
	wantErr(t, "RenameNew over a file", a.RenameNew("file", b, "file"), fs.ErrExist)
	if got := readFile(t, top, "b/file"); got != "two" {
		t.Errorf("replaced by %q", got)
	}
	must(t, a.Rename("file", b, "file"))
	if got := readFile(t, top, "b/file"); got != "one" {
		t.Errorf("not replaced: %q", got)
	}
	wantClass(t, "missing", a.Rename("file", b, "file"), ClassVanished)
	wantClass(t, "missing", a.RenameNew("file", b, "new"), ClassVanished)
	must(t, a.Mkdir("empty", 0o700))
	must(t, b.Mkdir("empty", 0o700))
	wantErr(t, "RenameNew over an empty directory", a.RenameNew("empty", b, "empty"), fs.ErrExist)
	symlink(t, b, "nowhere", "dangling")
	wantErr(t, "RenameNew over a dangling link", a.RenameNew("empty", b, "dangling"), fs.ErrExist)
	must(t, a.RenameNew("empty", b, "moved"))
}

// TestRenameNewHasOneWinner lets many rename to one name.
func TestRenameNewHasOneWinner(t *testing.T) {
	top, _ := openTemp(t)
	for round := range 200 {
		const rivals = 8
		target := mkdir(t, top, "target")
		dirs := make([]*Dir, rivals)
		for i := range dirs {
			dirs[i] = mkdir(t, top, "from/"+string(rune('a'+i)))
			if round%2 == 0 {
				writeFile(t, dirs[i], "x", "")
			} else {
				must(t, dirs[i].Mkdir("x", 0o700))
			}
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for _, d := range dirs {
			wg.Go(func() {
				switch err := d.RenameNew("x", target, "name"); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d winners", round, won.Load())
		}
		must(t, os.RemoveAll(filepath.Join(top.Path(), "from")))
		must(t, os.RemoveAll(filepath.Join(top.Path(), "target")))
	}
}
