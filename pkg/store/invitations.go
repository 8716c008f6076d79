package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// invitationRow is what is read of a row of the table invitations.
type invitationRow struct {
	ID             responseID
	OrganisationID int64
	WaveID         int64
	PersonID       *int64
	Language       string
	Attributes     []byte
	InvitedAt      *time.Time
	Reminded       int
	OpenedOn       *time.Time
	Started        bool
	Finished       bool
	Failed         string
	Unsubscribed   bool
}

// invitationColumns are the columns of an invitation in a query that calls the table i.
const invitationColumns = "i.id, i.organisation_id, i.wave_id, i.person_id, i.language, i.attributes, i.invited_at, i.reminded, i.opened_on, i.started, i.finished, i.failed, i.unsubscribed"

func (row *invitationRow) invitation() (survey.Invitation, error) {
	i := survey.Invitation{
		ID: survey.InvitationID(row.ID), Organisation: survey.OrganisationID(row.OrganisationID), Wave: survey.WaveID(row.WaveID),
		Language: survey.Language(row.Language), Invited: utc(row.InvitedAt), Reminded: row.Reminded, Opened: utc(row.OpenedOn),
		Started: row.Started, Finished: row.Finished, Failed: row.Failed, Unsubscribed: row.Unsubscribed,
	}
	if row.PersonID != nil {
		i.Person = survey.PersonID(*row.PersonID)
	}
	var err error
	i.Attributes, err = decodeAttributes(row.Attributes)
	return i, err
}

// InvitationByToken returns the invitation whose personal link has a secret of that hash, and its wave, or
// [survey.ErrNotFound].
func (s *Store) InvitationByToken(ctx context.Context, tokenHash []byte) (survey.Invitation, survey.Wave, error) {
	return s.invitationBy(ctx, "i.token_hash = ?", tokenHash)
}

// InvitationByCode returns the invitation whose access code on paper has that hash, and its wave, or
// [survey.ErrNotFound].
func (s *Store) InvitationByCode(ctx context.Context, codeHash []byte) (survey.Invitation, survey.Wave, error) {
	return s.invitationBy(ctx, "i.code_hash = ?", codeHash)
}

func (s *Store) invitationBy(ctx context.Context, condition string, hash []byte) (survey.Invitation, survey.Wave, error) {
	if len(hash) == 0 {
		return survey.Invitation{}, survey.Wave{}, fmt.Errorf("invitation by its link: %w", survey.ErrNotFound)
	}
	var row invitationRow
	db := s.read.WithContext(ctx)
	err := found(db.Raw("SELECT "+invitationColumns+" FROM invitations i WHERE "+condition, hash).Scan(&row))
	if err != nil {
		return survey.Invitation{}, survey.Wave{}, fmt.Errorf("invitation by its link: %w", classify(err))
	}
	invitation, err := row.invitation()
	if err != nil {
		return survey.Invitation{}, survey.Wave{}, fmt.Errorf("invitation by its link: %w", err)
	}
	wave, err := takeWave(s.read.WithContext(ctx).Select(entrance).Where("id = ?", row.WaveID))
	if err != nil {
		return survey.Invitation{}, survey.Wave{}, fmt.Errorf("wave %d of an invitation: %w", row.WaveID, classify(err))
	}
	return invitation, wave, nil
}

// InvitationState says how far somebody who was invited is.
type InvitationState string

// The states of an invitation. Each is in one of the first five; Failed and Unsubscribed may be so in any.
const (
	AnyInvitation          InvitationState = ""
	NotInvitedYet          InvitationState = "waiting"  // no mail was taken by a server, and nothing was answered
	InvitedOnly            InvitationState = "invited"  // mail was taken, nothing was answered
	StartedInvitation      InvitationState = "started"  // began, and has not finished
	FinishedInvitation     InvitationState = "finished" // answered
	UnfinishedInvitation   InvitationState = "unfinished"
	FailedInvitation       InvitationState = "failed"
	UnsubscribedInvitation InvitationState = "unsubscribed"
)

// condition is the SQL for invitations in a state, in a query that calls the table i.
func (state InvitationState) condition() (string, error) {
	switch state {
	case AnyInvitation:
		return "true", nil
	case NotInvitedYet:
		return "i.invited_at IS NULL AND NOT i.started", nil
	case InvitedOnly:
		return "i.invited_at IS NOT NULL AND NOT i.started", nil
	case StartedInvitation:
		return "i.started AND NOT i.finished", nil
	case FinishedInvitation:
		return "i.finished", nil
	case UnfinishedInvitation:
		return "NOT i.finished", nil
	case FailedInvitation:
		return "i.failed <> ''", nil
	case UnsubscribedInvitation:
		return "i.unsubscribed", nil
	}
	return "", fmt.Errorf("state %q of invitations: %w", state, survey.ErrNotFound)
}

// InvitationQuery says which invitations of a wave are wanted.
type InvitationQuery struct {
	State  InvitationState
	Text   string // part of name, address or key, whatever its case and diacritics
	Offset int
	Limit  int // 0 is all
}

// InvitedPerson is an invitation with the person it is for: the zero Person after an erasure.
type InvitedPerson struct {
	survey.Invitation

	Person survey.Person
}

// Invitations returns invitations of a wave by the names of the people, and how many there are in all.
func (s *Store) Invitations(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, query InvitationQuery) ([]InvitedPerson, int, error) {
	invited, total, err := s.invitations(ctx, organisation, wave, &query)
	if err != nil {
		return nil, 0, fmt.Errorf("invitations of wave %d: %w", wave, classify(err))
	}
	return invited, total, nil
}

func (s *Store) invitations(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID, query *InvitationQuery) ([]InvitedPerson, int, error) {
	state, err := query.State.condition()
	if err != nil {
		return nil, 0, err
	}
	from := " FROM invitations i LEFT JOIN people p ON p.id = i.person_id WHERE i.organisation_id = ? AND i.wave_id = ? AND " + state
	values := []any{int64(organisation), int64(wave)}
	if query.Text != "" {
		from += ` AND p.search LIKE ? ESCAPE '\'`
		values = append(values, containing(query.Text))
	}
	var total int
	if err := s.read.WithContext(ctx).Raw("SELECT count(*)"+from, values...).Scan(&total).Error; err != nil {
		return nil, 0, err
	}
	var rows []invitationRow
	page := s.read.WithContext(ctx).Raw("SELECT "+invitationColumns+from+" ORDER BY p.search IS NULL, p.search, i.id"+paged(query.Offset, query.Limit), values...)
	if err := page.Scan(&rows).Error; err != nil {
		return nil, 0, err
	}
	people, err := s.peopleOf(ctx, rows)
	if err != nil {
		return nil, 0, err
	}
	invited := make([]InvitedPerson, len(rows))
	for i := range rows {
		if invited[i].Invitation, err = rows[i].invitation(); err != nil {
			return nil, 0, err
		}
		invited[i].Person = people[invited[i].Invitation.Person]
	}
	return invited, total, nil
}

// peopleOf returns the people of invitations, by id.
func (s *Store) peopleOf(ctx context.Context, invitations []invitationRow) (map[survey.PersonID]survey.Person, error) {
	people := make(map[survey.PersonID]survey.Person, len(invitations))
	for chunk := range slices.Chunk(invitations, 1000) {
		var ids []int64
		for i := range chunk {
			if chunk[i].PersonID != nil {
				ids = append(ids, *chunk[i].PersonID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		found, err := findPeople(s.read.WithContext(ctx).Where("id IN ?", ids))
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			people[p.ID] = p
		}
	}
	return people, nil
}

// paged is the SQL for a part of a list; a limit of 0 is the rest of it.
func paged(offset, limit int) string {
	switch {
	case limit > 0:
		return fmt.Sprintf(" LIMIT %d OFFSET %d", limit, max(0, offset))
	case offset > 0:
		return fmt.Sprintf(" LIMIT %d OFFSET %d", 1<<31-1, offset)
	}
	return ""
}

// InvitationsOfPerson returns the waves that somebody was invited to, the newest first.
func (s *Store) InvitationsOfPerson(ctx context.Context, organisation survey.OrganisationID, person survey.PersonID) ([]survey.Invitation, error) {
	var rows []invitationRow
	err := s.read.WithContext(ctx).Raw("SELECT "+invitationColumns+" FROM invitations i WHERE i.organisation_id = ? AND i.person_id = ? ORDER BY i.wave_id DESC",
		int64(organisation), int64(person)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("invitations of person %d: %w", person, classify(err))
	}
	invitations := make([]survey.Invitation, len(rows))
	for i := range rows {
		if invitations[i], err = rows[i].invitation(); err != nil {
			return nil, fmt.Errorf("invitations of person %d: %w", person, err)
		}
	}
	return invitations, nil
}

// GroupCount says how far those are who were invited with the same attributes.
type GroupCount struct {
	Attributes   map[survey.ItemCode]survey.OptionCode
	Invited      int // invitations
	Reached      int // whose first mail was taken by a server
	Opened       int // only where the wave tracks it
	Started      int // began, finished or not
	Finished     int
	Failed       int // mail did not arrive
	Unsubscribed int
}

// InvitationGroups counts the invitations of a wave, in one row for each combination of attributes that there is.
// It counts groups of any size: what is shown of them is the caller's to withhold.
func (s *Store) InvitationGroups(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) ([]GroupCount, error) {
	var rows []struct {
		Combination                                                       string
		Invited, Reached, Opened, Started, Finished, Failed, Unsubscribed int
	}
	attributes := "attributes"
	if s.engine == postgresEngine {
		attributes = "attributes::text"
	}
	err := s.read.WithContext(ctx).Raw(`
		SELECT `+attributes+` AS combination, count(*) AS invited, count(invited_at) AS reached, count(opened_on) AS opened,
			count(CASE WHEN started THEN 1 END) AS started, count(CASE WHEN finished THEN 1 END) AS finished,
			count(CASE WHEN failed <> '' THEN 1 END) AS failed, count(CASE WHEN unsubscribed THEN 1 END) AS unsubscribed
		FROM invitations WHERE organisation_id = ? AND wave_id = ? GROUP BY 1 ORDER BY 1`, int64(organisation), int64(wave)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("count the invitations of wave %d: %w", wave, classify(err))
	}
	groups := make([]GroupCount, len(rows))
	for i, row := range rows {
		groups[i] = GroupCount{
			Invited: row.Invited, Reached: row.Reached, Opened: row.Opened, Started: row.Started, Finished: row.Finished,
			Failed: row.Failed, Unsubscribed: row.Unsubscribed,
		}
		if groups[i].Attributes, err = decodeAttributes([]byte(row.Combination)); err != nil {
			return nil, fmt.Errorf("count the invitations of wave %d: %w", wave, err)
		}
	}
	return groups, nil
}

// NoteOpened notes the day on which a person first opened the invitation, in waves that track it. In others it does
// nothing. An invitation that the organisation does not have is [survey.ErrNotFound].
func (s *Store) NoteOpened(ctx context.Context, organisation survey.OrganisationID, id survey.InvitationID, now time.Time) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		noted := tx.Exec("UPDATE invitations SET opened_on = ? WHERE id = ? AND organisation_id = ? AND opened_on IS NULL AND wave_id IN (SELECT id FROM waves WHERE tracks)",
			now.UTC().Format(time.DateOnly), string(id), int64(organisation))
		if noted.Error != nil || noted.RowsAffected > 0 {
			return noted.Error
		}
		return there(tx, "invitations", organisation, string(id))
	})
	if err != nil {
		return fmt.Errorf("note that an invitation was opened: %w", classify(err))
	}
	return nil
}

// UnsubscribeInvitation notes that the person of an invitation wants no mail, of this wave or any other. An
// invitation that the organisation does not have is [survey.ErrNotFound].
func (s *Store) UnsubscribeInvitation(ctx context.Context, organisation survey.OrganisationID, id survey.InvitationID, now time.Time) error {
	return s.subscribe(ctx, organisation, id, true, utc(&now))
}

// ResubscribeInvitation takes back [Store.UnsubscribeInvitation].
func (s *Store) ResubscribeInvitation(ctx context.Context, organisation survey.OrganisationID, id survey.InvitationID) error {
	return s.subscribe(ctx, organisation, id, false, nil)
}

func (s *Store) subscribe(ctx context.Context, organisation survey.OrganisationID, id survey.InvitationID, unsubscribed bool, at *time.Time) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		if err := found(tx.Exec("UPDATE invitations SET unsubscribed = ? WHERE id = ? AND organisation_id = ?", unsubscribed, string(id), int64(organisation))); err != nil {
			return err
		}
		return tx.Exec("UPDATE people SET unsubscribed_at = ? WHERE id = (SELECT person_id FROM invitations WHERE id = ?) AND (unsubscribed_at IS NULL) = ?",
			at, string(id), unsubscribed).Error
	})
	if err != nil {
		return fmt.Errorf("note whether somebody wants mail: %w", classify(err))
	}
	return nil
}

// DayCount says what happened in a wave on one day, in UTC.
type DayCount struct {
	Day      time.Time
	Invited  int // first mails taken by a server
	Finished int
}

// Progress returns what happened in a wave day by day; days without anything are left out. Of anonymous waves it
// is known how many finished a day, not who.
func (s *Store) Progress(ctx context.Context, organisation survey.OrganisationID, wave survey.WaveID) ([]DayCount, error) {
	days := make(map[time.Time]*DayCount)
	at := func(day time.Time) *DayCount {
		if days[day] == nil {
			days[day] = &DayCount{Day: day}
		}
		return days[day]
	}
	completed, invited := "substr(completed_at, 1, 10)", "substr(invited_at, 1, 10)"
	if s.engine == postgresEngine {
		completed, invited = "(completed_at AT TIME ZONE 'UTC')::date", "(invited_at AT TIME ZONE 'UTC')::date"
	}
	err := errors.Join(
		s.byDay(ctx, func(day time.Time, n int) { at(day).Finished += n },
			"SELECT day, sum(people) FROM finished_by_day WHERE organisation_id = ? AND wave_id = ? GROUP BY day", organisation, wave),
		// What an anonymous wave publishes has the day of that, which is not when people finished.
		s.byDay(ctx, func(day time.Time, n int) { at(day).Finished += n },
			"SELECT "+completed+" AS day, count(*) FROM responses WHERE organisation_id = ? AND wave_id = ? AND completed_at IS NOT NULL"+
				" AND (SELECT mode FROM waves WHERE id = responses.wave_id) <> 'anonymous' GROUP BY 1", organisation, wave),
		s.byDay(ctx, func(day time.Time, n int) { at(day).Invited += n },
			"SELECT "+invited+" AS day, count(*) FROM invitations WHERE organisation_id = ? AND wave_id = ? AND invited_at IS NOT NULL GROUP BY 1", organisation, wave),
	)
	if err != nil {
		return nil, fmt.Errorf("progress of wave %d: %w", wave, classify(err))
	}
	progress := make([]DayCount, 0, len(days))
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		progress = append(progress, *days[day])
	}
	return progress, nil
}

// byDay reads pairs of a day and a number.
func (s *Store) byDay(ctx context.Context, use func(day time.Time, n int), query string, organisation survey.OrganisationID, wave survey.WaveID) error {
	rows, err := s.read.WithContext(ctx).Raw(query, int64(organisation), int64(wave)).Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var at storedTime
		var n int
		if err := rows.Scan(&at, &n); err != nil {
			return err
		}
		use(day(at.Time), n)
	}
	return rows.Err()
}
