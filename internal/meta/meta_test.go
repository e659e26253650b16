package meta

import "testing"

func TestKinds(t *testing.T) {
	for k := Unknown; k <= Device; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("%d became %q became %d, %v", k, k, got, ok)
		}
	}
	if Kind(200).String() != "unknown" {
		t.Errorf("Kind(200) = %q", Kind(200))
	}
	for _, s := range []string{"", "File", "files"} {
		if k, ok := ParseKind(s); ok || k != Unknown {
			t.Errorf("ParseKind(%q) = %v", s, k)
		}
	}
}

func TestXattrsEqual(t *testing.T) {
	a := Xattrs{"user.a": []byte("x"), "user.b": nil}
	for _, c := range []struct {
		b    Xattrs
		want bool
	}{
		{Xattrs{"user.b": {}, "user.a": []byte("x")}, true},
		{Xattrs{"user.a": []byte("x")}, false},
		{Xattrs{"user.a": []byte("y"), "user.b": nil}, false},
		{Xattrs{"user.a": []byte("x"), "user.c": nil}, false},
		{nil, false},
	} {
		if a.Equal(c.b) != c.want || c.b.Equal(a) != c.want {
			t.Errorf("%v and %v: equal %v, want %v", a, c.b, !c.want, c.want)
		}
	}
	if !Xattrs(nil).Equal(Xattrs{}) {
		t.Error("none differs from empty")
	}
}

func TestInfo(t *testing.T) {
	a := Info{Dev: 1, Ino: 2, Size: 1024, Blocks: 2}
	if a.Sparse() || !(&Info{Size: 1025, Blocks: 2}).Sparse() {
		t.Error("Sparse")
	}
	if !a.SameFile(&Info{Dev: 1, Ino: 2}) || a.SameFile(&Info{Dev: 2, Ino: 2}) || a.SameFile(&Info{Dev: 1, Ino: 1}) {
		t.Error("SameFile")
	}
}
