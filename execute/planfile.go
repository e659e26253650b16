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

// eachEntry calls each with the entries of one source, in order. Those that
// were not kept are read again. At the end the file must then turn out to be
// the one that was checked: it could have been written to meanwhile.
func (r *runner) eachEntry(ctx context.Context, src *checkedSource, each func(*plan.Entry) error) error {
	if src.entries.whole {
		return src.entries.each(each)
	}
	here := false
	var own error // not the plan's fault
	v := plan.Visitor{
		Source: func(s *plan.Source) error {
			here = s.Name == src.Name
			return nil
		},
		Entry: func(e *plan.Entry) error {
			if here {
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
