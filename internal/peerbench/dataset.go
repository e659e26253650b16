package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// dataset is a tree to back up.
type dataset struct {
	name string
	// grow makes the tree in an empty directory.
	grow func(ctx context.Context, dir string) error
	// size is known roughly before growing, exactly after it.
	size treeSize
	// scale marks the sets that answer one question only: does the cost of a
	// file grow with the number of files?
	scale bool
}

// treeSize counts regular files.
type treeSize struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// onDisk is a generous guess of what a copy takes.
func (s treeSize) onDisk() int64 { return s.Bytes + int64(s.Files)*5<<10 }

// datasets are those that the options name. What is missing, and was not asked
// for by name, is told in skipped.
func datasets(o options) (sets []*dataset, skipped []string, err error) {
	for _, name := range o.data {
		switch name {
		case "kernel":
			set, err := kernel(o.kernel)
			switch {
			case err == nil:
				sets = append(sets, set)
			case o.named:
				return nil, nil, fmt.Errorf("kernel: %w (--kernel PATH)", err)
			default:
				skipped = append(skipped, fmt.Sprintf("kernel: %v (--kernel PATH)", err))
			}
		case "large":
			grow := func(ctx context.Context, dir string) error { return growLarge(ctx, dir, 1<<20) }
			sets = append(sets, &dataset{name: name, grow: grow, size: treeSize{8, 2 << 30}})
		case "tiny":
			sets = append(sets, tiny(name, 300_000))
		case "million":
			sets = append(sets, million(o)...)
		case "sample":
			sets = append(sets, &dataset{name: name, grow: growSample, size: treeSize{3000, 15 << 20}})
		}
	}
	return sets, skipped, nil
}

func tiny(name string, files int) *dataset {
	grow := func(ctx context.Context, dir string) error { return growTiny(ctx, dir, files) }
	return &dataset{name: name, grow: grow, size: treeSize{files, int64(files) * 1536}}
}

func million(o options) []*dataset {
	var sets []*dataset
	if !o.wants(scale) {
		return nil
	}
	for _, number := range o.scaleFiles {
		files, _ := strconv.Atoi(number) // validated with the options
		set := tiny(scaleName(number), files)
		set.scale = true
		sets = append(sets, set)
	}
	return sets
}

func scaleName(files string) string { return "million-" + files }

// kernel is the tree in a tarball or directory.
func kernel(path string) (*dataset, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		size, err := measureTree(path)
		grow := func(ctx context.Context, dir string) error { return cmd("cp", "-a", path+"/.", dir).run(ctx) }
		return &dataset{name: "kernel", grow: grow, size: size}, err
	}
	grow := func(ctx context.Context, dir string) error { return cmd("tar", "-xf", path, "-C", dir).run(ctx) }
	return &dataset{name: "kernel", grow: grow, size: treeSize{90_000, 1500 << 20}}, nil
}

func measureTree(dir string) (treeSize, error) {
	var size treeSize
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size.Files++
		size.Bytes += info.Size()
		return nil
	})
	return size, err
}

// scenarios are those that a contender goes through with this set, in order:
// what is wanted, and the first snapshot on which everything stands.
func (d *dataset) scenarios(o options) []string {
	if d.scale {
		return []string{first, again, day}
	}
	list := []string{first}
	for _, s := range allScenarios[1:] {
		if s != scale && o.wants(s) {
			list = append(list, s)
		}
	}
	return list
}

// wanted tells whether the figures of a scenario shall be recorded.
func (d *dataset) wanted(o options, scenario string) bool { return d.scale || o.wants(scenario) }

// label is a scenario's name in results.
func (d *dataset) label(scenario string) string {
	if d.scale {
		return scale + "/" + scenario
	}
	return scenario
}
