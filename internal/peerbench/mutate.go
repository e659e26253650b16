package main

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// mutation is what one day did to a tree; paths are relative to it.
type mutation struct {
	changed, created, deleted, chmodded []string
	renamed                             [2]string // from, to
}

// changedAt is the modification time of what was written that day.
var changedAt = madeAt.Add(300 * 24 * time.Hour)

// oneDayLater changes the content of 1 % of the files, makes 1 % new ones,
// deletes 0.5 %, chmods 0.5 %, and renames one directory with many files: each
// time the same ones. At least one of each, so that small trees change as well.
func oneDayLater(dir string) (mutation, error) {
	files, err := filesBelow(dir)
	if err != nil {
		return mutation{}, err
	}
	picks := dice(-2)
	shuffled := pick(picks, files)
	var m mutation
	m.changed, shuffled = cut(shuffled, share(len(files), 10))
	m.deleted, shuffled = cut(shuffled, share(len(files), 5))
	m.chmodded, shuffled = cut(shuffled, share(len(files), 5))
	models, _ := cut(shuffled, share(len(files), 10))
	err = firstOf(
		each(m.changed, func(n int, rel string) error { return alter(filepath.Join(dir, rel), n) }),
		each(m.deleted, func(_ int, rel string) error { return os.Remove(filepath.Join(dir, rel)) }),
		each(m.chmodded, func(_ int, rel string) error { return toggleGroupWrite(filepath.Join(dir, rel)) }),
		each(models, func(n int, rel string) error {
			m.created = append(m.created, filepath.Join(filepath.Dir(rel), "new-"+strconv.Itoa(n)))
			return imitate(filepath.Join(dir, rel), filepath.Join(dir, m.created[n]), n)
		}),
	)
	if err != nil {
		return m, err
	}
	if from := typicalDir(files); from != "" {
		m.renamed = [2]string{from, from + "-renamed"}
		err = os.Rename(filepath.Join(dir, from), filepath.Join(dir, m.renamed[1]))
	}
	return m, err
}

func each(list []string, do func(int, string) error) error {
	for n, rel := range list {
		if err := do(n, rel); err != nil {
			return err
		}
	}
	return nil
}

// share is so many per mille of n, at least one.
func share(n, perMille int) int { return max(1, n*perMille/1000) }

func cut(list []string, n int) (taken, rest []string) {
	n = min(n, len(list))
	return list[:n], list[n:]
}

func pick(r *rand.Rand, from []string) []string {
	list := append([]string(nil), from...)
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// filesBelow lists the writable regular files, sorted.
func filesBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil || info.Mode()&0o200 == 0 {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, rel)
		return err
	})
	return files, err
}

// alter overwrites a part in the middle and lets every other file grow.
func alter(path string, n int) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fresh := make([]byte, min(info.Size()/2, 64<<10))
	stream(1<<30 + n).Read(fresh) //nolint:errcheck // ChaCha8 never fails
	if _, err := f.WriteAt(fresh, info.Size()/4); err != nil {
		return err
	}
	if n%2 == 0 || info.Size() < 2 {
		if _, err := f.WriteAt([]byte("one day later\n"), info.Size()); err != nil {
			return err
		}
	}
	return os.Chtimes(path, changedAt, changedAt)
}

// imitate makes a new file of the model's size.
func imitate(model, path string, n int) error {
	info, err := os.Stat(model)
	if err != nil {
		return err
	}
	if err := writeRandom(path, 1<<29+n, info.Size()); err != nil {
		return err
	}
	return os.Chtimes(path, changedAt, changedAt)
}

func toggleGroupWrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Chmod(path, info.Mode().Perm()^0o020)
}

// typicalDir is the directory that comes nearest to holding 2 % of all files.
func typicalDir(files []string) string {
	below := map[string]int{}
	for _, file := range files {
		for dir := filepath.Dir(file); dir != "."; dir = filepath.Dir(dir) {
			below[dir]++
		}
	}
	best, least := "", len(files)*100
	for dir, n := range below {
		off := max(n*50-len(files), len(files)-n*50)
		if off < least || off == least && dir < best {
			best, least = dir, off
		}
	}
	return best
}
