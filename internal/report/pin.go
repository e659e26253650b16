package report

import "io"

// PinResult is what pin or unpin came to.
type PinResult struct {
	Snapshot string `json:"snapshot"`
	Pinned   bool   `json:"pinned"`
	Changed  bool   `json:"changed"` // false: it was so before
}

// Pin tells that a snapshot is, or is not, pinned. Its JSON form is the result
// itself.
func Pin(w io.Writer, s Style, r *PinResult) error {
	p := newPage(w, s)
	state := "is pinned: it is never pruned"
	if !r.Pinned {
		state = "is not pinned: it is pruned when the policy says so"
	}
	if !r.Changed {
		state += " (as it was before)"
	}
	p.line("%s %s.", Name(r.Snapshot), state)
	return p.flush()
}
