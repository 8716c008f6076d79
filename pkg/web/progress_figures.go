package web

import (
	"context"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// standing is how far a wave is, in numbers. Of groups nothing is told but their rates, which withhold what may not be.
type standing struct {
	life    string // why it takes answers or not; see lifeOf
	counts  store.Counts
	groups  []store.GroupCount // of those invited, as they are
	invited store.GroupCount   // all of them together
	others  int                // who have finished without an invitation: by the open link or the kiosk
	rates   []segmentRates
	course  *courseOfWave
}

// standing reads how far a wave is.
func (s *Server) standing(ctx context.Context, w *survey.Wave) (*standing, error) {
	counts, err := s.store.Counts(ctx, w.Organisation, w.ID)
	if err != nil {
		return nil, err
	}
	groups, err := s.store.InvitationGroups(ctx, w.Organisation, w.ID)
	if err != nil {
		return nil, err
	}
	at := &standing{groups: groups, counts: counts, life: lifeOf(w, s.now(), counts.Complete)}
	for _, g := range groups {
		at.invited.Invited += g.Invited
		at.invited.Reached += g.Reached
		at.invited.Opened += g.Opened
		at.invited.Started += g.Started
		at.invited.Finished += g.Finished
		at.invited.Failed += g.Failed
		at.invited.Unsubscribed += g.Unsubscribed
	}
	if at.invited.Invited > 0 {
		at.others = max(counts.Complete-at.invited.Finished, 0)
	}
	if at.rates, err = ratesOf(w, groups); err != nil {
		return nil, err
	}
	if at.course, err = s.courseOf(ctx, w, at.life); err != nil {
		return nil, err
	}
	return at, nil
}
