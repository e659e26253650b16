package snapshot

import "encoding/json"

// Totals are what a snapshot's report says it was made of.
type Totals struct {
	Parent  string `json:"-"` // NAME/TIME of the snapshot it was compared with; "": there was none
	Copy    Amount `json:"copy"`
	Link    Amount `json:"link"`
	Skip    Amount `json:"skip"`
	Mkdir   int64  `json:"mkdir"`
	Symlink int64  `json:"symlink"`
}

// Amount is a number of files and the bytes in them.
type Amount struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Entries is how many paths the source had, those skipped included.
func (t *Totals) Entries() int64 {
	return t.Copy.Files + t.Link.Files + t.Skip.Files + t.Mkdir + t.Symlink
}

// Totals reads the totals of a snapshot from its report; ok is false where
// there is none, or none that can be read. They are good for expectations:
// nothing vouches for them.
func (r *Root) Totals(id ID) (t Totals, ok bool) {
	f, err := r.OpenSidecar(id, SuffixReport)
	if err != nil {
		return t, false
	}
	defer f.Close()
	readMembers(f, func(key string, value json.RawMessage) (more bool) {
		switch key {
		case "parent":
			if json.Unmarshal(value, &t.Parent) != nil {
				t.Parent = ""
			}
		case "totals": // comes after the parent, and before lists that may be long
			ok = json.Unmarshal(value, &t) == nil
			return false
		}
		return true
	})
	return t, ok
}
