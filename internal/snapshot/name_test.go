package snapshot

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestIsTime(t *testing.T) {
	for s, want := range map[string]bool{
		"2026-11-22-140000":            true,
		"2024-02-29-235959":            true,
		"2026-02-29-000000":            false,
		"2026-13-01-000000":            false,
		"2026-11-22-240000":            false,
		"2026-11-22-140060":            false,
		"2026-11-22-14000":             false,
		"2026-11-22-1400000":           false,
		"2026-11-22-14000.5":           false,
		"2026-11-22-140000.5":          false,
		"2026-11-22-140000 ":           false,
		"2026-11-22_140000":            false,
		"2026_11-22-140000":            false,
		"+026-11-22-140000":            false,
		"2026-11-22- 40000":            false,
		"":                             false,
		"2026-11-22-140000-backup.log": false,
	} {
		if got := IsTime(s); got != want {
			t.Errorf("IsTime(%q) = %v", s, got)
		}
	}
}

func TestParseID(t *testing.T) {
	got, err := ParseID("hosts/web1/2026-11-22-140000")
	if want := (ID{"hosts/web1", "2026-11-22-140000"}); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{
		"", "home", "2026-11-22-140000", "/2026-11-22-140000", "home/", "home/2026-11-22", "home//2026-11-22-140000",
		"../2026-11-22-140000", "a/../2026-11-22-140000", ".phlb/2026-11-22-140000", "a/.b/2026-11-22-140000",
		"2026-11-22-140000/2026-11-22-140000", "a\x00b/2026-11-22-140000", "/home/2026-11-22-140000",
		strings.Repeat("a/", 65) + "2026-11-22-140000",
	} {
		if got, err := ParseID(s); !errors.Is(err, ErrName) {
			t.Errorf("ParseID(%q) = %v, %v", s, got, err)
		}
	}
}

func TestPublished(t *testing.T) {
	const at = "2026-11-22-140000"
	good := map[string]struct {
		id  ID
		rel string
	}{
		"home/" + at + "/b.txt":               {ID{"home", at}, "b.txt"},
		"home/" + at + "/docs/b.txt":          {ID{"home", at}, "docs/b.txt"},
		"hosts/web1/" + at + "/x":             {ID{"hosts/web1", at}, "x"},
		"home/" + at + "/" + at + "/x":        {ID{"home", at}, at + "/x"},
		"home/" + at + "/.hidden/SHA256SUMS":  {ID{"home", at}, ".hidden/SHA256SUMS"},
		"home/" + at + "/not utf-8 \xff\n/ok": {ID{"home", at}, "not utf-8 \xff\n/ok"},
	}
	for path, want := range good {
		id, rel, ok := Published(path)
		if !ok || id != want.id || rel != want.rel {
			t.Errorf("Published(%q) = %v, %q, %v", path, id, rel, ok)
		}
	}
	for _, path := range []string{
		"", "/", "home", "home/x", "home/" + at, "home/" + at + "/", at + "/x", "/home/" + at + "/x", "home//" + at + "/x",
		"home/" + at + "//x", "home/" + at + "/./x", "home/" + at + "/../x", "home/" + at + "/x/..", "home/" + at + "/x/",
		"../home/" + at + "/x", "home/../" + at + "/x", "./home/" + at + "/x", ".phlb/" + at + "/x", ".phlb/trash/" + at + "/x",
		"home/" + at + "/a\x00b", "ho\x00me/" + at + "/a", strings.Repeat("a/", 65) + at + "/x",
	} {
		if id, rel, ok := Published(path); ok {
			t.Errorf("Published(%q) = %v, %q", path, id, rel)
		}
	}
}

func FuzzPublished(f *testing.F) {
	f.Add("home/2026-11-22-140000/docs/b.txt")
	f.Add("a/b/2026-11-22-140000/../x")
	f.Fuzz(func(t *testing.T, path string) {
		id, rel, ok := Published(path)
		if !ok {
			return
		}
		if id.String()+"/"+rel != path || id.check() != nil || !isLocal(rel) {
			t.Errorf("Published(%q) = %v, %q", path, id, rel)
		}
	})
}

// names draws source names, with what escaping could stumble over.
func names() *rapid.Generator[string] {
	element := rapid.StringOfN(rapid.RuneFrom([]rune("ab%25F~2é.-\xff")), 1, 12, -1).
		Filter(func(s string) bool { return isNameElement(s) })
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(element, 1, 20).Draw(t, "elements"), "/")
	})
}

func TestEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := names().Draw(t, "a"), names().Draw(t, "b")
		x, y := escape(a), escape(b)
		if (a == b) != (x == y) {
			t.Fatalf("%q → %q, %q → %q", a, x, b, y)
		}
		if len(x) > 210 || x[0] == '.' || strings.Contains(x, "/") {
			t.Fatalf("%q → %q", a, x)
		}
	})
	for name, want := range map[string]string{"home": "home", "hosts/web1": "hosts%2Fweb1", "a%2Fb": "a%252Fb"} {
		if got := escape(name); got != want {
			t.Errorf("escape(%q) = %q", name, got)
		}
	}
	long := strings.Repeat("a", 250)
	if escape(long+"/b") == escape(long+"/c") {
		t.Error("long names collide")
	}
}

func TestParseIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := ID{names().Draw(t, "name"), drawTime(t, "time").UTC().Format(TimeLayout)}
		got, err := ParseID(want.String())
		if err != nil || got != want {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
}

func drawTime(t *rapid.T, label string) time.Time {
	return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, label), 0)
}

func TestNextTimeIsLater(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		now := drawTime(t, "now")
		newest := ""
		if rapid.Bool().Draw(t, "has newest") {
			ahead := time.Duration(rapid.Int64Range(-7200, 7200).Draw(t, "ahead")) * time.Second
			newest = now.Add(ahead).In(loc).Format(TimeLayout)
		}
		next := NextTime(now, loc, newest)
		if !IsTime(next) || next <= newest {
			t.Fatalf("newest %q, next %q", newest, next)
		}
		if plain := now.In(loc).Format(TimeLayout); newest < plain && next != plain {
			t.Fatalf("next %q though %q is free", next, plain)
		}
	})
}

func TestNextTimeWhenClocksGoBack(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	// 2026-10-25: after 02:59:59 CEST comes 02:00:00 CET.
	summer := time.Date(2026, 10, 25, 0, 59, 59, 0, time.UTC)
	newest := NextTime(summer, berlin, "")
	if newest != "2026-10-25-025959" {
		t.Fatalf("got %q", newest)
	}
	for i, want := range []string{"2026-10-25-030000", "2026-10-25-030001", "2026-10-25-030002"} {
		newest = NextTime(summer.Add(time.Duration(i+1)*time.Minute), berlin, newest)
		if newest != want {
			t.Errorf("got %q, want %q", newest, want)
		}
	}
	if got := NextTime(summer, berlin, "2026-12-31-235959"); got != "2027-01-01-000000" {
		t.Errorf("over the year's end: %q", got)
	}
	if got := NextTime(summer, berlin, "9999-12-31-235959"); got != "" {
		t.Errorf("after the end of the calendar: %q", got)
	}
}

func TestParseTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	got, err := ParseTime("2026-11-22-140000", berlin)
	if want := time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := ParseTime("2026-11-22", berlin); !errors.Is(err, ErrName) {
		t.Errorf("got %v", err)
	}
}
