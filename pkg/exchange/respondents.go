package exchange

import (
	"hash/maphash"

	"cxmirror/pkg/survey"
)

// respondents remembers who has answered, and in which line, by a hash of 64 bits: among a million people
// the chance that any two share one is 3 in 100 million.
type respondents struct {
	seed  maphash.Seed
	lines map[survey.Audience]map[uint64]uint32
}

// add remembers a respondent of an audience. again is true if she has been added before, in line first.
func (s *respondents) add(audience survey.Audience, id string, line int) (first int, again bool) {
	if s.lines == nil {
		s.seed = maphash.MakeSeed()
		s.lines = make(map[survey.Audience]map[uint64]uint32)
	}
	lines := s.lines[audience]
	if lines == nil {
		lines = make(map[uint64]uint32)
		s.lines[audience] = lines
	}
	key := maphash.String(s.seed, id)
	if earlier, ok := lines[key]; ok {
		return int(earlier), true
	}
	lines[key] = uint32(line) //nolint:gosec // a file of four thousand million lines wraps round, in a message only
	return 0, false
}
