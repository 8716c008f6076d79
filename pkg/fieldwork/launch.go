package fieldwork

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// StopError says that a plan cannot be launched as it is. Findings has at least one that stops it.
type StopError struct{ Findings Findings }

// Error names the keys of the findings that stop the launch.
func (e *StopError) Error() string {
	var message strings.Builder
	message.WriteString("the wave cannot be launched so:")
	for _, f := range e.Findings.Items {
		if f.Severity == Stop {
			message.WriteString(" " + string(f.Key))
		}
	}
	return message.String()
}

// Check says what would break the promise or the reading of a planned wave, before anything is sent. Nothing is
// stored.
func (s *Service) Check(ctx context.Context, plan *Plan) (Findings, error) {
	f, err := s.facts(ctx, plan)
	if err != nil {
		return Findings{}, fmt.Errorf("check the launch of wave %d: %w", plan.Wave.ID, err)
	}
	return check(f)
}

// facts reads all that the launch check looks at.
func (s *Service) facts(ctx context.Context, plan *Plan) (facts, error) {
	w := &plan.Wave
	f := facts{plan: plan, now: s.now(), mails: s.mails}
	var err error
	if f.questionnaire, err = s.versions.Questionnaire(ctx, w.Organisation, w.Version); err != nil {
		return facts{}, err
	}
	if plan.Compare != 0 {
		other, err := s.store.Wave(ctx, w.Organisation, plan.Compare)
		if err != nil {
			return facts{}, err
		}
		counts, err := s.store.Counts(ctx, other.Organisation, other.ID)
		if err != nil {
			return facts{}, err
		}
		f.against, f.againstLeast = counts.Counted, other.Threshold
	}
	if plan.OpenOnly {
		return f, nil
	}
	if f.attributes, err = s.store.Attributes(ctx, w.Organisation); err != nil {
		return facts{}, err
	}
	if f.people, _, err = s.store.People(ctx, w.Organisation, store.PeopleQuery{}); err != nil {
		return facts{}, err
	}
	organisation, err := s.store.Organisation(ctx, w.Organisation)
	if err != nil || len(organisation.Languages) == 0 {
		return f, err
	}
	for i := range f.people {
		if f.people[i].Language == "" { // whom nothing is known of is asked as the organisation asks by default
			f.people[i].Language = organisation.Languages[0]
		}
	}
	return f, nil
}

// Launch makes a plan true: it looks at everything once more, draws the sample, freezes what results will be split
// by, makes the invitations, and stores all of it at once or nothing. From then on what is promised can only be
// made stricter.
//
// A plan that cannot be launched is a [*StopError] with the findings. A wave that is launched already is returned
// as it is, so that a button can be pressed twice; if the plan promises something else, it is
// [survey.ErrPromised].
func (s *Service) Launch(ctx context.Context, plan Plan) (survey.Wave, error) {
	w, err := s.launch(ctx, &plan)
	if err != nil {
		return survey.Wave{}, fmt.Errorf("launch wave %d: %w", plan.Wave.ID, err)
	}
	return w, nil
}

func (s *Service) launch(ctx context.Context, plan *Plan) (survey.Wave, error) {
	stored, err := s.store.Wave(ctx, plan.Wave.Organisation, plan.Wave.ID)
	if err != nil {
		return survey.Wave{}, err
	}
	if stored.Launched != nil {
		return launched(plan, stored)
	}
	// What the plan does not decide is as stored; above all whose the wave is.
	plan.Wave.Organisation, plan.Wave.ID, plan.Wave.Version, plan.Wave.State = stored.Organisation, stored.ID, stored.Version, stored.State
	f, err := s.facts(ctx, plan)
	if err != nil {
		return survey.Wave{}, err
	}
	findings, err := check(f)
	if err != nil {
		return survey.Wave{}, err
	}
	if findings.Stops() {
		return survey.Wave{}, &StopError{findings}
	}
	random, err := newRandom(s.random)
	if err != nil {
		return survey.Wave{}, err
	}
	c := newChecker(f)
	frozen := c.freeze(random)
	w := plan.Wave
	now := s.now()
	w.State, w.Launched, w.Invited = survey.WaveOpen, &now, len(c.audience.invited)
	w.Reported, w.Segments = plan.reportedCodes(f.questionnaire), frozen.segments
	letters, mailings := plan.belonging(&w)
	n, err := s.store.LaunchWave(ctx, w, s.invitations(plan, &c.audience, frozen), letters, mailings)
	if errors.Is(err, survey.ErrConflict) {
		if stored, err := s.store.Wave(ctx, w.Organisation, w.ID); err == nil && stored.Launched != nil {
			return launched(plan, stored) // by somebody who pressed the button at the same time
		}
	}
	if err != nil {
		return survey.Wave{}, err
	}
	s.log.InfoContext(ctx, "a wave was launched", slog.Int64("wave", int64(w.ID)), slog.Int("invited", n), slog.String("mode", string(w.Mode)),
		slog.Int("threshold", w.Threshold))
	return s.store.Wave(ctx, w.Organisation, w.ID)
}

// launched returns a wave that is launched already, if the plan promises what it promised.
func launched(plan *Plan, stored survey.Wave) (survey.Wave, error) {
	w := &plan.Wave
	if w.Mode != stored.Mode || w.Threshold != stored.Threshold || w.Tracks != stored.Tracks {
		return survey.Wave{}, fmt.Errorf("it was launched already, as %s with a threshold of %d: %w", stored.Mode, stored.Threshold, survey.ErrPromised)
	}
	return stored, nil
}

// belonging returns letters and mailings as those of the wave. Without mail there are none.
func (p *Plan) belonging(w *survey.Wave) ([]survey.Letter, []survey.Mailing) {
	if !p.Mail || p.OpenOnly {
		return nil, nil
	}
	letters := make([]survey.Letter, len(p.Letters))
	for i, letter := range p.Letters {
		letter.Wave = w.ID
		letters[i] = letter
	}
	mailings := make([]survey.Mailing, len(p.Mailings))
	for i, m := range p.Mailings {
		mailings[i] = survey.Mailing{Organisation: w.Organisation, Wave: w.ID, Kind: m.Kind, At: m.At, State: survey.MailingPlanned}
	}
	return letters, mailings
}

// invitations yields an invitation for each person invited, with what is stored of her link and her code.
func (s *Service) invitations(plan *Plan, a *audience, f frozen) iter.Seq2[store.NewInvitation, error] {
	return func(yield func(store.NewInvitation, error) bool) {
		for i := range a.invited {
			person := &a.invited[i]
			id, err := s.newID()
			if err != nil {
				yield(store.NewInvitation{}, err)
				return
			}
			invitation := store.NewInvitation{Invitation: survey.Invitation{
				ID: survey.InvitationID(id), Organisation: plan.Wave.Organisation, Wave: plan.Wave.ID, Person: person.ID,
				Language: person.Language, Attributes: f.attributes[i],
			}}
			invitation.TokenHash = HashToken(s.secret.Token(invitation.ID))
			if plan.Paper {
				invitation.CodeHash = s.secret.HashCode(s.secret.Code(invitation.ID))
			}
			if !yield(invitation, nil) {
				return
			}
		}
	}
}

// PaperCode is one person's access code, for a sheet that is printed.
type PaperCode struct {
	Person   survey.Person
	Language survey.Language
	Code     string // "K7QXM-3FPWA"
	Token    string // of the personal link that the code leads to
	Mail     bool   // mail reaches her
}

// Codes yields the access codes of those invited who have not finished, in the order of their names. A wave that
// was launched without codes on paper has none: [survey.ErrNotFound].
func (s *Service) Codes(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) iter.Seq2[PaperCode, error] {
	return func(yield func(PaperCode, error) bool) {
		people, _, err := s.store.Invitations(ctx, organisation, wave, store.InvitationQuery{})
		if err != nil {
			yield(PaperCode{}, err)
			return
		}
		for i := range people {
			invitation := &people[i].Invitation
			id := invitation.ID
			code := s.secret.Code(id)
			if i == 0 {
				if _, _, err := s.store.InvitationByCode(ctx, s.secret.HashCode(code)); err != nil {
					yield(PaperCode{}, fmt.Errorf("access codes of wave %d: %w", wave, err))
					return
				}
			}
			if invitation.Finished || invitation.Person == 0 {
				continue
			}
			person := people[i].Person
			sheet := PaperCode{
				Person: person, Language: invitation.Language, Code: code, Token: s.secret.Token(id), Mail: obstacleOf(&person) == reachable,
			}
			if !yield(sheet, nil) {
				return
			}
		}
	}
}

// Change is what is to become different of a stored wave. The zero value changes nothing.
type Change struct {
	Name     string
	Closes   *Closing
	People   int // the threshold of people; 0 leaves it
	Comments int // the threshold of comments; 0 leaves it
}

// Closing is when a wave stops taking answers: at a time, or, if that is nil, when it is closed.
type Closing struct{ At *time.Time }

// Change changes a stored wave in all that c names, or in nothing. A threshold can be raised, and one of comments is
// never lower than that of people: a lower one is [survey.ErrPromised]. When a wave closes must lie ahead, or it is
// [ErrPast], and not behind the day on which its personal data are erased: that is [survey.ErrPromised], too.
func (s *Service) Change(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, c Change) (survey.Wave, error) {
	return s.update(ctx, organisation, id, func(w *survey.Wave) error {
		people, comments := cmp.Or(c.People, w.Threshold), cmp.Or(c.Comments, w.Comments)
		if people < w.Threshold || comments < w.Comments {
			return fmt.Errorf("thresholds of %d people and %d comments: %w", w.Threshold, w.Comments, survey.ErrPromised)
		}
		w.Name, w.Threshold, w.Comments = cmp.Or(c.Name, w.Name), people, max(comments, people)
		if c.Closes == nil {
			return nil
		}
		closes := c.Closes.At
		if err := s.checkClosing(w, closes); err != nil {
			return err
		}
		w.Closes = closes
		return nil
	})
}

// checkClosing says why a wave cannot be made to close at a date; nil, without a date, is right.
func (s *Service) checkClosing(w *survey.Wave, closes *time.Time) error {
	switch {
	case closes == nil:
	case !closes.After(s.now()):
		return ErrPast
	case w.Erases != nil && closes.After(*w.Erases):
		return fmt.Errorf("personal data are erased on %s, before that date: %w", w.Erases.Format(time.DateOnly), survey.ErrPromised)
	}
	return nil
}

// RaiseThreshold raises the thresholds of a wave: of people, and of comments, which is never lower. A lower one
// is [survey.ErrPromised].
func (s *Service) RaiseThreshold(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, people, comments int) (survey.Wave, error) {
	return s.Change(ctx, organisation, id, Change{People: max(people, 1), Comments: max(comments, 1)})
}

// ErrPast says that a date that must come has gone by.
var ErrPast = errors.New("the date has passed")

// Extend changes when a wave stops taking answers; nil is that it stops when it is closed. The date must lie
// ahead. A wave whose date has passed takes answers again.
func (s *Service) Extend(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, closes *time.Time) (survey.Wave, error) {
	return s.Change(ctx, organisation, id, Change{Closes: &Closing{closes}})
}

// Close ends a wave now and adds to its results what waited, if that is enough people to be added.
func (s *Service) Close(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (survey.Wave, error) {
	if _, err := s.update(ctx, organisation, id, func(w *survey.Wave) error { w.State = survey.WaveClosed; return nil }); err != nil {
		return survey.Wave{}, err
	}
	if _, err := s.Step(ctx, organisation, id); err != nil {
		return survey.Wave{}, err
	}
	return s.store.Wave(ctx, organisation, id)
}

// Reopen lets a closed wave take answers again, until a date or, if that is nil, until it is closed. The date must lie
// ahead, or it is [ErrPast], and not behind the day on which the wave's personal data are erased, nor may that day have
// come: either is [survey.ErrPromised].
func (s *Service) Reopen(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, closes *time.Time) (survey.Wave, error) {
	return s.update(ctx, organisation, id, func(w *survey.Wave) error {
		switch {
		case !errors.Is(w.Takes(s.now(), 0), survey.ErrClosed): // pressed twice, or on a page from before
			return nil
		case w.Erases != nil && !w.Erases.After(s.now()):
			return fmt.Errorf("its personal data were erased on %s: %w", w.Erases.Format(time.DateOnly), survey.ErrPromised)
		}
		if err := s.checkClosing(w, closes); err != nil {
			return err
		}
		w.State, w.Closes = survey.WaveOpen, closes
		return nil
	})
}

// update changes a stored wave.
func (s *Service) update(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID, change func(w *survey.Wave) error) (survey.Wave, error) {
	w, err := s.store.Wave(ctx, organisation, id)
	if err != nil {
		return survey.Wave{}, err
	}
	if err := change(&w); err != nil {
		return survey.Wave{}, fmt.Errorf("wave %d: %w", id, err)
	}
	if err := s.store.UpdateWave(ctx, w); err != nil {
		return survey.Wave{}, err
	}
	return s.store.Wave(ctx, organisation, id)
}
