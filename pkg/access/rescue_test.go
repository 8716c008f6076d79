package access_test

import (
	"testing"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// A password that is set by whoever has the machine ends what others may hold: sessions and links.
func TestPasswordIsSetWithoutTheOldOne(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		u := l.user(t, "ann@example.org", survey.HR)
		link, err := l.NewLink(t.Context(), u.ID, survey.InvitationLink)
		if err != nil {
			t.Fatal(err)
		}
		now := l.now()
		if err := l.store.SaveSession(t.Context(), survey.Session{Hash: "a hash", User: u.ID, Started: now, Seen: now, Expires: now.Add(access.ResetFor)}, []byte("held")); err != nil {
			t.Fatal(err)
		}
		wantProblem(t, "a short password", l.SetPassword(t.Context(), u.ID, "short"), access.PasswordShort)
		if err := l.SetPassword(t.Context(), u.ID, "another one of four words"); err != nil {
			t.Fatal(err)
		}
		if sessions, err := l.store.Sessions(t.Context(), u.ID, now); err != nil || len(sessions) > 0 {
			t.Errorf("her sessions are %v, %v; want none", sessions, err)
		}
		_, err = l.OpenLink(t.Context(), secretOf(t, link, survey.InvitationLink), survey.InvitationLink)
		wantError(t, "a link from before", err, access.ErrLink)
		_, err = l.signIn(t, u.Address, password, "", "")
		wantError(t, "the old password", err, access.ErrWrong)
		if _, err := l.signIn(t, u.Address, "another one of four words", "", ""); err != nil {
			t.Errorf("the new password: %v", err)
		}
		wantError(t, "nobody's password", l.SetPassword(t.Context(), u.ID+1, "another one of four words"), survey.ErrNotFound)
	})
}
