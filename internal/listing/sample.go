package listing

import (
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

const (
	// maxSpread bounds the records spread evenly over a catalogue that are
	// compared with the files; at least half as many are, if there are so many.
	maxSpread = 128
	// maxShallow bounds those directly in the snapshot, where a removal that
	// was interrupted, or one by hand, shows first.
	maxShallow = 64
)

// known is what a catalogue tells of one path.
type known struct {
	path string
	kind meta.Kind
	size int64
	ino  uint64 // 0: not known
}

// sample collects records of a catalogue: all of a small one.
type sample struct {
	spread  []known
	stride  int
	seen    int
	shallow []known
}

func (s *sample) add(r *catalog.Record) {
	s.stride = max(s.stride, 1)
	if s.seen%s.stride == 0 {
		if len(s.spread) == maxSpread {
			s.thin()
		}
		if s.seen%s.stride == 0 {
			s.spread = append(s.spread, knownOf(r))
			s.seen++
			return
		}
	}
	s.seen++
	if len(s.shallow) < maxShallow && !strings.Contains(r.Path, "/") {
		s.shallow = append(s.shallow, knownOf(r))
	}
}

// thin drops every other record.
func (s *sample) thin() {
	for i := range maxSpread / 2 {
		s.spread[i] = s.spread[2*i]
	}
	s.spread, s.stride = s.spread[:maxSpread/2], 2*s.stride
}

func knownOf(r *catalog.Record) known {
	k := known{path: r.Path, kind: r.Kind, size: r.Size}
	if r.Stored != nil {
		k.ino = r.Stored.Ino
	}
	return k
}

// contradicted says in what the files are other than the catalogue says; ""
// if they are not, as far as the sample goes.
func (s *sample) contradicted(stream *Stream, check Check) string {
	for _, list := range [...][]known{s.shallow, s.spread} {
		for i := range list {
			if why := list[i].contradicted(stream, check); why != "" {
				return why
			}
		}
	}
	return ""
}

func (k *known) contradicted(stream *Stream, check Check) string {
	info, err := stream.dir.LstatAt(stream.Stored(k.path))
	switch {
	case err != nil:
		// What may not be looked at contradicts nothing.
		if class := fsys.ClassOf(err); class == fsys.ClassVanished || class == fsys.ClassType {
			return "it lists what is not there: was a part of the snapshot removed?"
		}
	case info.Kind != k.kind, k.kind == meta.File && info.Size != k.size:
		return "it lists something else than there is: was the snapshot altered?"
	case check == Identity && k.kind == meta.File && info.Ino != k.ino:
		return "it lists other inodes than there are: was the root or the snapshot copied, or a file repaired?"
	}
	return ""
}
