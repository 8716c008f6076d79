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
		secret := l.secret(t, u, survey.InvitationLink)
		l.session(t, u, "a hash")
		wantProblem(t, "a short password", l.SetPassword(t.Context(), u.ID, "short"), access.PasswordShort)
		if err := l.SetPassword(t.Context(), u.ID, "another one of four words"); err != nil {
			t.Fatal(err)
		}
		if sessions, err := l.store.Sessions(t.Context(), u.ID, l.now()); err != nil || len(sessions) > 0 {
			t.Errorf("her sessions are %v, %v; want none", sessions, err)
		}
		_, err := l.OpenLink(t.Context(), secret, survey.InvitationLink)
		wantError(t, "a link from before", err, access.ErrLink)
		l.wantReplaced(t, u.Address, password, "another one of four words")
		wantError(t, "nobody's password", l.SetPassword(t.Context(), u.ID+1, "another one of four words"), survey.ErrNotFound)
	})
}
