package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// ImportPreview says what an import would do.
type ImportPreview struct {
	ImportResult

	// Twice counts people who would be new, with an address that somebody else in the panel has under another key:
	// most likely the same person, who would be written to twice. First are up to ten such addresses.
	Twice int
	First []string

	Activated int // of those updated, people who are inactive and would not be
}

// twiceNamed is how many addresses an [ImportPreview] names.
const twiceNamed = 10

// PreviewPeople says what [Store.ImportPeople] would do with the same people, and changes nothing. It keeps nobody
// from writing meanwhile: what is stored between the preview and the import can make the two differ.
func (s *Store) PreviewPeople(ctx context.Context, organisation survey.OrganisationID, people iter.Seq2[survey.Person, error], options ImportOptions) (ImportPreview, error) {
	var preview ImportPreview
	err := s.look(ctx, func(tx *gorm.DB) error {
		in := peoplePreview{tx: tx, organisation: organisation, options: options, seen: make(map[string]struct{})}
		for p, err := range people {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if err := in.add(&p); err != nil {
				return err
			}
		}
		if err := in.compare(); err != nil {
			return err
		}
		if options.DeactivateMissing {
			if err := in.countMissing(); err != nil {
				return err
			}
		}
		preview = in.preview
		return nil
	})
	if err != nil {
		return ImportPreview{}, fmt.Errorf("preview of people: %w", classify(err))
	}
	return preview, nil
}

// look reads in one transaction, whose statements are planned for the values they come with.
func (s *Store) look(ctx context.Context, read func(tx *gorm.DB) error) error {
	return s.read.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := s.planAnew(tx); err != nil {
			return err
		}
		return read(tx)
	})
}

// peoplePreview is a preview under way.
type peoplePreview struct {
	tx           *gorm.DB
	organisation survey.OrganisationID
	options      ImportOptions

	seen    map[string]struct{} // keys
	batch   []survey.Person
	preview ImportPreview
}

func (in *peoplePreview) add(p *survey.Person) error {
	if _, ok := in.seen[p.Key]; ok {
		return fmt.Errorf("key %q is there twice: %w", p.Key, survey.ErrConflict)
	}
	in.seen[p.Key] = struct{}{}
	if in.batch = append(in.batch, *p); len(in.batch) < peopleBatch {
		return nil
	}
	return in.compare()
}

// compare sets the people of the batch against those who are stored.
func (in *peoplePreview) compare() error {
	keys, addresses := make([]string, len(in.batch)), make([]string, 0, len(in.batch))
	for i := range in.batch {
		keys[i] = in.batch[i].Key
		if m := mailbox(in.batch[i].Address); m != "" {
			addresses = append(addresses, m)
		}
	}
	if len(in.batch) == 0 {
		return nil
	}
	stored, err := peopleIn(in.tx, in.organisation, "key", keys)
	if err != nil {
		return err
	}
	known := make(map[string]survey.Person, len(stored))
	for _, p := range stored {
		known[p.Key] = p
	}
	elsewhere := make(map[string]bool)
	if len(known) < len(in.batch) && len(addresses) > 0 {
		others, err := peopleIn(in.tx, in.organisation, "mailbox", addresses)
		if err != nil {
			return err
		}
		for i := range others {
			elsewhere[mailbox(others[i].Address)] = true
		}
	}
	for i := range in.batch {
		p := &in.batch[i]
		before, ok := known[p.Key]
		in.count(p, &before, ok)
		if !ok && elsewhere[mailbox(p.Address)] {
			if in.preview.Twice++; len(in.preview.First) < twiceNamed {
				in.preview.First = append(in.preview.First, p.Address)
			}
		}
	}
	in.batch = in.batch[:0]
	return nil
}

// count counts one person.
func (in *peoplePreview) count(p, before *survey.Person, known bool) {
	switch {
	case !known:
		in.preview.New++
	case !in.options.Update:
		in.preview.Skipped++
	default:
		if merge(p, before); samePerson(p, before) {
			in.preview.Unchanged++
			return
		}
		in.preview.Updated++
		if p.Active && !before.Active {
			in.preview.Activated++
		}
	}
}

// countMissing counts the active people who are not among those of the import.
func (in *peoplePreview) countMissing() error {
	rows, err := in.tx.Raw("SELECT key FROM people WHERE organisation_id = ? AND active", int64(in.organisation)).Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err has told
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return err
		}
		if _, ok := in.seen[key]; !ok {
			in.preview.Deactivated++
		}
	}
	return rows.Err()
}

// PeopleByAddress returns those of an organisation's panel who have one of some addresses, in whatever case: by the
// address in lower case, in no order.
func (s *Store) PeopleByAddress(ctx context.Context, organisation survey.OrganisationID, addresses []string) (map[string][]survey.Person, error) {
	found := make(map[string][]survey.Person)
	err := s.look(ctx, func(tx *gorm.DB) error {
		for chunk := range slices.Chunk(addresses, peopleBatch) {
			mailboxes := make([]string, len(chunk))
			for i, address := range chunk {
				mailboxes[i] = mailbox(address)
			}
			people, err := peopleIn(tx, organisation, "mailbox", mailboxes)
			if err != nil {
				return err
			}
			for _, p := range people {
				if m := mailbox(p.Address); !slices.ContainsFunc(found[m], func(other survey.Person) bool { return other.ID == p.ID }) {
					found[m] = append(found[m], p)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("people by their addresses: %w", classify(err))
	}
	return found, nil
}
