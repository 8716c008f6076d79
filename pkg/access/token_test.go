package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		owner := l.owner(t)
		wanted := access.NewToken{Name: "Dashboard", Rights: []access.Right{access.SeeResults, access.SeeWaves, access.SeeWaves}, Expires: l.now().Add(30 * 24 * time.Hour)}
		issued, err := l.NewToken(ctx, owner, wanted)
		if err != nil {
			t.Fatal(err)
		}
		if len(issued.Text) != 53 || !strings.HasPrefix(issued.Text, issued.Prefix) || !strings.HasPrefix(issued.Prefix, "cxm_") || len(issued.Prefix) != 10 ||
			!slices.Equal(issued.Rights, []string{"results.see", "waves.see"}) {
			t.Errorf("issued %+v", issued)
		}
		actor, err := l.TokenHolder(ctx, issued.Text)
		if err != nil {
			t.Fatal(err)
		}
		if actor.Kind != survey.ByToken || actor.Organisation.ID != survey.DefaultOrganisation || actor.User.ID != owner.User.ID {
			t.Errorf("holder %+v", actor)
		}
		for right, want := range map[access.Right]bool{access.SeeResults: true, access.SeeWaves: true, access.SeePeople: false, access.Administer: false} {
			if got := actor.May(right); got != want {
				t.Errorf("the token may %s: %v, want %v", right, got, want)
			}
		}
		stored, err := l.store.Tokens(ctx, survey.DefaultOrganisation)
		if err != nil || len(stored) != 1 || stored[0].Used == nil || !stored[0].Used.Equal(l.now().Truncate(24*time.Hour)) {
			t.Errorf("stored %+v, %v; want it used today", stored, err)
		}

		// A token cannot do what its maker may not do any more, nor make tokens.
		_, err = l.NewToken(ctx, actor, wanted)
		wantProblem(t, "a token that makes one", err, access.BadRights)
		other := l.user(t, "other@example.org", survey.Owner)
		l.setRoles(t, survey.DefaultOrganisation, owner.User.ID, survey.HR)
		l.setRoles(t, survey.DefaultOrganisation, owner.User.ID, survey.Viewer)
		if actor, err = l.TokenHolder(ctx, issued.Text); err != nil || actor.May(access.SeeResults) {
			t.Errorf("the token of a viewer may see results (%v)", err)
		}
		l.setRoles(t, survey.DefaultOrganisation, owner.User.ID, survey.Owner)

		disabled := owner.User
		disabled.Disabled = true
		l.save(t, disabled)
		_, err = l.TokenHolder(ctx, issued.Text)
		wantError(t, "the token of a disabled user", err, access.ErrToken)
		disabled.Disabled = false
		l.save(t, disabled)
		if _, err = l.TokenHolder(ctx, issued.Text); err != nil {
			t.Fatal(err)
		}

		mistyped := []byte(issued.Text)
		mistyped[len(mistyped)-1] ^= 1
		_, err = l.TokenHolder(ctx, string(mistyped))
		wantError(t, "a mistyped token", err, access.ErrToken)
		for _, wrong := range []string{"", "cxm_", issued.Prefix, strings.Repeat("x", 53), issued.Text + "\x00", " " + issued.Text, strings.ToUpper(issued.Text)} {
			_, err := l.TokenHolder(ctx, wrong)
			wantError(t, wrong, err, access.ErrToken)
		}

		if err := l.store.RevokeToken(ctx, survey.DefaultOrganisation, issued.ID, l.now()); err != nil {
			t.Fatal(err)
		}
		_, err = l.TokenHolder(ctx, issued.Text)
		wantError(t, "a revoked token", err, access.ErrToken)

		second, err := l.Actor(ctx, other.ID, survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		issued, err = l.NewToken(ctx, second, wanted)
		if err != nil {
			t.Fatal(err)
		}
		l.setRoles(t, survey.DefaultOrganisation, other.ID)
		_, err = l.TokenHolder(ctx, issued.Text)
		wantError(t, "the token of who left", err, access.ErrToken)
	})
}

// TestTokensOfArchivedOrganisations has somebody who works in two: the token of one that is archived is good for
// neither, until the organisation is back.
func TestTokensOfArchivedOrganisations(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		owner := l.owner(t)
		second := l.organisation(t, "Second")
		l.setRoles(t, second.ID, owner.User.ID, survey.Owner)
		there, err := l.Actor(t.Context(), owner.User.ID, second.ID)
		if err != nil {
			t.Fatal(err)
		}
		issued, err := l.NewToken(t.Context(), there, access.NewToken{Name: "x", Rights: []access.Right{access.SeeWaves}, Expires: l.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		archived := l.now()
		second.Archived = &archived
		if err := storetest.SaveOrganisation(t.Context(), l.store, second); err != nil {
			t.Fatal(err)
		}
		_, err = l.TokenHolder(t.Context(), issued.Text)
		wantError(t, "the token of an archived organisation", err, access.ErrToken)
		second.Archived = nil
		if err := storetest.SaveOrganisation(t.Context(), l.store, second); err != nil {
			t.Fatal(err)
		}
		if actor, err := l.TokenHolder(t.Context(), issued.Text); err != nil || actor.Organisation.ID != second.ID {
			t.Errorf("the token of an organisation that is back: %v, %v", actor, err)
		}
	})
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		owner := l.owner(t)
		issued, err := l.NewToken(t.Context(), owner, access.NewToken{Name: "x", Rights: []access.Right{access.SeeWaves}, Expires: l.now().Add(access.LongestToken)})
		if err != nil {
			t.Fatal(err)
		}
		l.pass(access.LongestToken - time.Second)
		if _, err := l.TokenHolder(t.Context(), issued.Text); err != nil {
			t.Error(err)
		}
		l.pass(time.Second)
		_, err = l.TokenHolder(t.Context(), issued.Text)
		wantError(t, "an expired token", err, access.ErrToken)
	})
}

func TestNewTokenRefuses(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		u := l.user(t, "analyst@example.org", survey.Analyst)
		u.Administrator = true
		l.save(t, u)
		analyst, err := l.Actor(t.Context(), u.ID, survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		good := access.NewToken{Name: "x", Rights: []access.Right{access.SeeResults}, Expires: l.now().Add(time.Hour)}
		for what, tt := range map[string]struct {
			change func(*access.NewToken)
			want   access.Problem
		}{
			"no name":             {func(n *access.NewToken) { n.Name = "\n" }, access.BadName},
			"no rights":           {func(n *access.NewToken) { n.Rights = nil }, access.BadRights},
			"a right she has not": {func(n *access.NewToken) { n.Rights = []access.Right{access.SeeResults, access.SeePeople} }, access.BadRights},
			"an unknown right":    {func(n *access.NewToken) { n.Rights = []access.Right{"everything"} }, access.BadRights},
			"the instance":        {func(n *access.NewToken) { n.Rights = []access.Right{access.Administer} }, access.BadRights},
			"the past":            {func(n *access.NewToken) { n.Expires = l.now() }, access.BadExpiry},
			"no expiry":           {func(n *access.NewToken) { n.Expires = time.Time{} }, access.BadExpiry},
			"for ever":            {func(n *access.NewToken) { n.Expires = l.now().Add(access.LongestToken + time.Second) }, access.BadExpiry},
		} {
			wanted := good
			tt.change(&wanted)
			_, err := l.NewToken(t.Context(), analyst, wanted)
			wantProblem(t, what, err, tt.want)
		}
		if tokens, err := l.store.Tokens(t.Context(), survey.DefaultOrganisation); err != nil || len(tokens) > 0 {
			t.Errorf("what was refused made tokens: %+v, %v", tokens, err)
		}
	})
}
