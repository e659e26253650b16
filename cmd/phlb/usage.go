package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/internal/report"
	"phlb/internal/suggest"
)

// usageHint is wrong usage, with where to read how it is done.
func usageHint(err error, hint string) error {
	return advise(usageError{err}, report.CodeUsage, "", hint)
}

// unknownCommand is a usage error that proposes what may have been meant.
func unknownCommand(parent *cobra.Command, name string) error {
	hint := ""
	if parent.SuggestionsMinimumDistance <= 0 {
		parent.SuggestionsMinimumDistance = 2
	}
	if similar := parent.SuggestionsFor(name); len(similar) > 0 {
		hint = " (did you mean " + strings.Join(similar, " or ") + "?)"
	}
	return usageHint(fmt.Errorf("unknown command %q%s", name, hint), "see: "+parent.CommandPath()+" --help")
}

// usageErrors makes wrong arguments usage errors, which have their own exit
// code.
func usageErrors(c *cobra.Command) {
	for _, sub := range c.Commands() {
		usageErrors(sub)
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageHint(argumentError(cmd, args, err), "usage: "+cmd.UseLine())
		}
		return nil
	}
}

// argumentError says in plain words what cobra says of the arguments.
func argumentError(cmd *cobra.Command, args []string, err error) error {
	var want, got int
	switch {
	case scans(err, "accepts %d arg(s), received %d", &want, &got):
		return fmt.Errorf("%s takes %s, and %s", cmd.Name(), plural(want, "argument"), given(got))
	case scans(err, "accepts at most %d arg(s), received %d", &want, &got):
		return fmt.Errorf("%s takes at most %s, and %s", cmd.Name(), plural(want, "argument"), given(got))
	case len(args) == 0:
	case len(cmd.ValidArgs) > 0:
		var words []string
		for _, w := range cmd.ValidArgs {
			word, _, _ := strings.Cut(w, "\t") // its description
			words = append(words, word)
		}
		return noneOf(args[0], words)
	case cmd.HasSubCommands():
		return noneOf(args[0], subcommands(cmd))
	}
	return err
}

func scans(err error, format string, into ...any) bool {
	n, _ := fmt.Sscanf(err.Error(), format, into...) // one that does not fit yields none
	return n == len(into)
}

func given(n int) string {
	switch n {
	case 0:
		return "none was given"
	case 1:
		return "1 was given"
	}
	return strconv.Itoa(n) + " were given"
}

func subcommands(c *cobra.Command) []string {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// noneOf is the usage error of a word that is none of those known.
func noneOf(word string, known []string) error {
	return usagef("%q is none of %s%s", word, strings.Join(known, ", "), didYouMean(word, known))
}

// didYouMean proposes the nearest known word; empty: none is near.
func didYouMean(word string, known []string) string {
	if near := suggest.Nearest(word, known); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// flagError makes what is wrong with a flag a usage error in plain words.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid) && errors.Is(err, errEmpty):
		kind, _ := pflag.UnquoteUsage(invalid.GetFlag())
		err = fmt.Errorf(`--%s "": the %s is missing; is a variable not set, or a file not there? leave the flag out to do without`, invalid.GetFlag().Name, kind)
	case errors.As(err, &invalid):
		err = fmt.Errorf("--%s %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), wanted(invalid.GetFlag().Value.Type()))
	case errors.As(err, &unknown):
		if near := suggest.Nearest(unknown.GetSpecifiedName(), flagNames(cmd)); near != "" {
			err = fmt.Errorf("%w (did you mean --%s?)", err, near)
		}
	}
	return usageHint(err, "see: "+cmd.CommandPath()+" --help")
}

// errEmpty is what is wrong with the empty value of a flag that needs one.
var errEmpty = errors.New("the value is empty")

// filled is the value of a flag that must not be empty if it is given.
type filled struct{ pflag.Value }

func (v filled) Set(text string) error {
	if text == "" {
		return errEmpty
	}
	return v.Value.Set(text)
}

// needValue refuses an empty value of a flag whose zero value stands for not
// given: an unset variable would turn off what the flag asks for, silently.
func needValue(c *cobra.Command, flag string) {
	f := c.Flags().Lookup(flag)
	f.Value = filled{f.Value}
}

// wanted says what values of a type look like.
func wanted(kind string) string {
	switch kind {
	case "duration":
		return "a duration with its unit, such as 90s, 10m or 1h30m"
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}
