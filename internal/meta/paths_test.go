package meta_test

import (
	"reflect"
	"strings"
	"testing"

	"phlb/internal/meta"
)

func TestPathsStay(t *testing.T) {
	var p meta.Paths
	long := strings.Repeat("x/", 8<<10)
	var got, want []string
	for _, prefix := range []string{"a/", long, "b/c/"} {
		for _, name := range []string{"one", "two", ""} {
			for range 300 {
				got = append(got, p.Join([]byte(prefix), name))
				want = append(want, prefix+name)
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("a path changed after it was made")
	}
}
