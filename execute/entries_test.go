package execute

import (
	"testing"

	"phlb/internal/meta"
	"phlb/plan"
)

// TestEntriesCountTheirAttributes: a map for each file takes more than the rest.
func TestEntriesCountTheirAttributes(t *testing.T) {
	plain, labelled := entryList{whole: true}, entryList{whole: true}
	room := int64(1 << 20)
	plain.add(&plan.Entry{Path: "f"}, &room)
	labelled.add(&plan.Entry{Path: "f", Xattrs: meta.Xattrs{"security.selinux": []byte("system_u:object_r:etc_t:s0")}}, &room)
	if labelled.size-plain.size < 400 || room != 1<<20-plain.size-labelled.size {
		t.Errorf("%d and %d bytes, %d left", plain.size, labelled.size, room)
	}
}
