package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// Erased counts what was erased.
type Erased struct {
	People      int // entries of the panel
	Invitations int // with their links and codes
	Nameless    int // invitations of anonymous waves, of which is kept only that they exist and whether they were answered
	Mails       int
	Responses   int // complete ones that were deleted
	Unlinked    int // complete ones that nothing ties to a person any more
	Drafts      int // unfinished answers
	Sealed      int // answers of an anonymous wave that were never published, because too few finished
	Waves       []survey.WaveID
}

// ErasePerson deletes somebody from an organisation's panel, and all that can be found of her: invitations, mails,
// drafts and responses, and responses from files that name her address. Responses that count in a protected wave
// lose all that leads to her and stay as figures: if they went, who looked before and after would see what she had
// answered. What she answered in anonymous waves cannot be found; of her invitations to them is kept that they exist, so that
// figures stay true, and their links do not work any more. Whoever keeps the answers of a wave in memory learns of
// it by [Store.Mark].
func (s *Store) ErasePerson(ctx context.Context, organisation survey.OrganisationID, id survey.PersonID) (Erased, error) {
	var erased Erased
	err := s.change(ctx, func(tx *gorm.DB) error {
		people, err := findPeople(s.lock(tx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)))
		if err != nil {
			return err
		}
		if len(people) == 0 {
			return survey.ErrNotFound
		}
		erased = Erased{}
		if err := eraseInvitations(tx, id, &erased); err != nil {
			return err
		}
		if address := mailbox(people[0].Address); address != "" {
			if err := eraseNamed(tx, organisation, address, &erased); err != nil {
				return err
			}
		}
		slices.Sort(erased.Waves)
		erased.Waves = slices.Compact(erased.Waves)
		for _, wave := range erased.Waves {
			if err := tx.Exec("UPDATE waves SET generation = generation + 1 WHERE id = ?", int64(wave)).Error; err != nil {
				return err
			}
		}
		result := tx.Exec("DELETE FROM people WHERE id = ?", int64(id))
		erased.People = int(result.RowsAffected)
		return result.Error
	})
	if err != nil {
		return Erased{}, fmt.Errorf("erase person %d: %w", id, classify(err))
	}
	s.forgetErased(ctx)
	return erased, nil
}

// eraseInvitations erases what a person was invited to, and what she answered by her invitations.
func eraseInvitations(tx *gorm.DB, person survey.PersonID, erased *Erased) error {
	var invitations []struct {
		ID     responseID
		WaveID int64
		Mode   string
	}
	err := tx.Raw("SELECT i.id, i.wave_id, w.mode FROM invitations i JOIN waves w ON w.id = i.wave_id WHERE i.person_id = ?", int64(person)).Scan(&invitations).Error
	if err != nil {
		return err
	}
	for _, i := range invitations {
		mails := tx.Exec("DELETE FROM mails WHERE invitation_id = ?", string(i.ID))
		if mails.Error != nil {
			return mails.Error
		}
		erased.Mails += int(mails.RowsAffected)
		if i.Mode == string(survey.Anonymous) {
			err := tx.Exec(`
				UPDATE invitations SET person_id = NULL, token_hash = NULL, code_hash = NULL, language = '', attributes = '{}', failed = '',
					opened_on = NULL WHERE id = ?`, string(i.ID)).Error
			if err != nil {
				return err
			}
			erased.Nameless++
			continue
		}
		if err := eraseResponses(tx, erased, "invitation_id = ?", string(i.ID)); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM invitations WHERE id = ?", string(i.ID)).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE waves SET invited = invited - 1 WHERE id = ? AND invited > 0", i.WaveID).Error; err != nil {
			return err
		}
		erased.Invitations++
	}
	return nil
}

// eraseNamed erases imported responses whose respondent is an address.
func eraseNamed(tx *gorm.DB, organisation survey.OrganisationID, address string, erased *Erased) error {
	return eraseResponses(tx, erased, "organisation_id = ? AND lower(person) = ?", int64(organisation), address)
}

// untie is what a response loses that stays as a figure: the seed follows from the secret of the one who answered.
const untie = "key_hash = NULL, invitation_id = NULL, person = '', seed = 0"

// eraseResponses deletes responses, or unties those that count in protected waves, and notes how many and of which
// waves.
func eraseResponses(tx *gorm.DB, erased *Erased, condition string, values ...any) error {
	untied := tx.Exec("UPDATE responses SET "+untie+" WHERE "+condition+
		" AND tx IS NOT NULL AND wave_id IN (SELECT id FROM waves WHERE mode <> 'identified' AND threshold > 1)", values...)
	if untied.Error != nil {
		return untied.Error
	}
	erased.Unlinked += int(untied.RowsAffected)
	var deleted []struct {
		WaveID   int64
		Complete bool
	}
	err := tx.Raw("DELETE FROM responses WHERE "+condition+" RETURNING wave_id, completed_at IS NOT NULL AS complete", values...).Scan(&deleted).Error
	if err != nil {
		return err
	}
	for _, r := range deleted {
		if r.Complete {
			erased.Responses++
		} else {
			erased.Drafts++
		}
		erased.Waves = append(erased.Waves, survey.WaveID(r.WaveID))
	}
	return nil
}

// WavesToErase returns the waves of all organisations whose personal data are to go by now, and are still there.
func (s *Store) WavesToErase(ctx context.Context, now time.Time) ([]survey.Wave, error) {
	waves, err := findWaves(s.read.WithContext(ctx).Where("erases_at <= ? AND erased_at IS NULL", *utc(&now)).Order("id"))
	if err != nil {
		return nil, fmt.Errorf("waves whose personal data are to go: %w", classify(err))
	}
	return waves, nil
}

// EraseWavePersonalData takes away whatever of a wave tells of a person: invitations with their links and codes,
// mails, drafts, answers that were sealed and never published, who answered, and by which link. The answers
// themselves stay, with the groups that they are reported by. The wave is closed, since nobody could go on. Doing
// it again changes nothing.
func (s *Store) EraseWavePersonalData(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) (Erased, error) {
	var erased Erased
	err := s.change(ctx, func(tx *gorm.DB) error {
		if _, err := s.lockWave(tx, organisation, wave); err != nil {
			return err
		}
		erased = Erased{Waves: []survey.WaveID{wave}}
		for _, step := range []struct {
			statement string
			count     *int
		}{
			{`UPDATE mailings SET state = CASE WHEN state IN ('planned', 'sending') THEN 'cancelled' ELSE state END,
				queued = queued + (SELECT count(*) FROM mails WHERE mailing_id = mailings.id),
				sent = sent + (SELECT count(*) FROM mails WHERE mailing_id = mailings.id AND state = 'sent'),
				failed = failed + (SELECT count(*) FROM mails WHERE mailing_id = mailings.id AND state = 'failed')
				WHERE wave_id = ?`, nil},
			{"DELETE FROM mails WHERE wave_id = ?", &erased.Mails},
			{"DELETE FROM drafts WHERE wave_id = ?", &erased.Drafts},
			{"DELETE FROM sealed WHERE wave_id = ?", &erased.Sealed},
			{"UPDATE responses SET " + untie + " WHERE wave_id = ? AND completed_at IS NOT NULL" +
				" AND (key_hash IS NOT NULL OR invitation_id IS NOT NULL OR person <> '')", &erased.Unlinked},
		} {
			result := tx.Exec(step.statement, int64(wave))
			if result.Error != nil {
				return result.Error
			}
			if step.count != nil {
				*step.count = int(result.RowsAffected)
			}
		}
		if err := eraseResponses(tx, &erased, "wave_id = ? AND completed_at IS NULL", int64(wave)); err != nil {
			return err
		}
		erased.Waves = erased.Waves[:1]
		result := tx.Exec("DELETE FROM invitations WHERE wave_id = ?", int64(wave))
		if result.Error != nil {
			return result.Error
		}
		erased.Invitations = int(result.RowsAffected)
		return tx.Exec("UPDATE waves SET generation = generation + 1, state = 'closed', erased_at = coalesce(erased_at, "+s.now()+") WHERE id = ?", int64(wave)).Error
	})
	s.waveChanges.Add(1)
	if err != nil {
		return Erased{}, fmt.Errorf("erase the personal data of wave %d: %w", wave, classify(err))
	}
	s.forgetErased(ctx)
	return erased, nil
}

// forgetErased removes what erased rows leave behind in the files. SQLite overwrites what is deleted, but not what
// moved to another page before: it writes the whole file anew, which takes seconds for some hundred megabytes, and
// writers wait. It may fail, which is logged: the rows are gone, traces of them may not be.
func (s *Store) forgetErased(ctx context.Context) {
	var err error
	if s.engine == postgresEngine {
		err = s.write.WithContext(ctx).Exec("VACUUM (TRUNCATE false) people, invitations, mails, drafts, sealed, responses").Error
	} else {
		err = s.writer.alone(func() error {
			err := s.writer.db.WithContext(ctx).Exec("VACUUM").Error
			s.writer.tidyAt = 0
			s.writer.tidy()
			return err
		})
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "traces of erased rows may be in the files until they are vacuumed", slog.Any("error", classify(err)))
	}
}

// FreeText is a response in which somebody may be named.
type FreeText struct {
	Wave     survey.WaveID
	Version  survey.VersionID
	Response survey.ResponseID
	Answers  []byte // JSON
}

// freeTextChunk is how many responses are read at a time.
const freeTextChunk = 2000

// FreeTexts yields the responses of an organisation, drafts included, in which a text contains one of some words,
// whatever its case and diacritics. It reads all responses there are; what is sealed it cannot read. Between two
// of them the store may be used.
func (s *Store) FreeTexts(ctx context.Context, organisation survey.OrganisationID, words []string) iter.Seq2[FreeText, error] {
	var wanted []string
	for _, word := range words {
		if folded := survey.Fold(word); folded != "" {
			wanted = append(wanted, folded)
		}
	}
	return func(yield func(FreeText, error) bool) {
		if len(wanted) == 0 {
			return
		}
		after := "00000000000000000000000000000000"
		for {
			var rows []struct {
				ID                responseID
				WaveID, VersionID int64
				Answers           []byte
			}
			err := s.read.WithContext(ctx).Raw("SELECT id, wave_id, version_id, answers FROM responses WHERE organisation_id = ? AND id > ? ORDER BY id LIMIT ?",
				int64(organisation), after, freeTextChunk).Scan(&rows).Error
			if err != nil {
				yield(FreeText{}, fmt.Errorf("look for texts: %w", classify(err)))
				return
			}
			for _, row := range rows {
				after = string(row.ID)
				text := FreeText{Wave: survey.WaveID(row.WaveID), Version: survey.VersionID(row.VersionID), Response: survey.ResponseID(row.ID), Answers: row.Answers}
				if mentions(row.Answers, wanted) && !yield(text, nil) {
					return
				}
			}
			if len(rows) < freeTextChunk {
				return
			}
		}
	}
}

// mentions reports whether a text in JSON contains one of some folded words.
func mentions(answers []byte, words []string) bool {
	decoder := json.NewDecoder(bytes.NewReader(answers))
	for {
		token, err := decoder.Token()
		if err != nil {
			return false // the end: what is stored is valid JSON
		}
		text, ok := token.(string)
		if !ok {
			continue
		}
		folded := survey.Fold(text)
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(folded, word) }) {
			return true
		}
	}
}

// BlankText stores answers from which texts were taken out over those of a response. Whoever keeps the answers of
// the wave in memory learns of it by [Store.Mark].
func (s *Store) BlankText(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, id survey.ResponseID, answers []byte) error {
	text, err := storable(answers)
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error {
			if err := found(tx.Exec("UPDATE responses SET answers = ? WHERE id = ? AND organisation_id = ? AND wave_id = ?", text, string(id), int64(organisation), int64(wave))); err != nil {
				return err
			}
			if err := tx.Exec("DELETE FROM comment_reviews WHERE response_id = ?", string(id)).Error; err != nil { // of a text that is another one now
				return err
			}
			return tx.Exec("UPDATE waves SET generation = generation + 1 WHERE id = ?", int64(wave)).Error
		})
	}
	if err != nil {
		return fmt.Errorf("blank a text of response %s: %w", id, classify(err))
	}
	return nil
}
