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

// Attributes returns what an organisation's panel knows of people, by key, with every value that was given and how
// many active people have it.
func (s *Store) Attributes(ctx context.Context, organisation survey.OrganisationID) ([]survey.Attribute, error) {
	attributes, err := s.attributes(ctx, organisation)
	if err == nil {
		err = s.countValues(ctx, organisation, attributes)
	}
	if err != nil {
		return nil, fmt.Errorf("attributes of organisation %d: %w", organisation, classify(err))
	}
	return attributes, nil
}

// AttributesAlone returns what [Store.Attributes] does without counting people, which takes a second where there are
// 100,000 of them: every value has 0.
func (s *Store) AttributesAlone(ctx context.Context, organisation survey.OrganisationID) ([]survey.Attribute, error) {
	attributes, err := s.attributes(ctx, organisation)
	if err != nil {
		return nil, fmt.Errorf("attributes of organisation %d: %w", organisation, classify(err))
	}
	return attributes, nil
}

// attributes reads attributes and their values, without counting people.
func (s *Store) attributes(ctx context.Context, organisation survey.OrganisationID) ([]survey.Attribute, error) {
	var rows []struct {
		Key, Name, Type string
		ID              *int64
		Given, Read     *string
		IntoID          *int64
	}
	err := s.read.WithContext(ctx).Raw(`
		SELECT a.key, a.name, a.type, v.id, v.given, v.name AS read, v.into_id
		FROM attributes a LEFT JOIN attribute_values v ON v.organisation_id = a.organisation_id AND v.attribute_key = a.key
		WHERE a.organisation_id = ?`, int64(organisation)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]*survey.Attribute)
	var attributes []*survey.Attribute
	for _, row := range rows {
		a, ok := byKey[row.Key]
		if !ok {
			a = &survey.Attribute{Organisation: organisation, Key: row.Key, Name: row.Name, Type: survey.AttributeType(row.Type)}
			byKey[row.Key] = a
			attributes = append(attributes, a)
		}
		if row.ID == nil {
			continue
		}
		v := survey.AttributeValue{ID: *row.ID, Given: *row.Given, Name: *row.Read}
		if row.IntoID != nil {
			v.Into = *row.IntoID
		}
		a.Values = append(a.Values, v)
	}
	sorted := make([]survey.Attribute, len(attributes))
	for i, a := range attributes { // here and not in SQL: the same order on both engines
		slices.SortFunc(a.Values, func(a, b survey.AttributeValue) int { return compareTexts(a.Given, b.Given) })
		sorted[i] = *a
	}
	slices.SortFunc(sorted, func(a, b survey.Attribute) int { return compareTexts(a.Key, b.Key) })
	return sorted, nil
}

// compareTexts puts texts in the order that people look for them.
func compareTexts(a, b string) int {
	switch fa, fb := survey.Fold(a), survey.Fold(b); {
	case fa < fb:
		return -1
	case fa > fb:
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// countValues counts the active people who were given each value.
func (s *Store) countValues(ctx context.Context, organisation survey.OrganisationID, attributes []survey.Attribute) error {
	each := "json_each(people.attributes) AS a"
	if s.engine == postgresEngine {
		each = "jsonb_each_text(people.attributes) AS a"
	}
	var counts []struct {
		Key, Value string
		People     int
	}
	err := s.read.WithContext(ctx).Raw("SELECT a.key, a.value, count(*) AS people FROM people, "+each+
		" WHERE people.organisation_id = ? AND people.active GROUP BY a.key, a.value", int64(organisation)).Scan(&counts).Error
	if err != nil {
		return err
	}
	people := make(map[[2]string]int, len(counts))
	for _, c := range counts {
		people[[2]string{c.Key, c.Value}] = c.People
	}
	for i := range attributes {
		for j := range attributes[i].Values {
			attributes[i].Values[j].People = people[[2]string{attributes[i].Key, attributes[i].Values[j].Given}]
		}
	}
	return nil
}

// SaveAttribute stores the name and the type of an attribute, a new one or one that is known. Its values are not
// touched, but for those that people were given while it was of another type: they become known.
func (s *Store) SaveAttribute(ctx context.Context, a survey.Attribute) error {
	if a.Key == "" || a.Name == "" {
		return errors.New("save an attribute: it needs a key and a name")
	}
	err := s.change(ctx, func(tx *gorm.DB) error {
		var before struct{ Name, Type string }
		read := tx.Raw("SELECT name, type FROM attributes WHERE organisation_id = ? AND key = ?", int64(a.Organisation), a.Key).Scan(&before)
		if read.Error != nil {
			return read.Error
		}
		err := tx.Exec(`INSERT INTO attributes (organisation_id, key, name, type) VALUES (?, ?, ?, ?)
			ON CONFLICT (organisation_id, key) DO UPDATE SET name = excluded.name, type = excluded.type`,
			int64(a.Organisation), a.Key, a.Name, string(a.Type)).Error
		if err != nil {
			return err
		}
		if before.Name != a.Name || before.Type != string(a.Type) {
			err := noteChange(tx, a.Organisation, a.Key, "saved", "", described(before.Name, before.Type), described(a.Name, string(a.Type)))
			if err != nil {
				return err
			}
		}
		if a.Type != survey.TextAttribute {
			return nil
		}
		return tx.Exec(`
			INSERT INTO attribute_values (organisation_id, attribute_key, given, name)
			SELECT DISTINCT organisation_id, ?, `+s.attribute()+`, `+s.attribute()+` FROM people WHERE organisation_id = ? AND `+s.attribute()+` IS NOT NULL
			ON CONFLICT (organisation_id, attribute_key, given) DO NOTHING`, a.Key, a.Key, a.Key, int64(a.Organisation), a.Key).Error
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("organisation %d: %w", a.Organisation, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("save attribute %s: %w", a.Key, classify(err))
	}
	return nil
}

func described(name, kind string) string {
	if name == "" {
		return ""
	}
	return name + " (" + kind + ")"
}

// RenameValue changes how a value of an attribute is read, not what was given.
func (s *Store) RenameValue(ctx context.Context, organisation survey.OrganisationID, id int64, name string) error {
	if name == "" {
		return errors.New("rename a value: the name is empty")
	}
	err := s.changeValue(ctx, organisation, id, func(tx *gorm.DB, v *valueRow) error {
		if v.Name == name {
			return nil
		}
		if err := tx.Exec("UPDATE attribute_values SET name = ? WHERE id = ?", name, id).Error; err != nil {
			return err
		}
		return noteChange(tx, organisation, v.AttributeKey, "renamed", v.Given, v.Name, name)
	})
	if err != nil {
		return fmt.Errorf("rename value %d: %w", id, classify(err))
	}
	return nil
}

// MergeValues makes values of an attribute read as another one of it. Merging a value into one that is merged into
// it, by whatever way, is [survey.ErrConflict]; values of other attributes are [survey.ErrNotFound].
func (s *Store) MergeValues(ctx context.Context, organisation survey.OrganisationID, ids []int64, into int64) error {
	err := s.changeValue(ctx, organisation, into, func(tx *gorm.DB, target *valueRow) error {
		for _, id := range ids {
			if id == into {
				continue
			}
			v, err := takeValue(tx, organisation, id)
			if err != nil {
				return err
			}
			if err := mergeValue(tx, organisation, &v, target); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("merge values %v into %d: %w", ids, into, classify(err))
	}
	return nil
}

func mergeValue(tx *gorm.DB, organisation survey.OrganisationID, v, target *valueRow) error {
	if target.AttributeKey != v.AttributeKey {
		return fmt.Errorf("%q is of another attribute: %w", target.Given, survey.ErrNotFound)
	}
	for at := *target; at.IntoID != nil; { // up the chain: nobody makes a circle meanwhile, writers wait for the attribute
		if *at.IntoID == v.ID {
			return fmt.Errorf("%q is merged into it: %w", target.Given, survey.ErrConflict)
		}
		var err error
		if at, err = takeValue(tx, organisation, *at.IntoID); err != nil {
			return err
		}
	}
	if err := tx.Exec("UPDATE attribute_values SET into_id = ? WHERE id = ?", target.ID, v.ID).Error; err != nil {
		return err
	}
	return noteChange(tx, organisation, v.AttributeKey, "merged", v.Given, v.Name, target.Name)
}

// SplitValue takes a merge back: the value reads by its own name again.
func (s *Store) SplitValue(ctx context.Context, organisation survey.OrganisationID, id int64) error {
	err := s.changeValue(ctx, organisation, id, func(tx *gorm.DB, v *valueRow) error {
		if v.IntoID == nil {
			return nil
		}
		target, err := takeValue(tx, organisation, *v.IntoID)
		if err != nil {
			return err
		}
		if err := tx.Exec("UPDATE attribute_values SET into_id = NULL WHERE id = ?", id).Error; err != nil {
			return err
		}
		return noteChange(tx, organisation, v.AttributeKey, "split", v.Given, target.Name, v.Name)
	})
	if err != nil {
		return fmt.Errorf("split value %d: %w", id, classify(err))
	}
	return nil
}

// valueRow is a row of the table attribute_values.
type valueRow struct {
	ID           int64
	AttributeKey string
	Given        string
	Name         string
	IntoID       *int64
}

func takeValue(tx *gorm.DB, organisation survey.OrganisationID, id int64) (valueRow, error) {
	var v valueRow
	err := found(tx.Raw("SELECT id, attribute_key, given, name, into_id FROM attribute_values WHERE organisation_id = ? AND id = ?", int64(organisation), id).Scan(&v))
	return v, err
}

// changeValue changes a value while nobody else changes its attribute.
func (s *Store) changeValue(ctx context.Context, organisation survey.OrganisationID, id int64, change func(tx *gorm.DB, v *valueRow) error) error {
	return s.change(ctx, func(tx *gorm.DB) error {
		v, err := takeValue(tx, organisation, id)
		if err != nil {
			return err
		}
		if s.engine == postgresEngine {
			err := tx.Exec("SELECT 1 FROM attributes WHERE organisation_id = ? AND key = ? FOR UPDATE", int64(organisation), v.AttributeKey).Error
			if err != nil {
				return err
			}
			if v, err = takeValue(tx, organisation, id); err != nil { // as it is now that it is ours
				return err
			}
		}
		return change(tx, &v)
	})
}

// AttributeChange is one line of the history of an organisation's attributes.
type AttributeChange struct {
	Attribute string // its key
	At        time.Time
	Change    string // "saved", "renamed", "merged" or "split"
	Given     string // the value; "" is the attribute itself
	Before    string // as it was read
	After     string // and is read since
}

// AttributeChanges returns the history of an organisation's attributes, the newest first.
func (s *Store) AttributeChanges(ctx context.Context, organisation survey.OrganisationID) ([]AttributeChange, error) {
	var rows []struct {
		AttributeKey, Change, Given, Before, After string
		ChangedAt                                  time.Time
	}
	err := s.read.WithContext(ctx).Raw("SELECT attribute_key, changed_at, change, given, before, after FROM attribute_changes WHERE organisation_id = ? ORDER BY id DESC",
		int64(organisation)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("history of attributes of organisation %d: %w", organisation, classify(err))
	}
	changes := make([]AttributeChange, len(rows))
	for i, row := range rows {
		changes[i] = AttributeChange{Attribute: row.AttributeKey, At: row.ChangedAt.UTC(), Change: row.Change, Given: row.Given, Before: row.Before, After: row.After}
	}
	return changes, nil
}

func noteChange(tx *gorm.DB, organisation survey.OrganisationID, attribute, change, given, before, after string) error {
	return tx.Exec("INSERT INTO attribute_changes (organisation_id, attribute_key, change, given, before, after) VALUES (?, ?, ?, ?, ?, ?)",
		int64(organisation), attribute, change, given, before, after).Error
}
