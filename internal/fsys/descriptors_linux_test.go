package fsys

import (
	"os"
	"testing"
)

// TestDescriptorsAreClosed counts them after many operations, failed ones too.
func TestDescriptorsAreClosed(t *testing.T) {
	d, _ := openTemp(t)
	mkdir(t, d, "a/b").Close()
	symlink(t, d, "a", "link")
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(list)
	}
	use := func() {
		for _, call := range named {
			for _, rel := range []string{"a", "a/b", "a/b/x", "link/b", "link", "..", "x/y"} {
				_ = call(d, rel) // whatever comes of it
			}
		}
	}
	use()
	before := count()
	for range 20 {
		use()
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}
