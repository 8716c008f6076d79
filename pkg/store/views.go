package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// viewRow is what is read of a row of the table views.
type viewRow struct {
	ID             int64
	OrganisationID int64
	Name           string
	Query          string
	MakerID        *int64
	CreatedAt      time.Time
}

// CreateView stores a view and to whom it is named, and fills in its id and when it was created. A viewer who is no
// member of the organisation is [survey.ErrNotFound], and so are a maker and an organisation that do not exist.
func (s *Store) CreateView(ctx context.Context, v *survey.View) error {
	var row viewRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		err := returning(tx, &row, "INSERT INTO views (organisation_id, name, query, maker_id) VALUES (?, ?, ?, ?) RETURNING id, created_at",
			int64(v.Organisation), v.Name, v.Query, userOrNull(v.Maker))
		if err != nil {
			return err
		}
		return nameTo(tx, v.Organisation, row.ID, v.Viewers)
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("create a view of organisation %d: %w", v.Organisation, classify(err))
	}
	v.ID, v.Created = survey.ViewID(row.ID), row.CreatedAt.UTC()
	return nil
}

// nameTo stores to whom a view is named, who are members of its organisation.
func nameTo(tx *gorm.DB, organisation survey.OrganisationID, view int64, viewers []survey.UserID) error {
	rows := newBulk(tx, "view_viewers", "view_id, organisation_id, user_id", " ON CONFLICT DO NOTHING")
	for _, viewer := range viewers {
		if err := rows.add(view, int64(organisation), int64(viewer)); err != nil {
			return err
		}
	}
	return rows.flush()
}

// View returns a view of an organisation, or [survey.ErrNotFound].
func (s *Store) View(ctx context.Context, organisation survey.OrganisationID, id survey.ViewID) (survey.View, error) {
	views, err := takeViews(s.read.WithContext(ctx), "v.organisation_id = ? AND v.id = ?", int64(organisation), int64(id))
	if err == nil && len(views) == 0 {
		err = survey.ErrNotFound
	}
	if err != nil {
		return survey.View{}, fmt.Errorf("view %d: %w", id, classify(err))
	}
	return views[0], nil
}

// Views returns the views of an organisation by name.
func (s *Store) Views(ctx context.Context, organisation survey.OrganisationID) ([]survey.View, error) {
	views, err := takeViews(s.read.WithContext(ctx), "v.organisation_id = ?", int64(organisation))
	if err != nil {
		return nil, fmt.Errorf("views of organisation %d: %w", organisation, classify(err))
	}
	return views, nil
}

// takeViews reads the views that a condition holds for, by name.
func takeViews(db *gorm.DB, condition string, values ...any) ([]survey.View, error) {
	var rows []viewRow
	err := db.Raw("SELECT v.id, v.organisation_id, v.name, v.query, v.maker_id, v.created_at FROM views v WHERE "+condition+
		" ORDER BY lower(v.name), v.id", values...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	var viewers []struct{ ViewID, UserID int64 }
	err = db.Raw("SELECT w.view_id, w.user_id FROM view_viewers w JOIN views v ON v.id = w.view_id WHERE "+condition+
		" ORDER BY w.view_id, w.user_id", values...).Scan(&viewers).Error
	if err != nil {
		return nil, err
	}
	views := make([]survey.View, len(rows))
	for i, row := range rows {
		views[i] = survey.View{
			ID: survey.ViewID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Name: row.Name, Query: row.Query, Created: row.CreatedAt.UTC(),
		}
		if row.MakerID != nil {
			views[i].Maker = survey.UserID(*row.MakerID)
		}
	}
	for _, viewer := range viewers {
		at := slices.IndexFunc(views, func(v survey.View) bool { return v.ID == survey.ViewID(viewer.ViewID) })
		if at >= 0 { // it may have been made in between
			views[at].Viewers = append(views[at].Viewers, survey.UserID(viewer.UserID))
		}
	}
	return views, nil
}

// ChangeView gives a view another name, or names it to others: change is handed it as it is stored and says what it is to
// be, and nobody else changes it meanwhile. Its query and its maker stay. A viewer who is no member of the organisation
// is [survey.ErrNotFound], and so is a view that the organisation does not have.
//
// change may be called more than once, and must not use the store; an error of its own is returned, and nothing is
// stored.
func (s *Store) ChangeView(ctx context.Context, organisation survey.OrganisationID, id survey.ViewID, change func(*survey.View) error) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		// Storing what is stored holds the row until the transaction ends, on both engines.
		if err := found(tx.Exec("UPDATE views SET name = name WHERE organisation_id = ? AND id = ?", int64(organisation), int64(id))); err != nil {
			return err
		}
		all, err := takeViews(tx, "v.organisation_id = ? AND v.id = ?", int64(organisation), int64(id))
		if err != nil {
			return err
		}
		v := all[0]
		if err := change(&v); err != nil {
			return err
		}
		v.Organisation, v.ID = organisation, id
		if err := found(tx.Exec("UPDATE views SET name = ? WHERE organisation_id = ? AND id = ?", v.Name, int64(v.Organisation), int64(v.ID))); err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM view_viewers WHERE view_id = ?", int64(v.ID)).Error; err != nil {
			return err
		}
		return nameTo(tx, v.Organisation, int64(v.ID), v.Viewers)
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("save view %d: %w", id, classify(err))
	}
	return nil
}

// DeleteView deletes a view of an organisation, or returns [survey.ErrNotFound].
func (s *Store) DeleteView(ctx context.Context, organisation survey.OrganisationID, id survey.ViewID) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("DELETE FROM views WHERE organisation_id = ? AND id = ?", int64(organisation), int64(id)))
	})
	if err != nil {
		return fmt.Errorf("delete view %d: %w", id, classify(err))
	}
	return nil
}
