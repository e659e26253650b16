package verify

import (
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// TestSheet: whatever the order of lines and questions, every name gets what
// its lines say, in their order, each hash once.
func TestSheet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"a", "b", "ba", "c", "\xff"})
		line := rapid.Custom(func(t *rapid.T) sums.Line {
			return sums.Line{Name: name.Draw(t, "name"), Sum: digest.Sum{rapid.Byte().Draw(t, "sum") % 3}}
		})
		lines := rapid.SliceOfN(line, 0, 8).Draw(t, "lines")
		want := map[string][]digest.Sum{}
		for _, l := range lines {
			if !slices.Contains(want[l.Name], l.Sum) {
				want[l.Name] = append(want[l.Name], l.Sum)
			}
		}
		var s sheet
		s.index(slices.Clone(lines))
		asked := rapid.SliceOf(name).Draw(t, "asked")
		for _, name := range asked {
			r := s.find(name)
			if r.isListed != (want[name] != nil) {
				t.Fatalf("%q: listed %v, want %v", name, r.isListed, want[name])
			}
			if r.isListed && !slices.Equal(append([]digest.Sum{r.sum}, r.others...), want[name]) {
				t.Fatalf("%q: %v and %v, want %v", name, r.sum, r.others, want[name])
			}
		}
		for i := 0; i < len(s.lines); {
			if name := s.lines[i].Name; s.used[i] != slices.Contains(asked, name) {
				t.Fatalf("%q: used %v, asked for %q", name, s.used[i], asked)
			}
			_, i = s.at(i)
		}
	})
}

// TestInodeTable: it says of each inode what a map would, near numbers and far
// ones, on two devices.
func TestInodeTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newInodeTable(), map[inodeKey]*inode{}
		number := rapid.OneOf(rapid.Uint64Range(0, 40), rapid.SampledFrom([]uint64{1 << 40, 1<<64 - 1}))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := inodeKey{rapid.Uint64Range(1, 2).Draw(t, "device"), number.Draw(t, "inode")}
			n := want[key]
			s, met := table.meet(key)
			if met != (n != nil) || n != nil && (s.sum != n.sum || s.state != n.state) {
				t.Fatalf("%v: met %v, %v; want %v", key, met, s, n)
			}
			if n == nil {
				n = &inode{}
				want[key] = n
			}
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				n.sum, n.state = digest.Sum{rapid.Byte().Draw(t, "sum")}, n.state|isHashed|isVouched
				if waiting := table.done(key, outcome{sum: n.sum}, isVouched); waiting != nil {
					t.Fatalf("%v waited", waiting)
				}
			case 1:
				n.state |= isBad
				table.mark(key, isBad)
			}
		}
		for key, n := range want {
			if sum, state := table.get(key); sum != n.sum || state != n.state {
				t.Fatalf("%v: %v %v; want %v", key, sum, state, n)
			}
		}
		if _, state := table.get(inodeKey{3, 1}); state != 0 {
			t.Fatal("an inode of a device that was never met")
		}
	})
}

// TestWaiting: who meets an inode that is being read gets the outcome from
// whoever reads it, or at once if that was done in the meantime.
func TestWaiting(t *testing.T) {
	table, key := newInodeTable(), inodeKey{1, 2}
	table.meet(key)
	c := claim{name: "one", key: key}
	if s, isWaiting := table.wait(&c); !isWaiting {
		t.Fatalf("does not wait: %v", s)
	}
	c.name = "changed since"
	waiting := table.done(key, outcome{err: "why"}, isBad)
	if len(waiting) != 1 || waiting[0].name != "one" {
		t.Fatalf("%v waited", waiting)
	}
	if s, isWaiting := table.wait(&c); isWaiting || s.err != "why" || s.state != isFailed|isBad {
		t.Fatalf("waits %v, %+v", isWaiting, s)
	}
}

// TestMemo: it gives back what it was given, and says so when that was too
// much to keep.
func TestMemo(t *testing.T) {
	m := newMemo(memoLimit)
	for _, n := range []int{0, 1, leafLength, 2*leafLength + 3, 5} {
		m.begin()
		var want []record
		for i := range n {
			r := catalog.Record{Path: string(rune('a' + i%26)), Kind: meta.File, SHA256: digest.Sum{byte(i)}}
			if i%7 == 0 {
				r.Kind, r.Path, r.Target = meta.Symlink, "a\x00", "to\xff"
			}
			m.add(&r)
			want = append(want, record{r.Kind, r.SHA256, r.Path + " " + r.Target})
		}
		var got []record
		var r catalog.Record
		for m.Next(&r) == nil {
			got = append(got, record{r.Kind, r.SHA256, r.Path + " " + r.Target})
		}
		if !slices.Equal(got, want) || m.isShort || m.Next(&r) != io.EOF {
			t.Errorf("%d records: got %d other ones", n, len(got))
		}
	}
	m.begin()
	m.add(&catalog.Record{Path: string(make([]byte, memoLimit)), Kind: meta.File})
	if !m.isShort || m.count != 0 {
		t.Errorf("keeps %d bytes", m.size)
	}
}
