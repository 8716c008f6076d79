package fieldwork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"cxmirror/pkg/survey"
)

// A look is when a wave was last looked at for a step, and how many answers must wait before it is worth another
// one.
type look struct {
	at   time.Time
	next int
}

// pauseOfLooks is how long after a look a wave is let alone by who finishes an answer: where many finish, one of
// them in a second does it for all, and what is left is done by Run.
const pauseOfLooks = time.Second

// Step adds to the results of a protected wave what may be added now, and returns how many answers that is; 0 is
// no error. While the wave takes answers, a step leaves at least a threshold of them waiting, drawn at random, and
// adds at least as many; once it takes none any more, all that wait are added, unless they are fewer. In an
// anonymous wave that holds for each class of people by itself. A wave that is not protected has no steps.
func (s *Service) Step(ctx context.Context, organisation survey.OrganisationID, id survey.WaveID) (int, error) {
	w, err := s.store.Wave(ctx, organisation, id)
	if err != nil {
		return 0, err
	}
	random, err := newRandom(s.random)
	if err != nil {
		return 0, err
	}
	n := 0
	switch {
	case w.Mode == survey.Anonymous:
		n, err = s.stepSealed(ctx, &w, random)
	case w.Protects():
		n, err = s.store.Release(ctx, organisation, id, s.now(), func(pending []survey.ResponseID, k int, closing bool) []survey.ResponseID {
			return draw(pending, stepSize(len(pending), k, closing), random)
		})
	}
	if err != nil {
		return 0, fmt.Errorf("step of wave %d: %w", id, err)
	}
	if n > 0 {
		s.log.InfoContext(ctx, "answers began to count", slog.Int64("wave", int64(id)), slog.Int("answers", n))
	}
	return n, nil
}

// stepSealed opens what is sealed, publishes what may be published and seals the rest anew: nothing that was
// written when somebody finished stays in the database.
func (s *Service) stepSealed(ctx context.Context, w *survey.Wave, random *rand.Rand) (int, error) {
	q, err := s.versions.Questionnaire(ctx, w.Organisation, w.Version)
	if err != nil {
		return 0, err
	}
	key, err := s.secret.sealingKey(w.ID)
	if err != nil {
		return 0, err
	}
	return s.store.Unseal(ctx, w.Organisation, w.ID, s.now(), func(pending []survey.Sealed, closing bool) ([]survey.Response, []survey.Sealed, error) {
		waiting, contents := make([]finished, len(pending)), make([][]byte, len(pending))
		for i := range pending {
			var err error
			if waiting[i], contents[i], err = open(key, w, q, &pending[i]); err != nil {
				return nil, nil, err
			}
		}
		chosen := publish(waiting, q, reported(w, q), max(w.Threshold, lowestAnonymous), closing, random)
		if len(chosen) == 0 {
			return nil, nil, nil
		}
		responses, published := make([]survey.Response, len(chosen)), make([]bool, len(pending))
		for i, at := range chosen {
			published[at] = true
			var err error
			if responses[i], err = s.response(w, &waiting[at]); err != nil {
				return nil, nil, err
			}
		}
		var kept []survey.Sealed
		for i := range contents {
			if published[i] {
				continue
			}
			sealed, err := s.sealContent(w.ID, contents[i])
			if err != nil {
				return nil, nil, err
			}
			kept = append(kept, sealed)
		}
		return responses, kept, nil
	})
}

// open decrypts a sealed answer. What it holds passed the checks of the questionnaire when it was sealed.
func open(key []byte, w *survey.Wave, q *survey.Questionnaire, sealed *survey.Sealed) (finished, []byte, error) {
	content, err := decrypt(key, sealed.Content, aboutSealed(w.ID))
	if err != nil {
		return finished{}, nil, errOtherSecret
	}
	var f finished
	if err := json.Unmarshal(content, &f.sealedAnswers); err != nil { // the error could quote answers
		return finished{}, nil, errors.New("a sealed answer is not as it was written")
	}
	if f.Version != w.Version {
		return finished{}, nil, fmt.Errorf("a sealed answer is to version %d of the questionnaire, and the wave has version %d", f.Version, w.Version)
	}
	if f.answers, err = q.ParseAnswers(f.Answers); err != nil { // the same
		return finished{}, nil, fmt.Errorf("a sealed answer does not fit version %d of its questionnaire", q.Version)
	}
	return f, content, nil
}

// response returns a finished answer as it is published: with nothing of who gave it but what may be seen.
func (s *Service) response(w *survey.Wave, f *finished) (survey.Response, error) {
	id, err := s.newID()
	if err != nil {
		return survey.Response{}, err
	}
	answers, err := json.Marshal(f.answers)
	if err != nil {
		return survey.Response{}, errors.New("an answer cannot be written") // the error could quote it
	}
	return survey.Response{
		ID: survey.ResponseID(id), Wave: w.ID, Version: f.Version, Language: f.Language, Answers: answers, Weight: 1, Attributes: f.Attributes,
	}, nil
}

// stepWhenDue makes a step after somebody finished, if one is due. Whoever finished has nothing to do with what
// goes wrong here: it is logged, and Run tries again.
func (s *Service) stepWhenDue(ctx context.Context, w *survey.Wave) {
	if w.Mode != survey.Anonymous && !w.Protects() {
		return
	}
	now := s.now()
	s.mu.Lock()
	l := s.looks[w.ID]
	rests := !l.at.IsZero() && !now.Before(l.at) && now.Sub(l.at) < pauseOfLooks
	if !rests {
		l.at = now
		s.looks[w.ID] = l
	}
	s.mu.Unlock()
	if rests {
		return
	}
	if err := s.stepIfWorthIt(ctx, w); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "a step that was due", slog.String("error", err.Error()))
	}
}

// stepIfWorthIt makes a step of a wave that goes on, if enough answers wait. A step of an anonymous wave opens all
// that wait, and most of those may be of classes that are too small: so the next look waits until there are a
// quarter more.
func (s *Service) stepIfWorthIt(ctx context.Context, w *survey.Wave) error {
	k := w.Threshold
	if w.Mode == survey.Anonymous {
		k = max(k, lowestAnonymous)
	}
	s.mu.Lock()
	due := max(2*k, s.looks[w.ID].next)
	s.mu.Unlock()
	waiting, err := s.store.Pending(ctx, w.Organisation, w.ID)
	if err != nil || waiting < due {
		return err
	}
	n, err := s.Step(ctx, w.Organisation, w.ID)
	if err != nil || w.Mode != survey.Anonymous {
		return err
	}
	left := max(waiting-n, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.looks[w.ID]
	l.next = left + max(k, left/4)
	s.looks[w.ID] = l
	return nil
}
