package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"cxmirror/pkg/survey"
)

// userRow is what is read of a row of the table users.
type userRow struct {
	ID            int64
	Address       string
	Name          string
	Language      string
	PasswordHash  string
	SecondFactor  []byte
	Issuer        string
	Subject       string
	Proved        bool
	Administrator bool
	Disabled      bool
	CreatedAt     time.Time
	SignedInAt    *time.Time
}

// userColumns are the columns of a user in a query that calls the table u.
const userColumns = `u.id, u.address, u.name, u.language, u.password_hash, u.second_factor, u.issuer, u.subject, u.proved, u.administrator, u.disabled,
	u.created_at, u.signed_in_at`

func (row *userRow) user() survey.User {
	return survey.User{
		ID: survey.UserID(row.ID), Address: row.Address, Name: row.Name, Language: survey.Language(row.Language),
		PasswordHash: row.PasswordHash, SecondFactor: nilIfEmpty(row.SecondFactor), Issuer: row.Issuer, Subject: row.Subject,
		Proved: row.Proved, Administrator: row.Administrator, Disabled: row.Disabled, Created: row.CreatedAt.UTC(), SignedIn: utc(row.SignedInAt),
	}
}

// checkUser returns why a user cannot be stored, or nil.
func checkUser(u *survey.User) error {
	for what, text := range map[string]string{"address": u.Address, "name": u.Name, "issuer": u.Issuer, "subject": u.Subject} {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("the %s has the character 0", what)
		}
	}
	switch {
	case mailbox(u.Address) == "" || len(u.Address) > 254:
		return fmt.Errorf("the address has %d bytes; it has 1 to 254", len(u.Address))
	case (u.Issuer == "") != (u.Subject == ""):
		return errors.New("an issuer of single sign-on and the subject there go together")
	}
	return nil
}

// taken says which of the two that are unique another user has.
func taken(tx *gorm.DB, u *survey.User) error {
	var others int64
	err := tx.Raw("SELECT count(*) FROM users WHERE address = ? AND id <> ?", mailbox(u.Address), int64(u.ID)).Scan(&others).Error
	switch {
	case err != nil:
		return err
	case others > 0:
		return survey.ErrAddressTaken
	}
	return survey.ErrSubjectTaken
}

// CreateUser stores a user with all that u says of her, the address in lower case, and fills in that, her id and
// when she was created. The address, or the subject of single sign-on, of another user is [survey.ErrConflict].
func (s *Store) CreateUser(ctx context.Context, u *survey.User) error {
	created := *u
	created.ID, created.Address = 0, mailbox(u.Address)
	err := checkUser(&created)
	if err == nil {
		err = s.change(ctx, func(tx *gorm.DB) error { return insertUser(tx, &created) })
	}
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = taken(s.read.WithContext(ctx), &created)
	}
	if err != nil {
		return fmt.Errorf("create a user: %w", classify(err))
	}
	*u = created
	return nil
}

// insertUser stores a user as she is, and fills in her id and when she was created.
func insertUser(tx *gorm.DB, u *survey.User) error {
	var row userRow
	err := returning(tx, &row, `
		INSERT INTO users (address, name, language, password_hash, second_factor, issuer, subject, proved, administrator, disabled, signed_in_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id, created_at`,
		u.Address, u.Name, string(u.Language), u.PasswordHash, nilIfEmpty(u.SecondFactor), u.Issuer, u.Subject, u.Proved, u.Administrator, u.Disabled, utc(u.SignedIn))
	u.ID, u.Created, u.SignedIn = survey.UserID(row.ID), row.CreatedAt.UTC(), utc(u.SignedIn)
	return err
}

// User returns a user, or [survey.ErrNotFound].
func (s *Store) User(ctx context.Context, id survey.UserID) (survey.User, error) {
	u, err := takeUser(s.read.WithContext(ctx), "u.id = ?", int64(id))
	if err != nil {
		return survey.User{}, fmt.Errorf("user %d: %w", id, classify(err))
	}
	return u, nil
}

// UserByAddress returns the user of an address, whatever its case, or [survey.ErrNotFound].
func (s *Store) UserByAddress(ctx context.Context, address string) (survey.User, error) {
	u, err := survey.User{}, survey.ErrNotFound
	if !strings.ContainsRune(address, 0) { // which PostgreSQL does not even compare
		u, err = takeUser(s.read.WithContext(ctx), "u.address = ?", mailbox(strings.ToValidUTF8(address, "\ufffd")))
	}
	if err != nil {
		return survey.User{}, fmt.Errorf("user by her address: %w", classify(err))
	}
	return u, nil
}

// UserBySubject returns the user who is subject to an issuer of single sign-on, or [survey.ErrNotFound].
func (s *Store) UserBySubject(ctx context.Context, issuer, subject string) (survey.User, error) {
	u, err := survey.User{}, survey.ErrNotFound
	if issuer != "" && !strings.ContainsRune(issuer+subject, 0) {
		u, err = takeUser(s.read.WithContext(ctx), "u.issuer = ? AND u.subject = ?", issuer, subject)
	}
	if err != nil {
		return survey.User{}, fmt.Errorf("user by her subject of single sign-on: %w", classify(err))
	}
	return u, nil
}

// takeUser reads the one user whom a condition holds for.
func takeUser(db *gorm.DB, condition string, values ...any) (survey.User, error) {
	var row userRow
	if err := found(db.Raw("SELECT "+userColumns+" FROM users u WHERE "+condition, values...).Scan(&row)); err != nil {
		return survey.User{}, err
	}
	return row.user(), nil
}

// Users returns all users by address.
func (s *Store) Users(ctx context.Context) ([]survey.User, error) {
	var rows []userRow
	if err := s.read.WithContext(ctx).Raw("SELECT " + userColumns + " FROM users u ORDER BY u.address").Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("users: %w", classify(err))
	}
	users := make([]survey.User, len(rows))
	for i := range rows {
		users[i] = rows[i].user()
	}
	return users, nil
}

// HasUsers reports whether there is any user, disabled or not: until then the service is to be set up.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	var any bool
	if err := s.read.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM users)").Scan(&any).Error; err != nil {
		return false, fmt.Errorf("look for users: %w", classify(err))
	}
	return any, nil
}

// ChangeUser changes a user: change is handed her as she is stored and says what she is to be, and nobody else changes
// her meanwhile, so that what others have just decided about her is not undone by who had read her before. Name,
// address, language, issuer and subject are stored, and whether she is an administrator and disabled; what she signs
// in with is stored by [Store.SetPassword] and [Store.SetSecondFactor]. When she is disabled, or no longer, her sessions
// end. It returns her as she is then.
//
// change may be called more than once, and must not use the store; an error of its own is returned, and nothing is
// stored. The address, or the subject of single sign-on, of another user is [survey.ErrConflict], and so is what would
// leave no administrator who can sign in ([survey.ErrLastAdministrator]), also when two do it to each other at once.
func (s *Store) ChangeUser(ctx context.Context, id survey.UserID, change func(*survey.User) error) (survey.User, error) {
	var changed survey.User
	err := s.change(ctx, func(tx *gorm.DB) (err error) {
		changed, err = s.changeUser(tx, id, change)
		return err
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		err = taken(s.read.WithContext(ctx), &changed)
	}
	if err != nil {
		return survey.User{}, fmt.Errorf("change user %d: %w", id, classify(err))
	}
	return changed, nil
}

func (s *Store) changeUser(tx *gorm.DB, id survey.UserID, change func(*survey.User) error) (survey.User, error) {
	stored, others, err := s.holdAdministrators(tx, id)
	if err != nil {
		return survey.User{}, err
	}
	next := stored
	if err := change(&next); err != nil {
		return survey.User{}, err
	}
	next.ID, next.Address = id, mailbox(next.Address)
	next.PasswordHash, next.SecondFactor, next.Created, next.SignedIn = stored.PasswordHash, stored.SecondFactor, stored.Created, stored.SignedIn
	if err := checkUser(&next); err != nil {
		return survey.User{}, err
	}
	if administers(&stored) && !administers(&next) && !others {
		return survey.User{}, survey.ErrLastAdministrator
	}
	if stored.Disabled || next.Disabled { // also when she comes back: one that began while she was kept out goes on otherwise
		if err := endSessions(tx, "user_id = ?", int64(id)).Error; err != nil {
			return survey.User{}, err
		}
	}
	return next, tx.Exec("UPDATE users SET name = ?, address = ?, language = ?, issuer = ?, subject = ?, administrator = ?, disabled = ? WHERE id = ?",
		next.Name, next.Address, string(next.Language), next.Issuer, next.Subject, next.Administrator, next.Disabled, int64(id)).Error
}

// administers reports whether a user is an administrator who can sign in.
func administers(u *survey.User) bool {
	return u.Administrator && !u.Disabled && (u.PasswordHash != "" || u.Subject != "")
}

// holdAdministrators returns a user, and whether there are others who administer. Until the transaction ends nobody else
// changes any of them. Sessions of theirs can be stored meanwhile: they would be waited for otherwise, by who holds what
// they wait for.
func (s *Store) holdAdministrators(tx *gorm.DB, id survey.UserID) (user survey.User, others bool, err error) {
	lock := " FOR NO KEY UPDATE" // in the order of ids, so that two who do so do not wait for each other
	if s.engine == sqliteEngine {
		lock = ""
	}
	var rows []userRow
	err = tx.Raw("SELECT "+userColumns+" FROM users u WHERE u.administrator OR u.id = ? ORDER BY u.id"+lock, int64(id)).Scan(&rows).Error
	if err != nil {
		return user, false, err
	}
	there := false
	for i := range rows {
		u := rows[i].user()
		if u.ID == id {
			user, there = u, true
		} else if administers(&u) {
			others = true
		}
	}
	if !there {
		return user, false, survey.ErrNotFound
	}
	return user, others, nil
}

// SetPassword stores the hash of a password that somebody else gives a user, or "" for none; that the address is hers it
// does not prove. Sessions and links end.
func (s *Store) SetPassword(ctx context.Context, id survey.UserID, hash string) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		err := found(tx.Exec("UPDATE users SET password_hash = ?, proved = false WHERE id = ?", hash, int64(id)))
		if err == nil {
			err = endSessions(tx, "user_id = ?", int64(id)).Error
		}
		return withoutLinks(tx, id, err)
	})
	if err != nil {
		return fmt.Errorf("set the password of user %d: %w", id, classify(err))
	}
	return nil
}

// ReplacePassword stores the hash of a user's password in the place of one that she knew, whose hash was is. Her links
// end, and sessions go on: see [Store.EndSessions]. If that is hers no longer it is [survey.ErrConflict]: to work on passwords takes its time, and one that was given up meanwhile must not
// decide which is the next.
func (s *Store) ReplacePassword(ctx context.Context, id survey.UserID, was, hash string) error {
	err := s.change(ctx, func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ? AND password_hash <> ''", hash, int64(id), was)
		if result.Error == nil && result.RowsAffected == 0 {
			return survey.ErrConflict
		}
		return withoutLinks(tx, id, result.Error)
	})
	if err != nil {
		return fmt.Errorf("replace the password of user %d: %w", id, classify(err))
	}
	return nil
}

// withoutLinks ends the links of a user for signing in, unless what was done before has failed.
func withoutLinks(tx *gorm.DB, id survey.UserID, before error) error {
	if before != nil {
		return before
	}
	return tx.Exec("DELETE FROM sign_in_links WHERE user_id = ?", int64(id)).Error
}

// SignedIn notes that a user signed in at now.
func (s *Store) SignedIn(ctx context.Context, id survey.UserID, now time.Time) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		return found(tx.Exec("UPDATE users SET signed_in_at = ? WHERE id = ?", *utc(&now), int64(id)))
	})
	if err != nil {
		return fmt.Errorf("note that user %d signed in: %w", id, classify(err))
	}
	return nil
}

// SetSecondFactor stores the sealed secret of a user's second factor and hashes of her recovery codes of 32 bytes, over those
// there were; nil ends the second factor, and its codes. As long as the secret stays the same, so does which of its
// codes was the last to be used.
func (s *Store) SetSecondFactor(ctx context.Context, id survey.UserID, sealed []byte, codes [][]byte) error {
	sealed = nilIfEmpty(sealed)
	if sealed == nil {
		codes = nil
	}
	err := s.change(ctx, func(tx *gorm.DB) error {
		err := found(tx.Exec("UPDATE users SET factor_step = CASE WHEN second_factor = ? THEN factor_step ELSE 0 END, second_factor = ? WHERE id = ?",
			sealed, sealed, int64(id)))
		if err != nil {
			return err
		}
		if err := tx.Exec("DELETE FROM recovery_codes WHERE user_id = ?", int64(id)).Error; err != nil {
			return err
		}
		rows := newBulk(tx, "recovery_codes", "user_id, hash", "")
		for _, hash := range codes {
			if err := rows.add(int64(id), hash); err != nil {
				return err
			}
		}
		return rows.flush()
	})
	if err != nil {
		return fmt.Errorf("set the second factor of user %d: %w", id, classify(err))
	}
	return nil
}

// UseSecondFactor notes that a code of a user's second factor was used: that of a time step, counted from 1970. Of all
// callers with that step, or an earlier one, the first gets nil; for the others, and where there is no second
// factor, it is [survey.ErrConflict].
func (s *Store) UseSecondFactor(ctx context.Context, id survey.UserID, step int64) error {
	err := s.changeOnce(ctx, func(tx *gorm.DB) error {
		result := tx.Exec("UPDATE users SET factor_step = ? WHERE id = ? AND factor_step < ? AND second_factor IS NOT NULL", step, int64(id), step)
		if result.Error != nil || result.RowsAffected > 0 {
			return result.Error
		}
		var there bool
		if err := tx.Raw("SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)", int64(id)).Scan(&there).Error; err != nil || there {
			return errors.Join(err, survey.ErrConflict)
		}
		return survey.ErrNotFound
	})
	if err != nil {
		return fmt.Errorf("use a code of the second factor of user %d: %w", id, classify(err))
	}
	return nil
}

// UseRecoveryCode takes away the recovery code of a user that has a hash, and returns how many are left. Of all
// callers with the same code one gets nil, for the others it is [survey.ErrNotFound].
func (s *Store) UseRecoveryCode(ctx context.Context, id survey.UserID, hash []byte) (left int, err error) {
	err = s.change(ctx, func(tx *gorm.DB) error {
		if err := found(tx.Exec("DELETE FROM recovery_codes WHERE user_id = ? AND hash = ?", int64(id), hash)); err != nil {
			return err
		}
		return tx.Raw("SELECT count(*) FROM recovery_codes WHERE user_id = ?", int64(id)).Scan(&left).Error
	})
	if err != nil {
		return 0, fmt.Errorf("use a recovery code of user %d: %w", id, classify(err))
	}
	return left, nil
}

// RecoveryCodes returns how many recovery codes a user has left.
func (s *Store) RecoveryCodes(ctx context.Context, id survey.UserID) (int, error) {
	var left int
	if err := s.read.WithContext(ctx).Raw("SELECT count(*) FROM recovery_codes WHERE user_id = ?", int64(id)).Scan(&left).Error; err != nil {
		return 0, fmt.Errorf("recovery codes of user %d: %w", id, classify(err))
	}
	return left, nil
}

// DeleteUser deletes a user with her memberships, sessions, links and tokens. Views that she made stay, and what the audit
// trail tells of her. The last administrator who can sign in is [survey.ErrLastAdministrator], and the last owner
// of an organisation, archived or not, who can is [survey.ErrLastOwner].
func (s *Store) DeleteUser(ctx context.Context, id survey.UserID) error {
	err := s.change(ctx, func(tx *gorm.DB) error { return s.deleteUser(tx, id) })
	if err != nil {
		return fmt.Errorf("delete user %d: %w", id, classify(err))
	}
	return nil
}

func (s *Store) deleteUser(tx *gorm.DB, id survey.UserID) error {
	// Organisations before users, and users before sessions, as others hold them.
	lock := " FOR NO KEY UPDATE"
	if s.engine == sqliteEngine {
		lock = ""
	}
	var organisations []int64 // all: she could be made an owner of another one meanwhile
	if err := tx.Raw("SELECT id FROM organisations ORDER BY id" + lock).Scan(&organisations).Error; err != nil {
		return err
	}
	stored, others, err := s.holdAdministrators(tx, id)
	if err != nil {
		return err
	}
	if administers(&stored) && !others {
		return survey.ErrLastAdministrator
	}
	var owned []struct {
		ID   int64
		Name string
	}
	err = tx.Raw(`
		SELECT o.id, o.name FROM member_roles r JOIN organisations o ON o.id = r.organisation_id
		WHERE r.user_id = ? AND r.role = 'owner' ORDER BY o.id`, int64(id)).Scan(&owned).Error
	if err != nil {
		return err
	}
	for _, o := range owned {
		others, err := otherOwners(tx, survey.OrganisationID(o.ID), id)
		switch {
		case err != nil:
			return err
		case !others:
			return fmt.Errorf("organisation %d, %q: %w", o.ID, o.Name, survey.ErrLastOwner)
		}
	}
	if err := tx.Exec("DELETE FROM sessions WHERE user_id = ?", int64(id)).Error; err != nil {
		return err
	}
	return tx.Exec("DELETE FROM users WHERE id = ?", int64(id)).Error
}
