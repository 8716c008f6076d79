package fieldwork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Erase erases one person, as she may ask for: her entry in the panel, invitations, mails, drafts, responses in
// identified waves and those in confidential ones that do not count yet, and free texts of anybody that contain her
// name or her address. Responses that count in confidential waves stay as figures that nothing ties to her; answers
// in anonymous waves cannot be found; the receipt says so. by says who asked. Erasing again what is erased is
// [survey.ErrNotFound].
func (s *Service) Erase(ctx context.Context, organisation survey.OrganisationID, id survey.PersonID, by string) (Receipt, error) {
	receipt, err := s.erase(ctx, organisation, id, by)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase person %d: %w", id, err)
	}
	s.log.InfoContext(ctx, "a person was erased", slog.String("receipt", receipt.Of), slog.Int("invitations", receipt.Erased.Invitations),
		slog.Int("mails", receipt.Erased.Mails), slog.Int("responses", receipt.Erased.Responses), slog.Int("drafts", receipt.Erased.Drafts),
		slog.Int("texts", receipt.Texts))
	return receipt, nil
}

func (s *Service) erase(ctx context.Context, organisation survey.OrganisationID, id survey.PersonID, by string) (Receipt, error) {
	person, err := s.store.Person(ctx, organisation, id)
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{At: s.now(), Organisation: organisation, By: by, Of: s.secret.hashOfPerson(organisation, person.Key)}
	// Texts go first: once the person is gone nobody knows what to look for, and this could not be tried again.
	if receipt.Texts, err = s.blank(ctx, organisation, &person); err != nil {
		return Receipt{}, err
	}
	if receipt.Erased, err = s.store.ErasePerson(ctx, organisation, id); err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

// blank leaves out the free texts that mention a person.
func (s *Service) blank(ctx context.Context, organisation survey.OrganisationID, person *survey.Person) (int, error) {
	mentions := mentionsOf(person)
	if len(mentions) == 0 {
		return 0, nil
	}
	type change struct {
		store.FreeText
		texts int
	}
	var changes []change
	for found, err := range s.store.FreeTexts(ctx, organisation, beginningsOf(mentions)) {
		if err != nil {
			return 0, err
		}
		q, err := s.versions.Questionnaire(ctx, organisation, found.Version)
		if err != nil {
			return 0, err
		}
		blanked, n, err := blankTexts(q, found.Answers, mentions)
		if err != nil {
			return 0, fmt.Errorf("response %s: %w", found.Response, err)
		}
		if n > 0 {
			found.Answers = blanked
			changes = append(changes, change{found, n})
		}
	}
	texts := 0
	for _, c := range changes {
		if err := s.store.BlankText(ctx, organisation, c.Wave, c.Response, c.Answers); err != nil && !errors.Is(err, survey.ErrNotFound) {
			return 0, err
		}
		texts += c.texts
	}
	return texts, nil
}

// mentionsOf returns what tells that a text is about a person: her address and her full name, also with the family
// name first. A first name alone would be anybody's.
func mentionsOf(person *survey.Person) []string {
	var mentions []string
	if person.Address != "" {
		mentions = append(mentions, person.Address)
	}
	names := strings.Fields(person.Name)
	if len(names) >= 2 {
		mentions = append(mentions, strings.Join(names, " "))
		last := len(names) - 1
		if turned := strings.Join(append([]string{names[last]}, names[:last]...), " "); turned != mentions[len(mentions)-1] {
			mentions = append(mentions, turned)
		}
	}
	return mentions
}

// beginningsOf returns what a text must contain to be looked at closely: of each mention the longest word, without
// the ending that it may take.
func beginningsOf(mentions []string) []string {
	var beginnings []string
	for _, mention := range mentions {
		longest := []rune(nil)
		for _, word := range wordsOf(mention) {
			if letters := []rune(word); len(letters) > len(longest) {
				longest = letters
			}
		}
		if len(longest) >= shortestDeclined {
			longest = longest[:len(longest)-1]
		}
		beginnings = append(beginnings, string(longest))
	}
	slices.Sort(beginnings)
	return slices.Compact(beginnings)
}

// blankTexts leaves out every answer to a text item that contains one of the words, and returns how many.
func blankTexts(q *survey.Questionnaire, stored []byte, mentions []string) ([]byte, int, error) {
	answers, err := q.ParseAnswers(stored)
	if err != nil { // the error could quote answers
		return nil, 0, fmt.Errorf("its stored answers do not fit version %d of its questionnaire", q.Version)
	}
	form, n := answers.Form(), 0
	for i := range q.Items {
		item := &q.Items[i]
		if item.Kind != survey.Text {
			continue
		}
		given := form[string(item.Code)]
		if slices.ContainsFunc(given, func(text string) bool { return mentionsAny(text, mentions) }) {
			delete(form, string(item.Code))
			n++
		}
	}
	if n == 0 {
		return stored, 0, nil
	}
	answers, _ = q.ReadAnswers(form) // problems can only be of required items that are missing now
	blanked, err := json.Marshal(answers)
	if err != nil {
		return nil, 0, errors.New("its answers cannot be written")
	}
	return blanked, n, nil
}

// mentionsAny reports whether a text contains one of the mentions, as people write: in whatever case, without
// diacritics, with whatever blanks between names, and declined: "Anna Kowalska" is mentioned in "u Anny
// Kowalskiej", so each name may end in other letters than its last.
func mentionsAny(text string, mentions []string) bool {
	words := wordsOf(text)
	for _, mention := range mentions {
		looked := wordsOf(mention)
		if len(looked) == 0 {
			continue
		}
		for at := 0; at+len(looked) <= len(words); at++ {
			all := true
			for i := range looked {
				all = all && sameName(words[at+i], looked[i], strings.Contains(mention, "@"))
			}
			if all {
				return true
			}
		}
	}
	return false
}

// wordsOf returns the words of a text without case and diacritics. Addresses fall into their parts.
func wordsOf(text string) []string {
	return strings.FieldsFunc(survey.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// shortestDeclined is how many letters a name has at least whose endings are not looked at.
const shortestDeclined = 4

// sameName reports whether a word is a name, also declined: Kowalska, Kowalskiej, Kowalską. Names of four letters
// or more may differ in what follows all but their last letter, by up to four letters.
func sameName(word, name string, exactly bool) bool {
	if word == name {
		return true
	}
	w, n := []rune(word), []rune(name)
	const ending = 4
	if exactly || len(n) < shortestDeclined || len(w) > len(n)+ending || len(w) < len(n)-1 {
		return false
	}
	stem := len(n) - 1
	return string(w[:stem]) == string(n[:stem])
}

// EraseDue erases the personal data of all waves whose date has come. What was erased is not found again, so that
// it can be done as often as one likes, by however many servers.
func (s *Service) EraseDue(ctx context.Context) ([]Receipt, error) {
	waves, err := s.store.WavesToErase(ctx, s.now())
	if err != nil {
		return nil, err
	}
	var receipts []Receipt
	var failures []error
	for i := range waves {
		w := &waves[i]
		// What waits is added to the results, if it is enough, before what is left goes.
		if _, err := s.Close(ctx, w.Organisation, w.ID); err != nil {
			failures = append(failures, err)
			continue
		}
		erased, err := s.store.EraseWavePersonalData(ctx, w.Organisation, w.ID)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		receipts = append(receipts, Receipt{At: s.now(), Organisation: w.Organisation, Wave: w.ID, Erased: erased})
		s.log.InfoContext(ctx, "the personal data of a wave were erased", slog.Int64("wave", int64(w.ID)), slog.Int("invitations", erased.Invitations),
			slog.Int("mails", erased.Mails), slog.Int("drafts", erased.Drafts))
	}
	return receipts, errors.Join(failures...)
}
