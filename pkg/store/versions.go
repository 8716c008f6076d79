package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// versionRow is a row of the table versions.
type versionRow struct {
	ID             int64
	OrganisationID int64
	Code           string
	Number         int
	Source         []byte
	Frames         map[string][]byte `gorm:"serializer:json"`
	StoredAt       time.Time         `gorm:"default:now"` // by the database
}

// TableName tells gorm the name of the table.
func (versionRow) TableName() string { return "versions" }

func (row *versionRow) version() survey.Version {
	if len(row.Frames) == 0 {
		row.Frames = nil
	}
	return survey.Version{
		ID: survey.VersionID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID),
		Code: row.Code, Number: row.Number, Source: row.Source, Frames: row.Frames, Stored: row.StoredAt.UTC(),
	}
}

// SaveVersion stores a version of a questionnaire and fills in its id and when it was stored. The same version
// with the same bytes is stored once, however often it is saved. Other bytes under a number that is taken are
// [survey.ErrConflict]: a questionnaire that changes becomes another version.
func (s *Store) SaveVersion(ctx context.Context, v *survey.Version) error {
	row := versionRow{OrganisationID: int64(v.Organisation), Code: v.Code, Number: v.Number, Source: v.Source, Frames: v.Frames}
	if row.Frames == nil {
		row.Frames = map[string][]byte{} // a questionnaire without code frames has none, which is not NULL
	}
	var stored versionRow
	err := s.change(ctx, func(tx *gorm.DB) error {
		result := tx.Where("organisation_id = ? AND code = ? AND number = ?", row.OrganisationID, row.Code, row.Number).Limit(1).Find(&stored)
		if result.Error != nil || result.RowsAffected > 0 {
			return result.Error
		}
		if err := tx.Omit("StoredAt").Create(&row).Error; err != nil {
			return err
		}
		return tx.Take(&stored, row.ID).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) { // somebody else saved it in between
		err = s.read.WithContext(ctx).Where("organisation_id = ? AND code = ? AND number = ?", row.OrganisationID, row.Code, row.Number).Take(&stored).Error
	}
	if err == nil && (!bytes.Equal(stored.Source, v.Source) || !maps.EqualFunc(stored.Frames, v.Frames, bytes.Equal)) {
		err = survey.ErrConflict
	}
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("organisation %d: %w", v.Organisation, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("save version %d of questionnaire %s: %w", v.Number, v.Code, classify(err))
	}
	v.ID, v.Stored = survey.VersionID(stored.ID), stored.StoredAt.UTC()
	return nil
}

// Version returns a stored version with its source, or [survey.ErrNotFound].
func (s *Store) Version(ctx context.Context, organisation survey.OrganisationID, id survey.VersionID) (survey.Version, error) {
	var row versionRow
	err := s.read.WithContext(ctx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)).Take(&row).Error
	if err != nil {
		return survey.Version{}, fmt.Errorf("version %d: %w", id, classify(err))
	}
	return row.version(), nil
}

// Versions returns an organisation's versions without their sources, by code and number.
func (s *Store) Versions(ctx context.Context, organisation survey.OrganisationID) ([]survey.Version, error) {
	var rows []versionRow
	err := s.read.WithContext(ctx).Select("id", "organisation_id", "code", "number", "stored_at").
		Where("organisation_id = ?", int64(organisation)).Order("code, number").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("versions of organisation %d: %w", organisation, classify(err))
	}
	versions := make([]survey.Version, len(rows))
	for i := range rows {
		versions[i] = rows[i].version()
	}
	return versions, nil
}
