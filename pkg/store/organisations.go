package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// organisationRow is what is read of a row of the table organisations.
type organisationRow struct {
	ID         int64
	Name       string
	Languages  []byte // JSON
	Accent     string
	Logo       []byte
	LogoKind   string
	Threshold  int
	Comments   int
	Retention  int
	CreatedAt  time.Time
	ArchivedAt *time.Time
}

// organisationColumns are the columns of an organisation without its logo, in a query that calls the table o.
const organisationColumns = "o.id, o.name, o.languages, o.accent, o.logo_kind, o.threshold, o.comments, o.retention, o.created_at, o.archived_at"

func (row *organisationRow) organisation() (survey.Organisation, error) {
	o := survey.Organisation{
		ID: survey.OrganisationID(row.ID), Name: row.Name, Accent: row.Accent, Logo: row.Logo, LogoKind: row.LogoKind,
		Threshold: row.Threshold, Comments: row.Comments, Retention: row.Retention, Created: row.CreatedAt.UTC(), Archived: utc(row.ArchivedAt),
	}
	var languages []survey.Language
	if err := json.Unmarshal(row.Languages, &languages); err != nil {
		return o, fmt.Errorf("languages of organisation %d, as stored: %w", row.ID, err)
	}
	if len(languages) > 0 {
		o.Languages = languages
	}
	return o, nil
}

// organisationValues returns what is stored of an organisation, in the order of name, languages, accent, logo_kind,
// threshold, comments, retention, archived_at.
func organisationValues(o *survey.Organisation) ([]any, error) {
	languages, err := json.Marshal(append([]survey.Language{}, o.Languages...))
	if err != nil {
		return nil, err
	}
	return []any{o.Name, string(languages), strings.ToLower(o.Accent), o.LogoKind, o.Threshold, o.Comments, o.Retention, utc(o.Archived)}, nil
}

// nilIfEmpty returns bytes as they are stored where none are NULL.
func nilIfEmpty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// checkOrganisation returns why an organisation cannot be stored, or nil.
func checkOrganisation(o *survey.Organisation) error {
	switch {
	case strings.TrimSpace(o.Name) == "" || strings.ContainsRune(o.Name, 0):
		return errors.New("its name is empty, or has the character 0")
	case o.Threshold < 1 || o.Comments < o.Threshold:
		return fmt.Errorf("thresholds of %d and of %d for comments: the first is at least 1, the second at least the first", o.Threshold, o.Comments)
	case o.Retention < 0:
		return fmt.Errorf("a retention of %d days", o.Retention)
	}
	return nil
}

// CreateOrganisation stores an organisation and fills in its id and when it was created, and its thresholds where
// they are 0: [survey.UsualThreshold] and [survey.UsualComments]. Nobody works in it yet: see [Store.SetRoles].
func (s *Store) CreateOrganisation(ctx context.Context, o *survey.Organisation) error {
	created := *o
	created.Threshold = cmp.Or(created.Threshold, survey.UsualThreshold)
	created.Comments = cmp.Or(created.Comments, max(created.Threshold, survey.UsualComments))
	err := checkOrganisation(&created)
	if err == nil {
		err = s.createOrganisation(ctx, &created)
	}
	if err != nil {
		return fmt.Errorf("create organisation %q: %w", o.Name, classify(err))
	}
	*o = created
	return nil
}

func (s *Store) createOrganisation(ctx context.Context, o *survey.Organisation) error {
	values, err := organisationValues(o)
	if err != nil {
		return err
	}
	var row organisationRow
	err = s.change(ctx, func(tx *gorm.DB) error {
		return returning(tx, &row, `
			INSERT INTO organisations (name, languages, accent, logo_kind, threshold, comments, retention, archived_at, logo)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, created_at`, append(values, nilIfEmpty(o.Logo))...)
	})
	o.ID, o.Created = survey.OrganisationID(row.ID), row.CreatedAt.UTC()
	return err
}

// Organisation returns an organisation with its logo, archived or not, or [survey.ErrNotFound].
func (s *Store) Organisation(ctx context.Context, id survey.OrganisationID) (survey.Organisation, error) {
	o, err := takeOrganisation(s.read.WithContext(ctx), id)
	if err != nil {
		return survey.Organisation{}, fmt.Errorf("organisation %d: %w", id, classify(err))
	}
	return o, nil
}

// takeOrganisation reads an organisation with its logo.
func takeOrganisation(db *gorm.DB, id survey.OrganisationID) (survey.Organisation, error) {
	var row organisationRow
	if err := found(db.Raw("SELECT "+organisationColumns+", o.logo FROM organisations o WHERE o.id = ?", int64(id)).Scan(&row)); err != nil {
		return survey.Organisation{}, err
	}
	return row.organisation()
}

// Organisations returns all organisations by name, those that are archived too, without their logos.
func (s *Store) Organisations(ctx context.Context) ([]survey.Organisation, error) {
	var rows []organisationRow
	err := s.read.WithContext(ctx).Raw("SELECT " + organisationColumns + " FROM organisations o ORDER BY lower(o.name), o.id").Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("organisations: %w", classify(err))
	}
	organisations := make([]survey.Organisation, len(rows))
	for i := range rows {
		if organisations[i], err = rows[i].organisation(); err != nil {
			return nil, err
		}
	}
	return organisations, nil
}

// SaveOrganisation stores everything of an organisation but when it was created and whether it is archived
// ([Store.ArchiveOrganisation]), over whatever others have stored meanwhile: whoever has shown somebody what is stored
// uses [Store.ChangeOrganisation]. A LogoKind without a Logo, as in lists, leaves the logo that is stored.
func (s *Store) SaveOrganisation(ctx context.Context, o survey.Organisation) error {
	return s.ChangeOrganisation(ctx, o.ID, func(stored *survey.Organisation) error {
		if len(o.Logo) == 0 && o.LogoKind != "" {
			o.Logo = stored.Logo
		}
		*stored = o
		return nil
	})
}

// ChangeOrganisation changes an organisation: change is handed it as it is stored, with its logo, and says what it is to
// be, and nobody else changes it meanwhile. What [Store.SaveOrganisation] stores is stored.
//
// change may be called more than once, and must not use the store; an error of its own is returned, and nothing is
// stored.
func (s *Store) ChangeOrganisation(ctx context.Context, id survey.OrganisationID, change func(*survey.Organisation) error) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := s.holdOrganisation(tx, id); err != nil {
			return err
		}
		o, err := takeOrganisation(tx, id)
		if err == nil {
			err = change(&o)
		}
		if err != nil {
			return err
		}
		if err := checkOrganisation(&o); err != nil {
			return err
		}
		values, err := organisationValues(&o)
		if err != nil {
			return err
		}
		values = values[:len(values)-1] // when it was archived
		return found(tx.Exec(`
			UPDATE organisations SET name = ?, languages = ?, accent = ?, logo_kind = ?, threshold = ?, comments = ?, retention = ?, logo = ?
			WHERE id = ?`, append(values, nilIfEmpty(o.Logo), int64(id))...))
	})
	s.waveChanges.Add(1)
	if err != nil {
		return fmt.Errorf("save organisation %d: %w", id, classify(err))
	}
	return nil
}

// ArchiveOrganisation stops an organisation from now on: nobody works in it, its waves take no answers, none of its mails
// is sent, and tokens of the API do not work. Nothing is lost. One that is archived already stays so since then.
func (s *Store) ArchiveOrganisation(ctx context.Context, id survey.OrganisationID, now time.Time) error {
	return s.setArchived(ctx, id, "coalesce(archived_at, ?)", utc(&now))
}

// RestoreOrganisation takes back [Store.ArchiveOrganisation]: mail that waited goes out.
func (s *Store) RestoreOrganisation(ctx context.Context, id survey.OrganisationID) error {
	return s.setArchived(ctx, id, "?", nil)
}

func (s *Store) setArchived(ctx context.Context, id survey.OrganisationID, to string, at *time.Time) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("UPDATE organisations SET archived_at = "+to+" WHERE id = ?", at, int64(id)))
	})
	s.waveChanges.Add(1)
	if err != nil {
		return fmt.Errorf("archive or restore organisation %d: %w", id, classify(err))
	}
	return nil
}

// archived is the SQL for the ids of organisations that are archived, a list that is mostly empty.
const archived = "(SELECT id FROM organisations WHERE archived_at IS NOT NULL)"

// holdOrganisation keeps others from changing who works in an organisation until the transaction ends. Rows that
// refer to the organisation can be stored meanwhile.
func (s *Store) holdOrganisation(tx *gorm.DB, id survey.OrganisationID) error {
	lock := " FOR NO KEY UPDATE"
	if s.engine == sqliteEngine {
		lock = ""
	}
	var held int64
	return found(tx.Raw("SELECT id FROM organisations WHERE id = ?"+lock, int64(id)).Scan(&held))
}
