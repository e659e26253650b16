package verify

import "phlb/internal/event"

const (
	// A tally is told from this many files or bytes on.
	tallyFiles = 64
	tallyBytes = 1 << 20
)

// tally counts what one worker has done since it last told the judge: all
// workers asking for the same counters at every name would cost them more than
// looking at it.
type tally struct {
	names, links         int64 // of which links needed no reading
	untold               int64 // part of bytes that was not told as progress
	files, hashed, bytes int64
	notSampled           int64
}

// tell passes on what was counted, if it is worth while.
func (t *tally) tell(j *judge) {
	if t.names >= tallyFiles || t.untold >= tallyBytes {
		t.tellAll(j)
	}
}

// tellAll passes on what was counted, at the end of a task.
func (t *tally) tellAll(j *judge) {
	if *t == (tally{}) {
		return
	}
	j.files.Add(t.files)
	j.hashed.Add(t.hashed)
	j.bytes.Add(t.bytes)
	j.notSampled.Add(t.notSampled)
	if t.names > 0 || t.untold > 0 {
		j.events.Send(event.Event{Kind: event.Advance, Phase: j.phase, Files: t.names, Links: t.links, Bytes: t.untold})
	}
	*t = tally{}
}
