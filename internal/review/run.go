package review

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "charm.land/bubbletea/v2"
)

// Run shows a plan on a terminal until the reviewer has chosen. When ctx ends,
// or at Ctrl-C, it returns context.Canceled; the terminal is as it was in any
// case.
func Run(ctx context.Context, in io.Reader, out io.Writer, t *Tree, o Options) (Choice, error) {
	m := NewModel(t, o)
	// Signals are the caller's business: they end ctx.
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()).Run()
	switch {
	case ctx.Err() != nil, errors.Is(err, tea.ErrInterrupted):
		return Quit, context.Canceled
	case err != nil:
		return Quit, fmt.Errorf("review the plan: %w", err)
	}
	return m.Choice(), nil
}
