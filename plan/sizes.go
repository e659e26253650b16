package plan

// sizeSet holds sizes of files, in bytes. Most files are small: a bit for each
// small size takes less memory than a map of them, and none but the
// processor's cache.
type sizeSet struct {
	small [smallSizes / 64]uint64
	large map[int64]struct{}
}

const smallSizes = 1 << 19

func (s *sizeSet) add(size int64) {
	if uint64(size) < smallSizes {
		s.small[size/64] |= 1 << (size % 64)
		return
	}
	if s.large == nil {
		s.large = map[int64]struct{}{}
	}
	s.large[size] = struct{}{}
}

func (s *sizeSet) has(size int64) bool {
	if uint64(size) < smallSizes {
		return s.small[size/64]&(1<<(size%64)) != 0
	}
	_, has := s.large[size]
	return has
}
