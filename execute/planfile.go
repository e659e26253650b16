package execute

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"phlb/plan"
)

// read reads a plan from its beginning to its end. What is wrong with it, or
// with the hash of all its bytes, is a refusal.
func read(ctx context.Context, f PlanFile, v plan.Visitor, judge func([sha256.Size]byte) error) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	in := readAhead(f)
	defer in.close()
	if _, err := plan.Read(ctx, in, v); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return refuseFile(err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	err := judge(in.sum)
	if err != nil && !errors.Is(err, ErrRefused) {
		err = refuseFile(err)
	}
	return err
}

// eachEntry calls each with the entries of one source, in order, once. Those
// that were not kept are read again.
func (r *runner) eachEntry(ctx context.Context, src *checkedSource, each func(*plan.Entry) error) error {
	if src.entries.whole {
		return src.entries.each(each)
	}
	return r.readEntries(ctx, map[string]func(*plan.Entry) error{src.Name: each})
}

// peekEntries calls the functions with the entries of their sources, in order
// within each, and leaves eachEntry what it needs. Those that were not kept are
// read again, of all sources at once.
func (r *runner) peekEntries(ctx context.Context, all map[*checkedSource]func(*plan.Entry) error) error {
	again := map[string]func(*plan.Entry) error{}
	for _, src := range r.plan.sources {
		each := all[src]
		switch {
		case each == nil:
		case !src.entries.whole:
			again[src.Name] = each
		default:
			if err := src.entries.peek(each); err != nil {
				return err
			}
		}
	}
	if len(again) == 0 {
		return nil
	}
	return r.readEntries(ctx, again)
}

// readEntries reads the plan again for the entries of sources by their names.
// At the end the file must then turn out to be the one that was checked: it
// could have been written to meanwhile.
func (r *runner) readEntries(ctx context.Context, all map[string]func(*plan.Entry) error) error {
	var each func(*plan.Entry) error // of the source that is read
	var own error                    // not the plan's fault
	v := plan.Visitor{
		Source: func(s *plan.Source) error {
			each = all[s.Name]
			return nil
		},
		Entry: func(e *plan.Entry) error {
			if each != nil {
				own = each(e)
			}
			return own
		},
	}
	err := read(ctx, r.file, v, func(sum [sha256.Size]byte) error {
		if sum != r.plan.sha256 {
			return errors.New("the plan file was altered while it was applied")
		}
		return nil
	})
	if own != nil {
		return own
	}
	return err
}
