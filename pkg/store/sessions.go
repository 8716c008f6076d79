package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// sessionRow is what is read of a row of the table sessions.
type sessionRow struct {
	Hash      string
	UserID    *int64
	Agent     string
	StartedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	Data      []byte
}

// sessionColumns are the columns of a session in a query that calls the table s.
const sessionColumns = "s.hash, s.user_id, s.agent, s.started_at, s.seen_at, s.expires_at"

func (row *sessionRow) session() survey.Session {
	session := survey.Session{Hash: row.Hash, Agent: row.Agent, Started: row.StartedAt.UTC(), Seen: row.SeenAt.UTC(), Expires: row.ExpiresAt.UTC()}
	if row.UserID != nil {
		session.User = survey.UserID(*row.UserID)
	}
	return session
}

// userOrNull returns the id of a user as it is stored where there may be none.
func userOrNull(id survey.UserID) *int64 {
	if id == 0 {
		return nil
	}
	number := int64(id)
	return &number
}

// SaveSession stores a session with its data, or over the one that has its hash, whose start stays. A User of 0 is
// somebody who has not signed in yet. A session that was ended is [survey.ErrNotFound]: a request that was on its
// way then does not bring it back. So is a user who does not exist.
func (s *Store) SaveSession(ctx context.Context, session survey.Session, data []byte) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec(`
			INSERT INTO sessions (hash, user_id, agent, started_at, seen_at, expires_at, data) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (hash) DO UPDATE SET user_id = excluded.user_id, agent = excluded.agent, seen_at = excluded.seen_at,
				expires_at = excluded.expires_at, data = excluded.data WHERE NOT sessions.ended`,
			session.Hash, userOrNull(session.User), storableText(session.Agent), *utc(&session.Started), *utc(&session.Seen), *utc(&session.Expires),
			append([]byte{}, data...)))
	})
	if errors.Is(err, gorm.ErrForeignKeyViolated) {
		err = survey.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("save a session of user %d: %w", session.User, classify(err))
	}
	return nil
}

// SessionData returns the data of a session and what it is, or [survey.ErrNotFound] if it was ended or has expired at
// now, or its user is disabled.
func (s *Store) SessionData(ctx context.Context, hash string, now time.Time) ([]byte, survey.Session, error) {
	var row sessionRow
	err := found(s.read.WithContext(ctx).Raw(`
		SELECT `+sessionColumns+`, s.data FROM sessions s LEFT JOIN users u ON u.id = s.user_id
		WHERE s.hash = ? AND NOT s.ended AND s.expires_at > ? AND (u.id IS NULL OR NOT u.disabled)`, storableText(hash), *utc(&now)).Scan(&row))
	if err != nil {
		return nil, survey.Session{}, fmt.Errorf("a session: %w", classify(err))
	}
	return row.Data, row.session(), nil
}

// endSessions ends the sessions that a condition holds for.
func endSessions(tx *gorm.DB, condition string, values ...any) *gorm.DB {
	return tx.Exec("UPDATE sessions SET ended = true, data = '' WHERE NOT ended AND "+condition, values...)
}

// DeleteSession ends a session by its hash, whoever's it is. One that is not there is no error.
func (s *Store) DeleteSession(ctx context.Context, hash string) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error { return endSessions(tx, "hash = ?", storableText(hash)).Error })
	if err != nil {
		return fmt.Errorf("end a session: %w", classify(err))
	}
	return nil
}

// Sessions returns the sessions that a user has at now, the one seen last first.
func (s *Store) Sessions(ctx context.Context, user survey.UserID, now time.Time) ([]survey.Session, error) {
	var rows []sessionRow
	err := s.read.WithContext(ctx).Raw("SELECT "+sessionColumns+" FROM sessions s WHERE s.user_id = ? AND NOT s.ended AND s.expires_at > ? ORDER BY s.seen_at DESC, s.hash",
		int64(user), *utc(&now)).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("sessions of user %d: %w", user, classify(err))
	}
	sessions := make([]survey.Session, len(rows))
	for i := range rows {
		sessions[i] = rows[i].session()
	}
	return sessions, nil
}

// EndSession ends a session of a user, or returns [survey.ErrNotFound] if she has none of that hash.
func (s *Store) EndSession(ctx context.Context, user survey.UserID, hash string) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(endSessions(tx, "user_id = ? AND hash = ?", int64(user), storableText(hash)))
	})
	if err != nil {
		return fmt.Errorf("end a session of user %d: %w", user, classify(err))
	}
	return nil
}

// EndSessions ends all sessions of a user but the one that has the hash except ("" spares none), and returns how
// many.
func (s *Store) EndSessions(ctx context.Context, user survey.UserID, except string) (int, error) {
	ended := 0
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		result := endSessions(tx, "user_id = ? AND hash <> ?", int64(user), storableText(except))
		ended = int(result.RowsAffected)
		return result.Error
	})
	if err != nil {
		return 0, fmt.Errorf("end the sessions of user %d: %w", user, classify(err))
	}
	return ended, nil
}

// EndAllAccess ends all sessions and takes away all links to sign in by, and returns how many there were of each. Passwords
// and tokens stay.
func (s *Store) EndAllAccess(ctx context.Context) (sessions, links int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		ended := endSessions(tx, "true")
		gone := tx.Exec("DELETE FROM sign_in_links")
		sessions, links = int(ended.RowsAffected), int(gone.RowsAffected)
		return errors.Join(ended.Error, gone.Error)
	})
	if err != nil {
		return 0, 0, fmt.Errorf("end all sessions and links: %w", classify(err))
	}
	return sessions, links, nil
}

// DeleteExpiredSessions deletes what has expired at now and works no more: sessions, and links for signing in.
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		return errors.Join(tx.Exec("DELETE FROM sessions WHERE expires_at <= ?", *utc(&now)).Error,
			tx.Exec("DELETE FROM sign_in_links WHERE expires_at <= ?", *utc(&now)).Error)
	})
	if err != nil {
		return fmt.Errorf("delete sessions that have expired: %w", classify(err))
	}
	return nil
}
