package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// deleteChunk is how many rows are deleted in one transaction: others write in between.
const deleteChunk = 2000

// DeleteOrganisation deletes an organisation for good, with everything that is its own: waves, answers, people,
// questionnaires, memberships, tokens and views. Users stay, and so does the audit trail, which holds no answers.
//
// name is the organisation's, as whoever wants this typed it; another one is [survey.ErrOtherName]. by says who it
// was and when: it becomes two lines of the instance's trail, one before anything goes and one, with what was deleted,
// when all is gone. The organisation that was there first is [survey.ErrStays].
//
// It is archived at once, and its rows go in many small transactions. If that is interrupted, the organisation
// stays archived, with what is left of it, and can be deleted again. Rows that somebody adds meanwhile are
// [survey.ErrConflict].
func (s *Store) DeleteOrganisation(ctx context.Context, id survey.OrganisationID, name string, by survey.AuditEvent) error {
	err := s.deleteOrganisation(ctx, id, name, &by)
	s.waveChanges.Add(1)
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("something was added to it meanwhile: %w: %w", survey.ErrConflict, err)
	}
	if err != nil {
		return fmt.Errorf("delete organisation %d: %w", id, classify(err))
	}
	s.forgetErased(ctx)
	return nil
}

func (s *Store) deleteOrganisation(ctx context.Context, id survey.OrganisationID, name string, by *survey.AuditEvent) error {
	if by.At.IsZero() {
		return errors.New("it is not said when")
	}
	err := s.change(ctx, func(tx *gorm.DB) error {
		var stored string
		err := found(tx.Raw("SELECT name FROM organisations WHERE id = ?", int64(id)).Scan(&stored))
		switch {
		case err != nil:
			return err
		case id == survey.DefaultOrganisation:
			return survey.ErrStays
		case strings.TrimSpace(name) != strings.TrimSpace(stored):
			return survey.ErrOtherName
		}
		err = tx.Exec("UPDATE organisations SET archived_at = coalesce(archived_at, ?) WHERE id = ?", *utc(&by.At), int64(id)).Error
		if err != nil {
			return err
		}
		event := ofDeletion(by, id, "organisation.deletion_begun", stored)
		return note(tx, &event)
	})
	if err != nil {
		return err
	}
	gone := deletion{store: s, organisation: id, rows: make(map[string]int)}
	for _, step := range []func(context.Context) error{gone.waves, gone.people, gone.versions} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return gone.finish(ctx, by)
}

// A deletion takes the rows of an organisation away, those first that refer to others, and counts them by table.
type deletion struct {
	store        *Store
	organisation survey.OrganisationID
	rows         map[string]int
}

// some deletes rows of a table that a condition holds for, some at a time, until there are none.
func (d *deletion) some(ctx context.Context, table, key, condition string, value any) error {
	for {
		n := 0
		err := d.store.changeOnce(ctx, func(tx *gorm.DB) error {
			result := tx.Exec("DELETE FROM "+table+" WHERE "+condition+" AND "+key+" IN (SELECT "+key+" FROM "+table+" WHERE "+condition+" LIMIT ?)",
				value, value, deleteChunk)
			n = int(result.RowsAffected)
			return result.Error
		})
		d.rows[table] += n
		if err != nil || n == 0 {
			return err
		}
	}
}

// waves deletes waves, each when the many rows that refer to it are gone.
func (d *deletion) waves(ctx context.Context) error {
	var ids []int64
	err := d.store.read.WithContext(ctx).Raw("SELECT id FROM waves WHERE organisation_id = ? ORDER BY id", int64(d.organisation)).Scan(&ids).Error
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, table := range []struct{ name, key string }{
			{"mails", "id"}, {"responses", "id"}, {"sealed", "id"}, {"drafts", "key_hash"}, {"invitations", "id"},
		} {
			if err := d.some(ctx, table.name, table.key, "wave_id = ?", id); err != nil {
				return err
			}
		}
		err := d.store.DeleteWave(ctx, d.organisation, survey.WaveID(id))
		if err != nil && !errors.Is(err, survey.ErrNotFound) {
			return err
		}
		d.rows["waves"]++
	}
	return nil
}

// people deletes the panel and what its attributes are.
func (d *deletion) people(ctx context.Context) error {
	for _, table := range []string{"people", "attribute_changes"} {
		if err := d.some(ctx, table, "id", "organisation_id = ?", int64(d.organisation)); err != nil {
			return err
		}
	}
	return d.store.change(ctx, func(tx *gorm.DB) error {
		for _, table := range []string{"attribute_values", "attributes"} {
			if err := tx.Exec("DELETE FROM "+table+" WHERE organisation_id = ?", int64(d.organisation)).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// versions deletes questionnaires one by one: the database looks through all responses of everybody each time,
// whether one was answered.
func (d *deletion) versions(ctx context.Context) error {
	var ids []int64
	err := d.store.read.WithContext(ctx).Raw("SELECT id FROM versions WHERE organisation_id = ? ORDER BY id", int64(d.organisation)).Scan(&ids).Error
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.some(ctx, "versions", "id", "id = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// finish deletes what is left, the organisation itself last, and says so in the audit trail.
func (d *deletion) finish(ctx context.Context, by *survey.AuditEvent) error {
	return d.store.change(ctx, func(tx *gorm.DB) error {
		if err := d.store.holdOrganisation(tx, d.organisation); err != nil {
			return err
		}
		var name string
		if err := tx.Raw("SELECT name FROM organisations WHERE id = ?", int64(d.organisation)).Scan(&name).Error; err != nil {
			return err
		}
		for _, table := range []string{"views", "members", "group_roles"} { // with viewers, roles and tokens
			if err := tx.Exec("DELETE FROM "+table+" WHERE organisation_id = ?", int64(d.organisation)).Error; err != nil {
				return err
			}
		}
		if err := tx.Exec("DELETE FROM organisations WHERE id = ?", int64(d.organisation)).Error; err != nil {
			return err
		}
		event := ofDeletion(by, d.organisation, "organisation.deleted", name)
		for _, table := range []string{"waves", "people", "versions"} {
			event.Details[table] = strconv.Itoa(d.rows[table])
		}
		event.Details["responses"] = strconv.Itoa(d.rows["responses"] + d.rows["sealed"])
		return note(tx, &event)
	})
}

// ofDeletion returns an event of the instance: the organisation, whose trail it would be in, goes.
func ofDeletion(by *survey.AuditEvent, id survey.OrganisationID, action, name string) survey.AuditEvent {
	event := *by
	event.Organisation, event.Action, event.Subject = 0, action, fmt.Sprintf("organisation %d", id)
	event.Details = map[string]string{"name": name}
	return event
}
