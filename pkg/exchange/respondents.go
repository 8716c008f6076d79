package exchange

import (
	"hash/maphash"

	"cxmirror/pkg/survey"
)

// respondents remembers who has answered, and in which line, by a hash of 64 bits: among a million people
// the chance that any two share one is 3 in 100 million.
type respondents struct {
	seed  maphash.Seed
	lines map[uint64]uint32
}

// add remembers a respondent of an audience. again is true if she has been added before, in line first.
func (s *respondents) add(audience survey.Audience, id string, line int) (first int, again bool) {
	if s.lines == nil {
		s.seed = maphash.MakeSeed()
		s.lines = make(map[uint64]uint32)
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.WriteString(string(audience)) // never fails
	_ = h.WriteByte(0)
	_, _ = h.WriteString(id)
	key := h.Sum64()
	if earlier, ok := s.lines[key]; ok {
		return int(earlier), true
	}
	s.lines[key] = uint32(line) //nolint:gosec // a file of four thousand million lines wraps round, in a message only
	return 0, false
}
