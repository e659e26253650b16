package execute

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestFileErrorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := FileError{Path: string(rapid.SliceOf(rapid.Byte()).Draw(t, "path")), Err: rapid.String().Draw(t, "error")}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back FileError
		if err := json.Unmarshal(text, &back); err != nil || back != e {
			t.Fatalf("%q became %s became %q (%v)", e, text, back, err)
		}
	})
}

func TestListsAreBounded(t *testing.T) {
	var r Report
	for range listLimit + 5 {
		r.note(&r.Failed, "p", "why")
	}
	if len(r.Failed) != listLimit || r.Unlisted != 5 {
		t.Errorf("%d listed, %d not", len(r.Failed), r.Unlisted)
	}
}
