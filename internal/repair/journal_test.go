package repair

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/verify"
)

func example() *journal {
	return &journal{
		Format: journalFormat, FormatVersion: journalVersion, NewInode: 7,
		Repair: Repair{
			SHA256: digest.Sum{1}, Size: 5, OldInode: 6, From: From{Source: "/src", Path: "a\xff"},
			Paths: []verify.Path{"home/2026-01-01-000000/a\xff"},
		},
		Links: []link{{Path: "home/2026-01-01-000000/a\xff", Inode: 6}, {Path: "home/2026-01-01-000000/d/b"}},
		Dirs: []dirState{
			{Path: "home/2026-01-01-000000", Mode: 0o2755, Mtime: meta.Time{Sec: -1, Nsec: 5}},
			{Path: "home/2026-01-01-000000/d", Mode: 0o555},
		},
	}
}

func encode(t testing.TB, j *journal) []byte {
	t.Helper()
	data, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestJournalComesBack(t *testing.T) {
	want := example()
	if diff := cmp.Diff(want, parseJournal(encode(t, want))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestStrangeJournals says that nothing but published files, and directories
// that they are in, can be meant.
func TestStrangeJournals(t *testing.T) {
	for name, change := range map[string]func(*journal){
		"format":                    func(j *journal) { j.Format = "x" },
		"version":                   func(j *journal) { j.FormatVersion = "2.0" },
		"outside":                   func(j *journal) { j.Links[0].Path = "../x" },
		"absolute":                  func(j *journal) { j.Links[0].Path = "/etc/passwd" },
		"private":                   func(j *journal) { j.Links[0].Path = ".phlb/root.json" },
		"dots":                      func(j *journal) { j.Links[0].Path = "home/2026-01-01-000000/../../x/y" },
		"a snapshot":                func(j *journal) { j.Links[0].Path = "home/2026-01-01-000000" },
		"a directory of no link":    func(j *journal) { j.Dirs[1].Path = "home" },
		"no inode":                  func(j *journal) { j.NewInode = 0 },
		"no hash":                   func(j *journal) { j.Repair.SHA256 = digest.Sum{} },
		"a directory outside of it": func(j *journal) { j.Dirs[0].Path = "." },
	} {
		j := example()
		change(j)
		if parseJournal(encode(t, j)) != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(encode(f, example()))
	f.Add([]byte(`{"links":[{"path":{"path_b64":"AA=="}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		j := parseJournal(data)
		if j == nil {
			return
		}
		for _, l := range j.Links {
			if _, _, ok := snapshot.Published(string(l.Path)); !ok {
				t.Errorf("%q is not published", l.Path)
			}
		}
		if again := parseJournal(encode(t, j)); again == nil {
			t.Errorf("what was accepted is not, written again: %+v", j)
		}
	})
}
