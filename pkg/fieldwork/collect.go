package fieldwork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Respondent is somebody at the door of a wave: with her key, which her browser kept or her link stands for, and
// with her invitation, if she has one.
type Respondent struct {
	Wave       survey.Wave
	Key        string            // 64 hexadecimal digits; only its hash is stored
	Invitation survey.Invitation // zero with an open link or at a kiosk
}

// ByToken returns who comes with a personal link, or [survey.ErrNotFound]. Her key follows from the token, so that
// she goes on where she stopped on whatever device.
func (s *Service) ByToken(ctx context.Context, token string) (Respondent, error) {
	invitation, wave, err := s.store.InvitationByToken(ctx, HashToken(token))
	if err != nil {
		return Respondent{}, fmt.Errorf("personal link: %w", err)
	}
	return Respondent{Wave: wave, Key: keyOf(token), Invitation: invitation}, nil
}

// ByCode returns who types an access code, and the token of her personal link, or [survey.ErrNotFound].
func (s *Service) ByCode(ctx context.Context, typed string) (Respondent, string, error) {
	hash := s.secret.HashCode(typed)
	if hash == nil {
		return Respondent{}, "", fmt.Errorf("access code: %w", survey.ErrNotFound)
	}
	invitation, wave, err := s.store.InvitationByCode(ctx, hash)
	if err != nil {
		return Respondent{}, "", fmt.Errorf("access code: %w", err)
	}
	token := s.secret.Token(invitation.ID)
	return Respondent{Wave: wave, Key: keyOf(token), Invitation: invitation}, token, nil
}

// Find returns what a respondent has answered, finished or not, or [survey.ErrNotFound] if she has not begun. What
// she has finished in an anonymous wave nobody can find: that is [survey.ErrFinished].
func (s *Service) Find(ctx context.Context, who *Respondent) (survey.Response, error) {
	if who.Wave.Mode != survey.Anonymous {
		return s.store.ResponseByKey(ctx, who.Wave.Organisation, who.Wave.ID, who.Key)
	}
	draft, err := s.store.DraftByKey(ctx, who.Wave.Organisation, who.Wave.ID, who.Key)
	if errors.Is(err, survey.ErrNotFound) && who.Invitation.Finished {
		err = fmt.Errorf("%w (%w)", survey.ErrFinished, err)
	}
	if err != nil {
		return survey.Response{}, err
	}
	return openDraft(who, &draft)
}

// Start stores the beginning of a response. It fills in the wave, the key, and what the invitation says; a
// version of 0 becomes that of the wave. ID and Seed come from the caller, Answers from the questionnaire. An
// invitation that was answered is [survey.ErrFinished], a response that somebody with the same key began
// meanwhile an error: [Service.Find] it.
func (s *Service) Start(ctx context.Context, who *Respondent, r *survey.Response) error {
	r.Wave, r.Key = who.Wave.ID, who.Key
	if r.Version == 0 {
		r.Version = who.Wave.Version
	}
	if who.Invitation.Finished {
		return fmt.Errorf("start a response: %w", survey.ErrFinished)
	}
	if who.Wave.Mode != survey.Anonymous {
		r.Invitation, r.Attributes = who.Invitation.ID, who.Invitation.Attributes
		if err := s.identify(ctx, who, r); err != nil {
			return err
		}
		return s.store.StartResponse(ctx, who.Wave.Organisation, r)
	}
	draft, err := s.sealDraft(who, r)
	if err != nil {
		return err
	}
	return s.store.StartDraft(ctx, who.Wave.Organisation, &draft, who.Invitation.ID)
}

// identify writes onto a response of an identified wave whose it is, by the organisation's own identifier.
func (s *Service) identify(ctx context.Context, who *Respondent, r *survey.Response) error {
	if who.Wave.Mode != survey.Identified || who.Invitation.Person == 0 {
		return nil
	}
	person, err := s.store.Person(ctx, who.Wave.Organisation, who.Invitation.Person)
	if err != nil {
		return fmt.Errorf("start a response: %w", err)
	}
	r.Person = person.Key
	return nil
}

// Save stores the answers of a page. r.Revision is one more than the one that was found. The same save twice is
// one; another one in between is [survey.ErrConflict], a response that was finished meanwhile
// [survey.ErrAnswered].
func (s *Service) Save(ctx context.Context, who *Respondent, r survey.Response) error {
	if who.Wave.Mode != survey.Anonymous {
		return s.store.SavePage(ctx, who.Wave.Organisation, r)
	}
	draft, err := s.sealDraft(who, &r)
	if err != nil {
		return err
	}
	err = s.store.SaveDraft(ctx, who.Wave.Organisation, draft)
	switch {
	case errors.Is(err, survey.ErrConflict):
		// Every encryption of the same answers is another one, so that the store cannot know a save again.
		if stored, findErr := s.Find(ctx, who); findErr == nil && sameSave(&stored, &r) {
			return nil
		}
	case errors.Is(err, survey.ErrNotFound), errors.Is(err, survey.ErrFinished): // a draft goes only when it is finished
		return fmt.Errorf("%w (%w)", survey.ErrAnswered, err)
	}
	return err
}

func sameSave(a, b *survey.Response) bool {
	return a.Revision == b.Revision && a.Page == b.Page && a.Language == b.Language && slices.Equal(a.Answers, b.Answers)
}

// Complete stores the last answers of a response and finishes it at r.Completed, if the wave takes answers then
// ([survey.ErrClosed], [survey.ErrFull]). However often it is called for one person, and from wherever, it takes
// effect once; of the others each returns nil or [survey.ErrAnswered].
//
// In an anonymous wave the draft is gone then, and with it the last thing that her key opens. What she answered
// is sealed with a key of the service and waits until it can be published among others ([Service.Step]).
func (s *Service) Complete(ctx context.Context, who *Respondent, r survey.Response) error {
	if err := s.complete(ctx, who, &r); err != nil {
		return err
	}
	s.stepWhenDue(ctx, &who.Wave)
	return nil
}

func (s *Service) complete(ctx context.Context, who *Respondent, r *survey.Response) error {
	if who.Wave.Mode != survey.Anonymous {
		r.Invitation, r.Attributes = who.Invitation.ID, who.Invitation.Attributes
		return s.store.CompleteResponse(ctx, who.Wave.Organisation, *r, who.Wave.Limit)
	}
	if r.Completed == nil {
		return errors.New("complete a response: it has no time of completion")
	}
	draft, err := s.sealDraft(who, r)
	if err != nil {
		return err
	}
	sealed, err := s.seal(who, r)
	if err != nil {
		return err
	}
	err = s.store.Seal(ctx, who.Wave.Organisation, draft, who.Invitation.ID, sealed, *r.Completed, who.Wave.Limit)
	if errors.Is(err, survey.ErrFinished) || errors.Is(err, survey.ErrNotFound) {
		return fmt.Errorf("%w (%w)", survey.ErrAnswered, err)
	}
	return err
}

// draftContent is what a draft of an anonymous wave holds encrypted, as JSON.
type draftContent struct {
	ID      survey.ResponseID `json:"id"` // of the draft alone: what is published has another
	Seed    uint64            `json:"seed"`
	Answers json.RawMessage   `json:"answers"`
}

func aboutDraft(wave survey.WaveID) string { return fmt.Sprintf("draft of wave %d", wave) }

// sealDraft encrypts a draft so that only who has the respondent's key can read it.
func (s *Service) sealDraft(who *Respondent, r *survey.Response) (store.Draft, error) {
	content, err := json.Marshal(draftContent{ID: r.ID, Seed: r.Seed, Answers: answersOf(r)})
	if err != nil {
		return store.Draft{}, fmt.Errorf("draft: %w", err)
	}
	key, err := draftKey(who.Wave.ID, who.Key)
	if err != nil {
		return store.Draft{}, fmt.Errorf("draft: %w", err)
	}
	box, err := encrypt(key, content, aboutDraft(who.Wave.ID), s.random)
	if err != nil {
		return store.Draft{}, fmt.Errorf("draft: %w", err)
	}
	return store.Draft{
		Wave: who.Wave.ID, Key: who.Key, Language: r.Language, Page: r.Page, Revision: r.Revision, Version: r.Version, Content: box,
	}, nil
}

func answersOf(r *survey.Response) json.RawMessage {
	if len(r.Answers) == 0 {
		return json.RawMessage("{}")
	}
	return r.Answers
}

func openDraft(who *Respondent, draft *store.Draft) (survey.Response, error) {
	key, err := draftKey(who.Wave.ID, who.Key)
	if err != nil {
		return survey.Response{}, fmt.Errorf("draft: %w", err)
	}
	plain, err := decrypt(key, draft.Content, aboutDraft(who.Wave.ID))
	if err != nil {
		return survey.Response{}, fmt.Errorf("draft: %w", err)
	}
	var content draftContent
	if err := json.Unmarshal(plain, &content); err != nil { // the error could quote answers
		return survey.Response{}, errors.New("draft: its content is not as it was written")
	}
	return survey.Response{
		ID: content.ID, Wave: who.Wave.ID, Version: draft.Version, Key: who.Key, Language: draft.Language, Seed: content.Seed,
		Page: draft.Page, Revision: draft.Revision, Answers: content.Answers, Weight: 1,
	}, nil
}

// seal encrypts a finished answer so that only the service can read it.
func (s *Service) seal(who *Respondent, r *survey.Response) (survey.Sealed, error) {
	content, err := json.Marshal(sealedAnswers{
		Version: r.Version, Language: r.Language, Attributes: who.Invitation.Attributes, Answers: answersOf(r),
	})
	if err != nil {
		return survey.Sealed{}, fmt.Errorf("seal an answer: %w", err)
	}
	return s.sealContent(who.Wave.ID, content)
}

func (s *Service) sealContent(wave survey.WaveID, content []byte) (survey.Sealed, error) {
	id, err := s.newID()
	if err != nil {
		return survey.Sealed{}, fmt.Errorf("seal an answer: %w", err)
	}
	key, err := s.secret.sealingKey(wave)
	if err != nil {
		return survey.Sealed{}, fmt.Errorf("seal an answer: %w", err)
	}
	box, err := encrypt(key, content, aboutSealed(wave), s.random)
	if err != nil {
		return survey.Sealed{}, fmt.Errorf("seal an answer: %w", err)
	}
	return survey.Sealed{ID: id, Content: box}, nil
}
