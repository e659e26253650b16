package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The scenarios, in the order in which one contender goes through them.
const (
	first  = "first"
	again  = "again"
	day    = "day"
	look   = "plan"
	verify = "verify"
	scale  = "scale"
)

var (
	allScenarios  = []string{first, again, day, look, verify, scale}
	allContenders = []string{phlbName, "phlb-default", "phlb-base", copierName, "rsync", "restic", "borg", pythonName}
	allData       = []string{"kernel", "large", "tiny", "million", "sample"}
)

// options are the command line.
type options struct {
	data, scenarios, contenders []string
	rounds                      int
	check                       string
	dir, json                   string
	kernel                      string
	named                       bool // the kernel's sources, by the user: they must be there
	phlb, base, python          string
	strict, plain               bool
	scaleFiles                  []string
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("peerbench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Func("data", "comma-separated `list` of "+strings.Join(allData, ", ")+" (default kernel,large,tiny)", listInto(&o.data, allData))
	f.Func("scenarios", "comma-separated `list` of "+strings.Join(allScenarios, ", ")+" (default all)", listInto(&o.scenarios, allScenarios))
	f.Func("contenders", "comma-separated `list` of contenders (default all that are found)", listInto(&o.contenders, allContenders))
	f.IntVar(&o.rounds, "rounds", 3, "`number` of rounds; medians are taken over them")
	f.StringVar(&o.check, "check", "first", "check the snapshots in the `rounds` first, all or none")
	f.StringVar(&o.dir, "dir", "", "`directory` to work in (default /dev/shm where there is room, else the temporary directory)")
	f.BoolVar(&o.plain, "plain", false, "work in plain directories even as root, not on fresh file systems")
	f.StringVar(&o.json, "json", "", "write every measurement to `file` (- is standard output)")
	f.BoolVar(&o.strict, "strict", false, "fail when a bar is missed")
	f.StringVar(&o.kernel, "kernel", "/usr/src/linux-source-6.1.tar.xz", "`path` of the kernel's sources: a tarball or a directory")
	f.StringVar(&o.phlb, "phlb", "", "`path` of phlb (default: build it)")
	f.StringVar(&o.base, "phlb-base", "", "`path` of another phlb to compare with")
	f.StringVar(&o.python, "pyhardlinkbackup", "", "`command` that runs PyHardLinkBackup")
	f.Func("scale-files", "two comma-separated `numbers` of files for scale (default 100000,1000000)", listInto(&o.scaleFiles, nil))
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.named = slices.Contains(o.data, "kernel")
	f.Visit(func(given *flag.Flag) { o.named = o.named || given.Name == "kernel" })
	return o.withDefaults(), o.validate()
}

func listInto(list *[]string, known []string) func(string) error {
	return func(value string) error {
		*list = strings.Split(value, ",")
		for _, item := range *list {
			if known != nil && !slices.Contains(known, item) {
				return fmt.Errorf("%q is none of %s", item, strings.Join(known, ", "))
			}
		}
		return nil
	}
}

func (o options) withDefaults() options {
	if o.data == nil {
		o.data = []string{"kernel", "large", "tiny"}
	}
	if o.scenarios == nil {
		o.scenarios = allScenarios
	}
	if o.scaleFiles == nil {
		o.scaleFiles = []string{"100000", "1000000"}
	}
	return o
}

func (o options) validate() error {
	if o.rounds < 1 {
		return errors.New("--rounds must be at least 1")
	}
	if !slices.Contains([]string{"first", "all", "none"}, o.check) {
		return fmt.Errorf("--check %q is none of first, all, none", o.check)
	}
	if o.scaleFiles != nil && len(o.scaleFiles) != 2 {
		return errors.New("--scale-files takes two numbers")
	}
	for _, n := range o.scaleFiles {
		if files, err := strconv.Atoi(n); err != nil || files < 1 {
			return fmt.Errorf("--scale-files: %q is no number of files", n)
		}
	}
	return nil
}

// wants tells whether a scenario's figures are asked for. Others may have to
// be gone through on the way to it.
func (o options) wants(scenario string) bool { return slices.Contains(o.scenarios, scenario) }

func (o options) checks(round int) bool {
	return o.check == "all" || o.check == "first" && round == 1
}
