package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// ImportOptions say what an import does with people who are known, or who are missing.
type ImportOptions struct {
	Update            bool // people whose key is known are updated; otherwise they are left as they are
	DeactivateMissing bool // active people who are not among those imported become inactive
}

// ImportResult says what an import did.
type ImportResult struct {
	New, Updated, Unchanged int
	Skipped                 int // known, and left as they are
	Deactivated             int
}

// peopleBatch is how many people are looked up and stored together.
const peopleBatch = 1000

// ImportPeople stores people by their keys, in one transaction: if one of them cannot be stored, or the sequence
// ends in an error, none is. The same key twice is [survey.ErrConflict]. Ids and times of those given are ignored.
//
// Of people who are known, name, address and language are kept where the import has none, and attributes that it
// does not have; an attribute that is given as "" is removed. An address that changed has bounced no mail. Whether
// somebody wants mail does not change. Attributes that were unknown become text attributes named by their key.
//
// The sequence must not use the store: on SQLite it would wait for itself.
func (s *Store) ImportPeople(ctx context.Context, organisation survey.OrganisationID, people iter.Seq2[survey.Person, error], options ImportOptions) (ImportResult, error) {
	var result ImportResult
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := s.planAnew(tx); err != nil {
			return err
		}
		in := peopleImport{
			store: s, tx: tx, organisation: organisation, options: options,
			seen: make(map[string]struct{}), values: newKnownValues(organisation),
		}
		for p, err := range people {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := in.add(&p); err != nil {
				return fmt.Errorf("person %d: %w", len(in.seen), err)
			}
		}
		if err := in.flush(); err != nil {
			return err
		}
		if err := in.values.save(tx); err != nil {
			return err
		}
		if options.DeactivateMissing {
			if err := in.deactivateMissing(); err != nil {
				return err
			}
		}
		result = in.result
		return nil
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = fmt.Errorf("organisation %d: %w", organisation, survey.ErrNotFound)
	}
	if err != nil {
		return ImportResult{}, fmt.Errorf("import people: %w", classify(err))
	}
	return result, nil
}

// peopleImport is an import under way.
type peopleImport struct {
	store        *Store
	tx           *gorm.DB
	organisation survey.OrganisationID
	options      ImportOptions

	seen   map[string]struct{} // keys
	batch  []survey.Person
	values *knownValues
	result ImportResult
}

func (in *peopleImport) add(p *survey.Person) error {
	if err := checkPerson(p); err != nil {
		return err
	}
	if _, ok := in.seen[p.Key]; ok {
		return fmt.Errorf("key %q is there twice: %w", p.Key, survey.ErrConflict)
	}
	in.seen[p.Key] = struct{}{}
	in.batch = append(in.batch, *p)
	if len(in.batch) == peopleBatch {
		return in.flush()
	}
	return nil
}

// flush stores the batch.
func (in *peopleImport) flush() error {
	if len(in.batch) == 0 {
		return nil
	}
	known, err := in.known()
	if err != nil {
		return err
	}
	rows := newBulk(in.tx, "people", "organisation_id, key, address, mailbox, name, language, attributes, search, active", `
		ON CONFLICT (organisation_id, key) DO UPDATE SET address = excluded.address, mailbox = excluded.mailbox, name = excluded.name,
			language = excluded.language, attributes = excluded.attributes, search = excluded.search, active = excluded.active,
			bounced_at = CASE WHEN people.mailbox = excluded.mailbox THEN people.bounced_at END,
			bounce_reason = CASE WHEN people.mailbox = excluded.mailbox THEN people.bounce_reason ELSE '' END,
			updated_at = `+in.store.now())
	var moved []int64
	for i := range in.batch {
		p := &in.batch[i]
		if before, ok := known[p.Key]; ok {
			if !in.options.Update {
				in.result.Skipped++
				continue
			}
			merge(p, &before)
			if samePerson(p, &before) {
				in.result.Unchanged++
				continue
			}
			if mailbox(p.Address) != mailbox(before.Address) {
				moved = append(moved, int64(before.ID))
			}
			in.result.Updated++
		} else {
			in.result.New++
		}
		in.values.note(p)
		attributes, err := attributesOf(p)
		if err != nil {
			return err
		}
		err = rows.add(int64(in.organisation), p.Key, p.Address, mailbox(p.Address), p.Name, string(p.Language), attributes, searchable(p), p.Active)
		if err != nil {
			return err
		}
	}
	in.batch = in.batch[:0]
	if err := rows.flush(); err != nil {
		return err
	}
	return reachableAgain(in.tx, moved)
}

// known returns the people of the batch who are stored already, by key.
func (in *peopleImport) known() (map[string]survey.Person, error) {
	keys := make([]string, len(in.batch))
	for i := range in.batch {
		keys[i] = in.batch[i].Key
	}
	people, err := peopleIn(in.tx, in.organisation, "key", keys)
	known := make(map[string]survey.Person, len(people))
	for _, p := range people {
		known[p.Key] = p
	}
	return known, err
}

// peopleIn returns the people of whom a column has one of up to a thousand values. The transaction must plan anew;
// see [Store.planAnew].
func peopleIn(tx *gorm.DB, organisation survey.OrganisationID, column string, values []string) ([]survey.Person, error) {
	return findPeople(tx.Where("organisation_id = ? AND "+column+" <> '' AND "+column+" IN ?", int64(organisation), values))
}

// planAnew lets PostgreSQL plan every statement of a transaction for the values it comes with. It would plan for any
// values from the sixth time on, and for the table as it is then: empty, in a first import. A thousand values are then
// compared with every row one by one, which takes minutes for 100,000 people.
func (s *Store) planAnew(tx *gorm.DB) error {
	if s.engine != postgresEngine {
		return nil
	}
	return tx.Exec("SET LOCAL plan_cache_mode = force_custom_plan").Error
}

// merge completes what an import says of a person by what was known.
func merge(p, before *survey.Person) {
	if p.Name == "" {
		p.Name = before.Name
	}
	if p.Address == "" {
		p.Address = before.Address
	}
	if p.Language == "" {
		p.Language = before.Language
	}
	attributes := maps.Clone(before.Attributes)
	if attributes == nil {
		attributes = make(map[string]string, len(p.Attributes))
	}
	for key, value := range p.Attributes {
		if value == "" {
			delete(attributes, key)
		} else {
			attributes[key] = value
		}
	}
	p.Attributes = attributes
}

func samePerson(a, b *survey.Person) bool {
	return a.Name == b.Name && a.Address == b.Address && a.Language == b.Language && a.Active == b.Active && maps.Equal(a.Attributes, b.Attributes)
}

// deactivateMissing makes those inactive who were not imported.
func (in *peopleImport) deactivateMissing() error {
	var active []struct {
		ID  int64
		Key string
	}
	if err := in.tx.Raw("SELECT id, key FROM people WHERE organisation_id = ? AND active", int64(in.organisation)).Scan(&active).Error; err != nil {
		return err
	}
	var missing []int64
	for _, p := range active {
		if _, ok := in.seen[p.Key]; !ok {
			missing = append(missing, p.ID)
		}
	}
	for chunk := range slices.Chunk(missing, 1000) {
		err := in.tx.Exec("UPDATE people SET active = false, updated_at = "+in.store.now()+" WHERE id IN ?", chunk).Error
		if err != nil {
			return err
		}
	}
	in.result.Deactivated = len(missing)
	return nil
}

// knownValues gathers values of attributes, and makes those known that were never given before.
type knownValues struct {
	organisation survey.OrganisationID
	given        map[string]map[string]struct{} // by attribute
}

func newKnownValues(organisation survey.OrganisationID) *knownValues {
	return &knownValues{organisation: organisation, given: make(map[string]map[string]struct{})}
}

func (k *knownValues) note(p *survey.Person) {
	for key, value := range p.Attributes {
		if value == "" {
			continue
		}
		if k.given[key] == nil {
			k.given[key] = make(map[string]struct{})
		}
		k.given[key][value] = struct{}{}
	}
}

func (k *knownValues) save(tx *gorm.DB) error {
	if len(k.given) == 0 {
		return nil
	}
	attributes := newBulk(tx, "attributes", "organisation_id, key, name, type", " ON CONFLICT (organisation_id, key) DO NOTHING")
	for _, key := range slices.Sorted(maps.Keys(k.given)) {
		if err := attributes.add(int64(k.organisation), key, key, string(survey.TextAttribute)); err != nil {
			return err
		}
	}
	if err := attributes.flush(); err != nil {
		return err
	}
	var texts []string
	err := tx.Raw("SELECT key FROM attributes WHERE organisation_id = ? AND type = 'text' ORDER BY key", int64(k.organisation)).Scan(&texts).Error
	if err != nil {
		return err
	}
	values := newBulk(tx, "attribute_values", "organisation_id, attribute_key, given, name", " ON CONFLICT (organisation_id, attribute_key, given) DO NOTHING")
	for _, key := range texts {
		for _, given := range slices.Sorted(maps.Keys(k.given[key])) {
			if err := values.add(int64(k.organisation), key, given, given); err != nil {
				return err
			}
		}
	}
	return values.flush()
}
