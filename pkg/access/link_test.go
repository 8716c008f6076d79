package access_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// owner returns somebody who owns the default organisation, as an actor.
func (l *lobby) owner(t *testing.T) *access.Actor {
	t.Helper()
	u := l.user(t, "owner@example.org", survey.Owner)
	actor, err := l.Actor(t.Context(), u.ID, survey.DefaultOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

func TestInvite(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		owner := l.owner(t)
		invitation := access.Invitation{
			Organisation: survey.DefaultOrganisation, Address: " Ann@Example.org", Name: "Ann Moore", Language: "pl", Roles: []survey.Role{survey.HR},
		}
		invited, err := l.Invite(ctx, owner, invitation)
		if err != nil || !invited.Mailed || invited.Existing || invited.Link != "" {
			t.Fatalf("Invite = %+v, %v; want a letter, and no link to look at", invited, err)
		}
		letter := l.letter(t)
		if letter.Address != "ann@example.org" || letter.Language != "pl" || !strings.Contains(letter.Text, "Ann Moore zaprasza Cię") {
			t.Errorf("the letter is %+v", letter)
		}
		first := secretOf(t, linkIn(t, letter), survey.InvitationLink)

		// Again, as something else: the newer letter is the one that works.
		invitation.Roles = []survey.Role{survey.Analyst}
		if _, err = l.Invite(ctx, owner, invitation); err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, linkIn(t, l.letter(t)), survey.InvitationLink)
		_, err = l.OpenLink(ctx, first, survey.InvitationLink)
		wantError(t, "a link that was replaced", err, access.ErrLink)

		for range 3 { // programs that look at mails open links
			if u, err := l.OpenLink(ctx, secret, survey.InvitationLink); err != nil || u.Address != "ann@example.org" {
				t.Fatalf("OpenLink = %+v, %v", u, err)
			}
		}
		_, err = l.AcceptLink(ctx, secret, survey.ResetLink, access.Acceptance{Password: password})
		wantError(t, "a link of another kind", err, access.ErrLink)
		_, err = l.AcceptLink(ctx, secret, survey.InvitationLink, access.Acceptance{Password: "short"})
		wantProblem(t, "a short password", err, access.PasswordShort)
		outcome, err := l.AcceptLink(ctx, secret, survey.InvitationLink, access.Acceptance{Name: "Anna", Language: survey.English, Password: password})
		if err != nil || outcome.User.Name != "Anna" || outcome.Device == "" {
			t.Fatalf("AcceptLink = %+v, %v", outcome, err)
		}
		_, err = l.AcceptLink(ctx, secret, survey.InvitationLink, access.Acceptance{Password: another})
		wantError(t, "the same link again", err, access.ErrLink)
		signedIn, err := l.signIn(t, "ann@example.org", password, "", outcome.Device)
		if err != nil || signedIn.User.Name != "Anna" || signedIn.User.Language != survey.English {
			t.Errorf("SignIn = %+v, %v", signedIn, err)
		}
		actor, err := l.Actor(ctx, signedIn.User.ID, survey.DefaultOrganisation)
		if err != nil || len(actor.Roles) != 1 || actor.Roles[0] != survey.Analyst {
			t.Errorf("her roles are %v, %v; want those of the last invitation", actor.Roles, err)
		}
		_, err = l.Invite(ctx, owner, invitation)
		wantProblem(t, "a member who has accepted", err, access.AlreadyMember)

		// Another organisation: she has a password, so she is told, and that is all.
		second := l.organisation(t, "Second <b>Ltd")
		invitation.Organisation = second.ID
		invited, err = l.Invite(ctx, owner, invitation)
		if err != nil || !invited.Existing || !invited.Mailed || invited.Link != "" {
			t.Errorf("Invite = %+v, %v; want that she is there", invited, err)
		}
		letter = l.letter(t)
		if linkIn(t, letter) != base+"/sign-in" || !strings.Contains(letter.Subject, "Second <b>Ltd") || strings.Contains(letter.HTML, "<b>") {
			t.Errorf("the letter is %+v", letter)
		}
	})
}

func TestInviteRefuses(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		owner := l.owner(t)
		good := access.Invitation{Organisation: survey.DefaultOrganisation, Address: "ann@example.org", Roles: []survey.Role{survey.HR}}
		for what, tt := range map[string]struct {
			change func(*access.Invitation)
			want   access.Problem
		}{
			"no address":  {func(i *access.Invitation) { i.Address = "" }, access.BadAddress},
			"two of them": {func(i *access.Invitation) { i.Address = "a@example.org, b@example.org" }, access.BadAddress},
			"a long name": {func(i *access.Invitation) { i.Name = strings.Repeat("x", 101) }, access.BadName},
			"no role":     {func(i *access.Invitation) { i.Roles = nil }, access.BadRoles},
			"no such":     {func(i *access.Invitation) { i.Roles = []survey.Role{"god"} }, access.BadRoles},
		} {
			invitation := good
			tt.change(&invitation)
			_, err := l.Invite(t.Context(), owner, invitation)
			wantProblem(t, what, err, tt.want)
		}
		good.Organisation = 999
		_, err := l.Invite(t.Context(), owner, good)
		wantError(t, "no organisation", err, survey.ErrNotFound)
		if _, err := l.store.UserByAddress(t.Context(), "ann@example.org"); !errors.Is(err, survey.ErrNotFound) {
			t.Errorf("what was refused made a user (%v)", err)
		}
		l.noLetter(t)
	})
}

// TestLinksAreShownToThoseWhoMay shows an invitation's link where there is no mail, and nowhere else to anybody.
func TestLinksAreShownToThoseWhoMay(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		owner := l.owner(t)
		invitation := access.Invitation{Organisation: survey.DefaultOrganisation, Address: "ann@example.org", Name: "Ann", Roles: []survey.Role{survey.HR}}
		administrator := *owner
		administrator.User.Administrator = true
		invited, err := l.Invite(t.Context(), &administrator, invitation)
		if err != nil || !invited.Mailed || invited.Link != "" {
			t.Fatalf("Invite = %+v, %v; want a letter, and no link even for who runs the server", invited, err)
		}
		first := secretOf(t, linkIn(t, l.letter(t)), survey.InvitationLink)

		// The invitation again, to herself alone, and the one before ends.
		if mailed, err := l.MailInvitation(t.Context(), &administrator, invited.User.ID); err != nil || !mailed {
			t.Fatalf("MailInvitation = %v, %v", mailed, err)
		}
		letter := l.letter(t)
		secretOf(t, linkIn(t, letter), survey.InvitationLink)
		if letter.Address != "ann@example.org" || strings.Contains(letter.Subject, "Your account") {
			t.Errorf("the letter is %+v; want one that names where she works", letter)
		}
		_, err = l.OpenLink(t.Context(), first, survey.InvitationLink)
		wantError(t, "a link that was replaced", err, access.ErrLink)
		alone := survey.User{Address: "eve@example.org", Language: survey.English, Created: l.now()}
		if err := l.store.CreateUser(t.Context(), &alone); err != nil {
			t.Fatal(err)
		}
		if mailed, err := l.MailInvitation(t.Context(), &administrator, alone.ID); err != nil || !mailed {
			t.Fatalf("MailInvitation = %v, %v", mailed, err)
		}
		if letter := l.letter(t); letter.Address != "eve@example.org" || letter.Subject != "Your account in cxmirror" {
			t.Errorf("the letter is %+v", letter)
		}
		_, err = l.MailInvitation(t.Context(), &administrator, owner.User.ID)
		wantError(t, "an invitation of who has a password", err, survey.ErrConflict)
		l.noLetter(t)

		silent := newLobby(t, l.store, func(o *access.Options) { o.Mail = nil })
		if silent.SendsMail() || !l.SendsMail() {
			t.Error("SendsMail is wrong")
		}
		invited, err = silent.Invite(t.Context(), owner, invitation)
		if err != nil || invited.Mailed {
			t.Fatalf("Invite without mail = %+v, %v", invited, err)
		}
		secretOf(t, invited.Link, survey.InvitationLink)
		_, err = silent.MailInvitation(t.Context(), owner, invited.User.ID)
		wantError(t, "an invitation by mail without mail", err, access.ErrNoMail)
		wantError(t, "a reset without mail", silent.Reset(t.Context(), "ann@example.org", ""), access.ErrNoMail)
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		ann := l.user(t, "ann@example.org")
		l.session(t, ann, "stolen")
		disabled := survey.User{Address: "gone@example.org", Disabled: true}
		elsewhere := survey.User{Address: "sso@example.org", Name: "Sue", Issuer: "https://login.example.org", Subject: "sue"}
		for _, u := range []*survey.User{&disabled, &elsewhere} {
			if err := l.store.CreateUser(ctx, u); err != nil {
				t.Fatal(err)
			}
		}
		for _, nobody := range []string{"bob@example.org", "gone@example.org", "not an address", "sso@example.org", "ann@example.org"} {
			if err := l.Reset(ctx, nobody, "192.0.2.1"); err != nil {
				t.Errorf("Reset(%q) = %v, want nil for whatever is typed", nobody, err)
			}
		}
		// The two letters may come in any order.
		var link string
		for range 2 {
			switch letter := l.letter(t); letter.Address {
			case "sso@example.org":
				if letter.Subject != "How you sign in to cxmirror" || linkIn(t, letter) != base+"/sign-in" {
					t.Errorf("the letter is %+v", letter)
				}
			case "ann@example.org":
				link = linkIn(t, letter)
			default:
				t.Errorf("a letter to %s", letter.Address)
			}
		}
		secret := secretOf(t, link, survey.ResetLink)
		invitation := l.secret(t, ann, survey.InvitationLink)
		if outcome, err := l.AcceptLink(ctx, secret, survey.ResetLink, access.Acceptance{Password: another}); err != nil || outcome.Device == "" || outcome.User.Name != ann.Name {
			t.Fatalf("AcceptLink = %+v, %v", outcome, err)
		}
		if got := l.letter(t); got.Subject != "Your password was changed" {
			t.Errorf("the letter is %q", got.Subject)
		}
		if sessions, err := l.store.Sessions(ctx, ann.ID, l.now()); err != nil || len(sessions) > 0 {
			t.Errorf("sessions %+v, %v; want none", sessions, err)
		}
		_, err := l.OpenLink(ctx, invitation, survey.InvitationLink)
		wantError(t, "another link of hers", err, access.ErrLink)
		l.wantReplaced(t, "ann@example.org", password, another)
	})
}

func TestLinksExpire(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		for kind, lasts := range map[survey.LinkKind]time.Duration{survey.InvitationLink: 7 * 24 * time.Hour, survey.ResetLink: time.Hour} {
			secret := l.secret(t, ann, kind)
			l.pass(lasts - time.Second)
			if _, err := l.OpenLink(t.Context(), secret, kind); err != nil {
				t.Errorf("%s link, before it expires: %v", kind, err)
			}
			l.pass(time.Second)
			_, err := l.OpenLink(t.Context(), secret, kind)
			wantError(t, string(kind)+" link", err, access.ErrLink)
			_, err = l.AcceptLink(t.Context(), secret, kind, access.Acceptance{Password: another})
			wantError(t, string(kind)+" link", err, access.ErrLink)
		}
		for _, wrong := range []string{"", "x", strings.Repeat("A", 43), "' OR 1=1 --", "\x00", strings.Repeat("x", 100_000)} {
			_, err := l.OpenLink(t.Context(), wrong, survey.ResetLink)
			wantError(t, "a made-up secret", err, access.ErrLink)
		}
	})
}

func TestDisabledUsersHaveNoLinks(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		secret := l.secret(t, ann, survey.ResetLink)
		ann.Disabled = true
		l.save(t, ann)
		_, err := l.AcceptLink(t.Context(), secret, survey.ResetLink, access.Acceptance{Password: another})
		wantError(t, "the link of a disabled user", err, access.ErrLink)
	})
}

// TestLinksWorkOnceForAll has twenty accept one link at once, each with a password of her own.
func TestLinksWorkOnceForAll(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ann := l.user(t, "ann@example.org")
		secret := l.secret(t, ann, survey.ResetLink)
		got := atOnce(20, func(int) error {
			_, err := l.AcceptLink(t.Context(), secret, survey.ResetLink, access.Acceptance{Password: another})
			return err
		})
		in := 0
		for _, err := range got {
			switch {
			case err == nil:
				in++
			case !errors.Is(err, access.ErrLink):
				t.Error(err)
			}
		}
		if in != 1 {
			t.Errorf("%d of 20 accepted one link", in)
		}
	})
}

func TestResetSlowsDown(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		l.user(t, "ann@example.org")
		// One address asked for from everywhere gets a few letters; who asks sees no difference.
		for i := range 100 {
			if err := l.Reset(t.Context(), "ann@example.org", "198.51.100."+string(rune('0'+i%10))+string(rune('0'+i/10))); err != nil {
				t.Fatalf("ask %d: %v", i, err)
			}
		}
		// One place that asks for ever other addresses is told to wait.
		var err error
		for i := 0; err == nil && i < 100; i++ {
			err = l.Reset(t.Context(), strings.Repeat("x", i+1)+"@example.org", "192.0.2.1")
		}
		wantSlowDown(t, "asking from one place", err)
		l.user(t, "last@example.org")
		if err := l.Reset(t.Context(), "last@example.org", "192.0.2.2"); err != nil {
			t.Fatal(err)
		}
		letters := 0
		for l.letter(t).Address != "last@example.org" {
			letters++
		}
		if letters < 1 || letters > 5 {
			t.Errorf("%d letters were sent to one address, want a few", letters)
		}
	})
}

func TestSetUp(t *testing.T) {
	t.Parallel()
	eachLobby(t, func(t *testing.T, l *lobby) {
		ctx := t.Context()
		older, err := l.SetUpLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		link, err := l.SetUpLink(ctx)
		if err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, link, survey.SetUpLink)
		wantError(t, "a link that was replaced", l.OpenSetUp(ctx, secretOf(t, older, survey.SetUpLink)), access.ErrLink)
		if err := l.OpenSetUp(ctx, secret); err != nil {
			t.Fatal(err)
		}
		founder := access.Founder{Address: "Ann@example.org", Name: "Ann Moore", Language: "ro", Password: password, Organisation: " Moore & Sons "}
		for what, tt := range map[string]struct {
			change func(*access.Founder)
			want   access.Problem
		}{
			"no address":       {func(f *access.Founder) { f.Address = "ann" }, access.BadAddress},
			"no name":          {func(f *access.Founder) { f.Name = " " }, access.BadName},
			"no organisation":  {func(f *access.Founder) { f.Organisation = "\n" }, access.BadOrganisation},
			"her own password": {func(f *access.Founder) { f.Password = "Ann Moore Ann Moore" }, access.PasswordLikeYou},
		} {
			wrong := founder
			tt.change(&wrong)
			_, err := l.SetUp(ctx, secret, wrong)
			wantProblem(t, what, err, tt.want)
		}
		_, err = l.SetUp(ctx, strings.Repeat("A", 43), founder)
		wantError(t, "a made-up secret", err, access.ErrLink)

		outcomes := make([]access.Outcome, 20)
		got := atOnce(len(outcomes), func(i int) (err error) {
			f := founder
			f.Address = string(rune('a'+i)) + f.Address
			outcomes[i], err = l.SetUp(ctx, secret, f)
			return err
		})
		var in []access.Outcome
		for i, err := range got {
			if err == nil {
				in = append(in, outcomes[i])
			} else if !errors.Is(err, access.ErrLink) {
				t.Error(err)
			}
		}
		if len(in) != 1 || in[0].Device == "" {
			t.Fatalf("%d of 20 set the service up, want one", len(in))
		}
		actor, err := l.Actor(ctx, in[0].User.ID, 0)
		if err != nil || !actor.May(access.Administer) || !actor.May(access.Launch) || actor.Organisation.ID != survey.DefaultOrganisation || actor.Organisation.Name != "Moore & Sons" {
			t.Errorf("the founder is %+v, %v; want an administrator and owner of Moore & Sons", actor, err)
		}
		_, err = l.SetUpLink(ctx)
		wantError(t, "a link when there are users", err, survey.ErrConflict)
		wantError(t, "the link again", l.OpenSetUp(ctx, secret), access.ErrLink)
		if _, err := l.signIn(t, in[0].User.Address, password, "", ""); err != nil {
			t.Error(err)
		}
	})
}
