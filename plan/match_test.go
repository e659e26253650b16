package plan

import (
	"testing"

	"phlb/internal/meta"
	"phlb/manifest"
)

func TestLinkRule(t *testing.T) {
	const me, other = 1000, 2000
	acl := meta.Xattrs{"system.posix_acl_access": []byte("acl")}
	capable := meta.Xattrs{"security.capability": []byte("c"), "user.a": []byte("1")}
	root := LinkRule{Match: manifest.MatchPermissions}
	user := LinkRule{Match: manifest.MatchPermissions, UID: me, GID: me}
	content := LinkRule{Match: manifest.MatchContent}
	exposed := LinkRule{Match: manifest.MatchContent, Exposed: true}
	for name, c := range map[string]struct {
		rule         LinkRule
		want, stored Attrs
		differs      string
	}{
		"equal":                          {root, Attrs{Mode: 0o4755, UID: other}, Attrs{Mode: 0o4755, UID: other}, ""},
		"another owner":                  {root, Attrs{Mode: 0o755, UID: other}, Attrs{Mode: 0o755}, "owner"},
		"root's are never stripped":      {root, Attrs{Mode: 0o4755, UID: other}, Attrs{Mode: 0o755, UID: other}, "mode"},
		"root keeps all attributes":      {root, Attrs{Xattrs: capable}, Attrs{Xattrs: meta.Xattrs{"user.a": []byte("1")}}, "xattrs"},
		"somebody's, stored by a user":   {user, Attrs{Mode: 0o644, UID: other, GID: other}, Attrs{Mode: 0o644, UID: me, GID: me}, ""},
		"set-id of somebody":             {user, Attrs{Mode: 0o4755, UID: other, GID: me}, Attrs{Mode: 0o755, UID: me, GID: me}, ""},
		"set-id of the user":             {user, Attrs{Mode: 0o4755, UID: me, GID: me}, Attrs{Mode: 0o755, UID: me, GID: me}, "mode"},
		"set-gid of another group":       {user, Attrs{Mode: 0o2755, UID: me, GID: other}, Attrs{Mode: 0o755, UID: me, GID: me}, ""},
		"readable by others alone":       {user, Attrs{Mode: 0o044, UID: other, GID: me}, Attrs{Mode: 0o444, UID: me, GID: me}, ""},
		"a capability that is not kept":  {user, Attrs{UID: me, GID: me, Xattrs: capable}, Attrs{UID: me, GID: me, Xattrs: meta.Xattrs{"user.a": []byte("1")}}, ""},
		"an attribute that could be":     {user, Attrs{UID: me, GID: me, Xattrs: capable}, Attrs{UID: me, GID: me, Xattrs: meta.Xattrs{"security.capability": []byte("c")}}, "xattrs"},
		"another capability":             {user, Attrs{UID: me, GID: me, Xattrs: capable}, Attrs{UID: me, GID: me, Xattrs: meta.Xattrs{"user.a": []byte("1"), "security.capability": nil}}, "xattrs"},
		"content":                        {content, Attrs{Mode: 0o600, UID: me}, Attrs{Mode: 0o666, UID: other}, ""},
		"exposed: another owner":         {exposed, Attrs{Mode: 0o644, UID: me}, Attrs{Mode: 0o644, UID: other}, "owner"},
		"exposed: root's":                {exposed, Attrs{Mode: 0o644, UID: me}, Attrs{Mode: 0o600}, ""},
		"exposed: writable":              {exposed, Attrs{Mode: 0o644, UID: me}, Attrs{Mode: 0o646, UID: me}, "mode"},
		"exposed: group":                 {exposed, Attrs{Mode: 0o664, UID: me, GID: 1}, Attrs{Mode: 0o664, UID: me, GID: 2}, "owner"},
		"exposed: ACL":                   {exposed, Attrs{Mode: 0o664, UID: me}, Attrs{Mode: 0o664, UID: me, Xattrs: acl}, "xattrs"},
		"exposed: another mode":          {exposed, Attrs{Mode: 0o600, UID: me}, Attrs{Mode: 0o755, UID: me, Xattrs: acl}, ""},
		"exposed by an ordinary user":    {LinkRule{Match: manifest.MatchContent, Exposed: true, UID: me}, Attrs{Mode: 0o644, UID: other}, Attrs{Mode: 0o666, UID: me}, ""},
		"exposed: permissions are equal": {LinkRule{Match: manifest.MatchPermissions, Exposed: true}, Attrs{Mode: 0o666, UID: me}, Attrs{Mode: 0o666, UID: me}, ""},
	} {
		if got := c.rule.Differs(&c.want, &c.stored); got != c.differs {
			t.Errorf("%s: differs in %q, want %q", name, got, c.differs)
		}
		if c.differs == "" && !c.rule.together(&c.want, &c.want) {
			t.Errorf("%s: a file and its equal are not stored together", name)
		}
	}
}

// TestCopied: what may be linked to whatever it is like is not for that what a
// copy would be.
func TestCopied(t *testing.T) {
	rule := LinkRule{Match: manifest.MatchContent}
	want := Attrs{Mode: 0o600, UID: 1, Mtime: meta.Time{Sec: 5}}
	if !rule.Copied(&want, &Attrs{Mode: 0o600, UID: 1}) {
		t.Error("a copy is none, for its time")
	}
	for _, stored := range []Attrs{{Mode: 0o644, UID: 1}, {Mode: 0o600}, {Mode: 0o600, UID: 1, Xattrs: meta.Xattrs{"user.a": nil}}} {
		if rule.Copied(&want, &stored) {
			t.Errorf("%+v could be a copy", stored)
		}
	}
}
