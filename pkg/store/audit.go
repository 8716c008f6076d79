package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// longestNote is how many characters one text of an audit event has at most: details may be what a visitor sent.
const longestNote = 500

// storableText returns a text as every engine stores it: valid UTF-8, without the character 0.
func storableText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// noted returns a text as it is stored in the audit trail: shortened, which its last character says.
func noted(text string) string {
	text = storableText(text)
	if utf8.RuneCountInString(text) <= longestNote {
		return text
	}
	return string([]rune(text)[:longestNote-1]) + "…"
}

// Note adds an event to the audit trail. Nothing takes it away or changes it afterwards: the database refuses that, whoever
// asks. Texts are shortened to 500 characters.
func (s *Store) Note(ctx context.Context, event survey.AuditEvent) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error { return note(tx, &event) })
	if err != nil {
		return fmt.Errorf("note %q in the audit trail: %w", event.Action, classify(err))
	}
	return nil
}

// note adds an event in a transaction.
func note(tx *gorm.DB, event *survey.AuditEvent) error {
	if event.At.IsZero() {
		return fmt.Errorf("an event without a time")
	}
	details := make(map[string]string, len(event.Details))
	for key, value := range event.Details {
		details[noted(key)] = noted(value)
	}
	text, err := json.Marshal(details)
	if err != nil {
		return err
	}
	var organisation *int64
	if event.Organisation != 0 {
		id := int64(event.Organisation)
		organisation = &id
	}
	return tx.Exec("INSERT INTO audit_events (at, organisation_id, actor, user_id, who, action, subject, details, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		*utc(&event.At), organisation, string(event.Actor), userOrNull(event.User), noted(event.Who), noted(event.Action), noted(event.Subject),
		string(text), noted(event.Request)).Error
}

// AuditQuery says which events are wanted. What is left zero, all have.
type AuditQuery struct {
	From, Until time.Time // at From or later, before Until
	User        survey.UserID
	Action      string // how the action begins: "results" is all that was done to results
	Subject     string // "wave 12"
	Everywhere  bool   // for administrators: events of the instance and of all organisations
	Limit       int    // 0 is all
	Offset      int
}

// auditRow is a row of the table audit_events.
type auditRow struct {
	ID             int64
	At             time.Time
	OrganisationID *int64
	Actor          string
	UserID         *int64
	Who            string
	Action         string
	Subject        string
	Details        []byte // JSON
	Request        string
}

func (row *auditRow) event() (survey.AuditEvent, error) {
	e := survey.AuditEvent{
		ID: row.ID, At: row.At.UTC(), Actor: survey.ActorKind(row.Actor), Who: row.Who, Action: row.Action, Subject: row.Subject, Request: row.Request,
	}
	if row.OrganisationID != nil {
		e.Organisation = survey.OrganisationID(*row.OrganisationID)
	}
	if row.UserID != nil {
		e.User = survey.UserID(*row.UserID)
	}
	if len(row.Details) > len("{}") {
		if err := json.Unmarshal(row.Details, &e.Details); err != nil {
			return e, fmt.Errorf("details of event %d, as stored: %w", row.ID, err)
		}
	}
	return e, nil
}

// AuditEvents returns events of an organisation, the latest first, and how many there are in all. Organisation 0 is
// what concerns the whole instance alone; with [AuditQuery.Everywhere], it is all there is.
func (s *Store) AuditEvents(ctx context.Context, organisation survey.OrganisationID, query AuditQuery) ([]survey.AuditEvent, int, error) {
	events, total, err := s.auditEvents(ctx, organisation, &query)
	if err != nil {
		return nil, 0, fmt.Errorf("events of organisation %d: %w", organisation, classify(err))
	}
	return events, total, nil
}

func (s *Store) auditEvents(ctx context.Context, organisation survey.OrganisationID, query *AuditQuery) ([]survey.AuditEvent, int, error) {
	conditions, values := []string{"true"}, []any{}
	where := func(condition string, of ...any) {
		conditions, values = append(conditions, condition), append(values, of...)
	}
	switch {
	case organisation != 0:
		where("organisation_id = ?", int64(organisation))
	case !query.Everywhere:
		where("organisation_id IS NULL")
	}
	if !query.From.IsZero() {
		where("at >= ?", *utc(&query.From))
	}
	if !query.Until.IsZero() {
		where("at < ?", *utc(&query.Until))
	}
	if query.User != 0 {
		where("user_id = ?", int64(query.User))
	}
	if query.Action != "" {
		action := storableText(query.Action)
		where("substr(action, 1, ?) = ?", utf8.RuneCountInString(action), action)
	}
	if query.Subject != "" {
		where("subject = ?", storableText(query.Subject))
	}
	from := " FROM audit_events WHERE " + strings.Join(conditions, " AND ")
	var total int
	if err := s.read.WithContext(ctx).Raw("SELECT count(*)"+from, values...).Scan(&total).Error; err != nil {
		return nil, 0, err
	}
	var rows []auditRow
	page := s.read.WithContext(ctx).Raw("SELECT id, at, organisation_id, actor, user_id, who, action, subject, details, request"+from+
		" ORDER BY at DESC, id DESC"+paged(query.Offset, query.Limit), values...)
	if err := page.Scan(&rows).Error; err != nil {
		return nil, 0, err
	}
	events := make([]survey.AuditEvent, len(rows))
	for i := range rows {
		var err error
		if events[i], err = rows[i].event(); err != nil {
			return nil, 0, err
		}
	}
	return events, total, nil
}
