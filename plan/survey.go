package plan

import (
	"context"
	"slices"
	"strings"

	"phlb/manifest"
)

// survey lists the names that the manifest does not know.
func (b *build) survey(ctx context.Context, p *Plan) error {
	names, err := b.root.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(b.manifest.Sources, func(s manifest.Source) bool { return s.Name == name }) {
			p.Unlisted = append(p.Unlisted, name)
		}
	}
	if p.Destination.ID == nil && len(names) == 0 {
		p.Strangers = b.strangers()
	}
	return nil
}

// strangers lists what lies in the root. What cannot be listed is no reason
// not to plan.
func (b *build) strangers() []string {
	dir, err := b.root.Dir().OpenDirAt(".")
	if err != nil {
		return nil
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name, ".") && e.Name != "lost+found" {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	return names
}
