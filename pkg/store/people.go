package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// personRow is a row of the table people.
type personRow struct {
	ID             int64
	OrganisationID int64
	Key            string
	Address        string
	Mailbox        string
	Name           string
	Language       string
	Attributes     storedAttributes
	Search         string
	Active         bool
	UnsubscribedAt *time.Time
	BouncedAt      *time.Time
	BounceReason   string
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"`
}

// TableName tells gorm the name of the table.
func (personRow) TableName() string { return "people" }

// storedAttributes is a person's attributes as JSON.
type storedAttributes []byte

// Scan implements [database/sql.Scanner].
func (a *storedAttributes) Scan(value any) error {
	switch value := value.(type) {
	case string:
		*a = storedAttributes(value)
	case []byte:
		*a = slices.Clone(value)
	default:
		return fmt.Errorf("attributes of a person are stored as %T", value)
	}
	return nil
}

func (row *personRow) person() (survey.Person, error) {
	p := survey.Person{
		ID: survey.PersonID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Key: row.Key, Address: row.Address, Name: row.Name,
		Language: survey.Language(row.Language), Active: row.Active, Unsubscribed: utc(row.UnsubscribedAt),
		Bounced: utc(row.BouncedAt), BounceReason: row.BounceReason, Updated: row.UpdatedAt.UTC(),
	}
	if len(row.Attributes) > len("{}") {
		if err := json.Unmarshal(row.Attributes, &p.Attributes); err != nil {
			return p, fmt.Errorf("attributes of person %d, as stored: %w", row.ID, err)
		}
	}
	return p, nil
}

// mailbox returns an address as mail servers compare it, in practice: without case.
func mailbox(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// searchable returns what people are looked for and sorted by.
func searchable(p *survey.Person) string {
	return survey.Fold(p.Name) + "\n" + survey.Fold(p.Address) + "\n" + survey.Fold(p.Key)
}

// attributesOf returns a person's attributes as they are stored: without those that are empty.
func attributesOf(p *survey.Person) (string, error) {
	given := make(map[string]string, len(p.Attributes))
	for key, value := range p.Attributes {
		if value != "" {
			given[key] = value
		}
	}
	text, err := json.Marshal(given)
	return string(text), err
}

// checkPerson returns why a person cannot be stored, or nil.
func checkPerson(p *survey.Person) error {
	for what, text := range map[string]string{"key": p.Key, "address": p.Address, "name": p.Name} {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("the %s has the character 0", what)
		}
	}
	if p.Key == "" || len(p.Key) > 254 {
		return fmt.Errorf("the key has %d bytes; it has 1 to 254", len(p.Key))
	}
	return nil
}

// PeopleQuery says which people are wanted.
type PeopleQuery struct {
	Text       string              // part of name, address or key, whatever its case and diacritics
	Attributes map[string][]string // by the key of an attribute, the values as they are read, any of them; all keys must hold
	Active     *bool
	Reachable  *bool // has an address, wants mail, and mail does not come back

	Addressed, Unsubscribed, Bounced *bool // has an address; wants no mail; mail comes back

	Offset int
	Limit  int // 0 is all
}

// People returns people of an organisation by name, and how many there are in all.
func (s *Store) People(ctx context.Context, organisation survey.OrganisationID, query PeopleQuery) ([]survey.Person, int, error) {
	people, total, err := s.people(ctx, organisation, &query)
	if err != nil {
		return nil, 0, fmt.Errorf("people of organisation %d: %w", organisation, classify(err))
	}
	return people, total, nil
}

func (s *Store) people(ctx context.Context, organisation survey.OrganisationID, query *PeopleQuery) ([]survey.Person, int, error) {
	wanted := func(db *gorm.DB) *gorm.DB {
		return db.Model(&personRow{}).Where("organisation_id = ?", int64(organisation))
	}
	conditions := []func(*gorm.DB) *gorm.DB{wanted}
	where := func(condition string, values ...any) {
		conditions = append(conditions, func(db *gorm.DB) *gorm.DB { return db.Where(condition, values...) })
	}
	if query.Text != "" {
		where(`search LIKE ? ESCAPE '\'`, containing(query.Text))
	}
	if query.Active != nil {
		where("active = ?", *query.Active)
	}
	if query.Reachable != nil {
		where("(address <> '' AND unsubscribed_at IS NULL AND bounced_at IS NULL) = ?", *query.Reachable)
	}
	for _, state := range []struct {
		wanted    *bool
		condition string
	}{{query.Addressed, "address <> ''"}, {query.Unsubscribed, "unsubscribed_at IS NOT NULL"}, {query.Bounced, "bounced_at IS NOT NULL"}} {
		if state.wanted != nil {
			where("("+state.condition+") = ?", *state.wanted)
		}
	}
	if len(query.Attributes) > 0 {
		attributes, err := s.attributes(ctx, organisation)
		if err != nil {
			return nil, 0, err
		}
		for key, names := range query.Attributes {
			where(s.attribute()+" IN ?", key, givenFor(attributes, key, names))
		}
	}
	var total int64
	if err := s.read.WithContext(ctx).Scopes(conditions...).Count(&total).Error; err != nil {
		return nil, 0, err
	}
	page := s.read.WithContext(ctx).Scopes(conditions...).Order("search, id")
	if query.Offset > 0 || query.Limit > 0 {
		page = page.Offset(max(0, query.Offset))
		if query.Limit > 0 {
			page = page.Limit(query.Limit)
		} else {
			page = page.Limit(1<<31 - 1)
		}
	}
	people, err := findPeople(page)
	return people, int(total), err
}

// attribute is the SQL for the value that a person was given of an attribute, whose key is a parameter.
func (s *Store) attribute() string {
	if s.engine == postgresEngine {
		return "attributes ->> ?::text"
	}
	return "(SELECT value FROM json_each(attributes) AS a WHERE a.key = ?)"
}

// givenFor returns what may have been given of an attribute so that it is read as one of some names.
func givenFor(attributes []survey.Attribute, key string, names []string) []string {
	given := slices.Clone(names) // numbers and dates read as they were given
	at := slices.IndexFunc(attributes, func(a survey.Attribute) bool { return a.Key == key })
	if at < 0 || attributes[at].Type != survey.TextAttribute {
		return given
	}
	given = given[:0]
	for value, name := range attributes[at].Names() {
		if slices.Contains(names, name) {
			given = append(given, value)
		}
	}
	if len(given) == 0 {
		given = append(given, "\x01") // nobody has it
	}
	return given
}

// containing returns a pattern for LIKE with \ as its escape.
func containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(survey.Fold(text)) + "%"
}

func findPeople(query *gorm.DB) ([]survey.Person, error) {
	var rows []personRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	people := make([]survey.Person, len(rows))
	for i := range rows {
		p, err := rows[i].person()
		if err != nil {
			return nil, err
		}
		people[i] = p
	}
	return people, nil
}

// Named is what somebody in the panel may be known by, without case and diacritics.
type Named struct{ Name, Address string }

// namesChunk is how many people are read at a time.
const namesChunk = 10_000

// Names yields what the people of an organisation's panel may be known by, in no order that matters. It reads an index and no
// person.
func (s *Store) Names(ctx context.Context, organisation survey.OrganisationID) iter.Seq2[Named, error] {
	return func(yield func(Named, error) bool) {
		after, id := "", int64(0)
		for {
			n, stopped := 0, false
			err := s.names(ctx, organisation, after, id, func(search string, of int64) bool {
				n++
				after, id = search, of
				name, rest, _ := strings.Cut(search, "\n")
				address, _, _ := strings.Cut(rest, "\n")
				stopped = !yield(Named{name, address}, nil)
				return !stopped
			})
			if err != nil {
				yield(Named{}, fmt.Errorf("names of organisation %d: %w", organisation, classify(err)))
				return
			}
			if stopped || n < namesChunk {
				return
			}
		}
	}
}

// names reads one chunk, from behind a person on.
func (s *Store) names(ctx context.Context, organisation survey.OrganisationID, after string, id int64, use func(search string, id int64) bool) error {
	rows, err := s.read.WithContext(ctx).Raw("SELECT search, id FROM people WHERE organisation_id = ? AND (search, id) > (?, ?) ORDER BY search, id LIMIT ?",
		int64(organisation), after, id, namesChunk).Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var search string
		var of int64
		if err := rows.Scan(&search, &of); err != nil {
			return err
		}
		if !use(search, of) {
			return nil
		}
	}
	return rows.Err()
}

// Person returns somebody of an organisation's panel, or [survey.ErrNotFound].
func (s *Store) Person(ctx context.Context, organisation survey.OrganisationID, id survey.PersonID) (survey.Person, error) {
	people, err := findPeople(s.read.WithContext(ctx).Where("organisation_id = ? AND id = ?", int64(organisation), int64(id)))
	if err == nil && len(people) == 0 {
		err = survey.ErrNotFound
	}
	if err != nil {
		return survey.Person{}, fmt.Errorf("person %d: %w", id, classify(err))
	}
	return people[0], nil
}

// SavePerson stores a person: a new one if p.ID is 0, which it fills in, or over the one who has that id. The key
// of another person of the organisation is [survey.ErrConflict]. Values of attributes that were never given before
// become known. A new address has bounced no mail, whatever p says of the old one.
func (s *Store) SavePerson(ctx context.Context, p *survey.Person) error {
	var saved survey.Person
	err := checkPerson(p)
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) (err error) {
			saved, err = s.savePerson(tx, p)
			return err
		})
	}
	switch {
	case errors.Is(err, gorm.ErrDuplicatedKey):
		err = fmt.Errorf("the key is another person's: %w", survey.ErrConflict)
	case errors.Is(err, gorm.ErrForeignKeyViolated):
		err = fmt.Errorf("organisation %d: %w", p.Organisation, survey.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("save a person of organisation %d: %w", p.Organisation, classify(err))
	}
	*p = saved
	return nil
}

func (s *Store) savePerson(tx *gorm.DB, p *survey.Person) (survey.Person, error) {
	known := newKnownValues(p.Organisation)
	known.note(p)
	if err := known.save(tx); err != nil {
		return survey.Person{}, err
	}
	attributes, err := attributesOf(p)
	if err != nil {
		return survey.Person{}, err
	}
	bounced, reason := utc(p.Bounced), p.BounceReason
	if p.ID != 0 {
		before, err := findPeople(tx.Where("organisation_id = ? AND id = ?", int64(p.Organisation), int64(p.ID)))
		if err != nil {
			return survey.Person{}, err
		}
		if len(before) == 0 {
			return survey.Person{}, survey.ErrNotFound
		}
		if mailbox(before[0].Address) != mailbox(p.Address) {
			bounced, reason = nil, ""
			if err := reachableAgain(tx, []int64{int64(p.ID)}); err != nil {
				return survey.Person{}, err
			}
		}
	}
	values := []any{p.Key, p.Address, mailbox(p.Address), p.Name, string(p.Language), attributes, searchable(p), p.Active, utc(p.Unsubscribed), bounced, reason}
	var id int64
	if p.ID == 0 {
		err = returning(tx, &id, `
			INSERT INTO people (key, address, mailbox, name, language, attributes, search, active, unsubscribed_at, bounced_at, bounce_reason, organisation_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, append(values, int64(p.Organisation))...)
	} else {
		id = int64(p.ID)
		err = tx.Exec(`
			UPDATE people SET key = ?, address = ?, mailbox = ?, name = ?, language = ?, attributes = ?, search = ?, active = ?,
				unsubscribed_at = ?, bounced_at = ?, bounce_reason = ?, updated_at = `+s.now()+` WHERE id = ?`, append(values, id)...).Error
	}
	if err != nil {
		return survey.Person{}, err
	}
	saved, err := findPeople(tx.Where("id = ?", id))
	if err != nil || len(saved) == 0 {
		return survey.Person{}, errors.Join(err, survey.ErrNotFound)
	}
	return saved[0], nil
}

// now is the SQL for the time by the database's clock, as columns are filled by default.
func (s *Store) now() string {
	if s.engine == postgresEngine {
		return "now()"
	}
	return "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"
}

// reachableAgain forgets that mail did not arrive, for people who have another address now.
func reachableAgain(tx *gorm.DB, people []int64) error {
	for chunk := range slices.Chunk(people, 1000) {
		if err := tx.Exec("UPDATE invitations SET failed = '' WHERE person_id IN ? AND failed <> '' AND NOT finished", chunk).Error; err != nil {
			return err
		}
	}
	return nil
}

// SetActive makes people invited to waves from now on, or not, and returns how many were changed.
func (s *Store) SetActive(ctx context.Context, organisation survey.OrganisationID, ids []survey.PersonID, active bool) (int, error) {
	n, err := s.updatePeople(ctx, organisation, ids, "active = ?", active, "active <> ?", active)
	if err != nil {
		return 0, fmt.Errorf("make people active or not: %w", classify(err))
	}
	return n, nil
}

// UnsubscribePeople notes that people want no mail, and returns how many that is new of.
func (s *Store) UnsubscribePeople(ctx context.Context, organisation survey.OrganisationID, ids []survey.PersonID, now time.Time) (int, error) {
	n, err := s.updatePeople(ctx, organisation, ids, "unsubscribed_at = ?", *utc(&now), "unsubscribed_at IS NULL")
	if err != nil {
		return 0, fmt.Errorf("note that people want no mail: %w", classify(err))
	}
	return n, nil
}

// updatePeople sets a column to a value, of those among some people whom a condition with its values holds for.
func (s *Store) updatePeople(ctx context.Context, organisation survey.OrganisationID, ids []survey.PersonID, set string, value any, condition string, of ...any) (int, error) {
	changed := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		for chunk := range slices.Chunk(ids, 1000) {
			numbers := make([]int64, len(chunk))
			for i, id := range chunk {
				numbers[i] = int64(id)
			}
			result := tx.Exec("UPDATE people SET "+set+", updated_at = "+s.now()+" WHERE organisation_id = ? AND id IN ? AND "+condition,
				append([]any{value, int64(organisation), numbers}, of...)...)
			if result.Error != nil {
				return result.Error
			}
			changed += int(result.RowsAffected)
		}
		return nil
	})
	return changed, err
}

// NoteBounce notes that mail to an address came back, permanently or for the time being, and returns how many
// people have the address. messageID, if it is known, names the mail: its person counts whatever the address, and
// its invitation shows the reason. Nobody at all is 0, and no error.
func (s *Store) NoteBounce(ctx context.Context, organisation survey.OrganisationID, address string, permanent bool, reason, messageID string, now time.Time) (int, error) {
	people := 0
	err := s.change(ctx, func(tx *gorm.DB) error {
		var ids []int64
		err := tx.Raw(`
			SELECT id FROM people WHERE organisation_id = ? AND mailbox = ? AND mailbox <> ''
			UNION
			SELECT i.person_id FROM mails m JOIN invitations i ON i.id = m.invitation_id
			WHERE m.organisation_id = ? AND m.message_id = ? AND i.person_id IS NOT NULL`,
			int64(organisation), mailbox(address), int64(organisation), messageID).Scan(&ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		people = len(ids)
		at, set := utc(&now), "bounced_at = coalesce(bounced_at, ?), "
		values := []any{at, reason, ids}
		if !permanent {
			set, values = "", values[1:]
		}
		if err := tx.Exec("UPDATE people SET "+set+"bounce_reason = ?, updated_at = "+s.now()+" WHERE id IN ?", values...).Error; err != nil || !permanent {
			return err
		}
		// Where it is not known which mail it was, every wave that waits for the person's answer shows it.
		return tx.Exec(`
			UPDATE invitations SET failed = ? WHERE person_id IN ? AND NOT finished AND (
				id IN (SELECT invitation_id FROM mails WHERE message_id = ?)
				OR wave_id IN (SELECT id FROM waves WHERE state = 'open'))`, reason, ids, messageID).Error
	})
	if err != nil {
		return 0, fmt.Errorf("note that mail came back: %w", classify(err))
	}
	return people, nil
}
