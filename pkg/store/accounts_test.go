package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// callers is how many do the same thing at once where one alone may succeed.
const callers = 20

// newOrganisation stores an organisation for a test.
func newOrganisation(tb testing.TB, s *store.Store, name string) survey.Organisation {
	tb.Helper()
	o := survey.Organisation{Name: name}
	if err := s.CreateOrganisation(tb.Context(), &o); err != nil {
		tb.Fatal(err)
	}
	return o
}

// newUser stores a user who signs in with a password.
func newUser(tb testing.TB, s *store.Store, address string) survey.User {
	tb.Helper()
	u := survey.User{Address: address, Name: "Name of " + address, PasswordHash: "$argon2id$v=19$m=65536,t=1,p=2$c2FsdA$aGFzaA"}
	if err := s.CreateUser(tb.Context(), &u); err != nil {
		tb.Fatal(err)
	}
	return u
}

// newMember stores a user who works in an organisation.
func newMember(tb testing.TB, s *store.Store, organisation survey.OrganisationID, address string, roles ...survey.Role) survey.User {
	tb.Helper()
	u := newUser(tb, s, address)
	if err := s.SetRoles(tb.Context(), organisation, u.ID, roles); err != nil {
		tb.Fatal(err)
	}
	return u
}

func sha(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// wantOne fails unless one of many callers got nil, and the others an error.
func wantOne(t *testing.T, what string, got []error, want error) {
	t.Helper()
	done := 0
	for _, err := range got {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, want):
			t.Errorf("%s: %v; want %v", what, err, want)
		}
	}
	if done != 1 {
		t.Errorf("%s: %d of %d callers did it; want one", what, done, len(got))
	}
}

// wantOneLeft fails unless one alone of many who leave was refused, by an error, and returns which one.
func wantOneLeft(t *testing.T, what string, got []error, want error) (left int) {
	t.Helper()
	refused := 0
	for i, err := range got {
		if err != nil {
			refused, left = refused+1, i
			wantError(t, what, err, want)
		}
	}
	if refused == 0 {
		t.Fatalf("%s: nobody is left; want one", what)
	}
	if refused > 1 {
		t.Errorf("%s: %d are left; want one", what, refused)
	}
	return left
}

func TestOrganisations(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		first, err := s.Organisation(ctx, survey.DefaultOrganisation)
		if err != nil || first.Name != "default" || first.Threshold != 5 || first.Comments != 10 || first.Retention != 0 || first.Archived != nil || first.Created.IsZero() {
			t.Errorf("the first organisation is %+v, %v", first, err)
		}
		want := survey.Organisation{
			Name: "Żółw „i” Syn", Languages: []survey.Language{"pl", "en"}, Accent: "#0A5bCc", Logo: []byte("\x89PNG\x00\xff"), LogoKind: "image/png",
			Threshold: 7, Comments: 12, Retention: 90,
		}
		if err := s.CreateOrganisation(ctx, &want); err != nil {
			t.Fatal(err)
		}
		want.Accent = "#0a5bcc"
		got, err := s.Organisation(ctx, want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || want.ID <= first.ID || want.Created.Location() != time.UTC {
			t.Errorf("Organisation: %v\n%s", err, diff)
		}
		// A list has no logos, and what is saved as the list has it keeps the logo.
		list, err := s.Organisations(ctx)
		if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != want.ID || list[1].Logo != nil || list[1].LogoKind != "image/png" {
			t.Fatalf("Organisations = %+v, %v; want both by name, without logos", list, err)
		}
		changed := list[1]
		changed.Name, changed.Languages, changed.Accent, changed.Threshold, changed.Comments, changed.Retention = "Zebra", nil, "", 3, 3, 0
		changed.Archived = stored(noon)
		if err := storetest.SaveOrganisation(ctx, s, changed); err != nil {
			t.Fatal(err)
		}
		changed.Logo = want.Logo
		if got, err := s.Organisation(ctx, want.ID); err != nil || cmp.Diff(changed, got) != "" {
			t.Errorf("after SaveOrganisation: %v\n%s", err, cmp.Diff(changed, got))
		}
		changed.Logo, changed.LogoKind, changed.Archived = nil, "", nil
		if err := storetest.SaveOrganisation(ctx, s, changed); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Organisation(ctx, want.ID); err != nil || cmp.Diff(changed, got) != "" {
			t.Errorf("without its logo: %v\n%s", err, cmp.Diff(changed, got))
		}

		_, err = s.Organisation(ctx, 77)
		wantError(t, "an organisation there is not", err, survey.ErrNotFound)
		missing := changed
		missing.ID = 77
		wantError(t, "saving one there is not", storetest.SaveOrganisation(ctx, s, missing), survey.ErrNotFound)
		for what, spoil := range map[string]func(o *survey.Organisation){
			"no name":                     func(o *survey.Organisation) { o.Name = " " },
			"a threshold of 0":            func(o *survey.Organisation) { o.Threshold = 0 },
			"comments below it":           func(o *survey.Organisation) { o.Comments = o.Threshold - 1 },
			"a retention below 0":         func(o *survey.Organisation) { o.Retention = -1 },
			"an accent that is no colour": func(o *survey.Organisation) { o.Accent = "red;}" },
			"a logo of no kind":           func(o *survey.Organisation) { o.Logo = []byte("x") },
			"a logo of another kind":      func(o *survey.Organisation) { o.Logo, o.LogoKind = []byte("<svg>"), "image/svg+xml" },
			"a logo that is too large":    func(o *survey.Organisation) { o.Logo, o.LogoKind = make([]byte, 65537), "image/png" },
			"a kind without a logo":       func(o *survey.Organisation) { o.LogoKind = "image/png" },
		} {
			wrong := changed
			spoil(&wrong)
			if err := storetest.SaveOrganisation(ctx, s, wrong); err == nil {
				t.Errorf("SaveOrganisation took %s", what)
			}
		}
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if any, err := s.HasUsers(ctx); any || err != nil {
			t.Errorf("HasUsers of an empty database = %v, %v", any, err)
		}
		want := survey.User{Address: " Ewa.ŻÓŁW@Example.org ", Name: "Ewa", Language: "pl", PasswordHash: "$argon2id$x", Administrator: true}
		if err := s.CreateUser(ctx, &want); err != nil {
			t.Fatal(err)
		}
		if any, err := s.HasUsers(ctx); !any || err != nil {
			t.Errorf("HasUsers = %v, %v", any, err)
		}
		if want.Address != "ewa.żółw@example.org" || want.ID == 0 || want.Created.IsZero() {
			t.Errorf("CreateUser filled in %+v", want)
		}
		got, err := s.User(ctx, want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("User: %v\n%s", err, diff)
		}
		if got, err := s.UserByAddress(ctx, "EWA.żółw@example.org"); err != nil || got.ID != want.ID {
			t.Errorf("UserByAddress = %+v, %v", got, err)
		}
		wantError(t, "an address that is taken", s.CreateUser(ctx, &survey.User{Address: "Ewa.Żółw@EXAMPLE.org"}), survey.ErrAddressTaken)
		wantError(t, "an address that is taken", s.CreateUser(ctx, &survey.User{Address: "Ewa.Żółw@EXAMPLE.org"}), survey.ErrConflict)
		adam := survey.User{Address: "adam@example.org", Issuer: "https://id.example.org", Subject: "a-1"}
		if err := s.CreateUser(ctx, &adam); err != nil {
			t.Fatal(err)
		}
		if got, err := s.UserBySubject(ctx, adam.Issuer, adam.Subject); err != nil || got.ID != adam.ID {
			t.Errorf("UserBySubject = %+v, %v", got, err)
		}
		wantError(t, "a subject that is taken", s.CreateUser(ctx, &survey.User{Address: "x@example.org", Issuer: adam.Issuer, Subject: adam.Subject}), survey.ErrSubjectTaken)
		for _, address := range []string{"", "nobody@example.org", "' OR 1=1 --", "a\x00b", "\xff", "ewa%"} {
			_, err := s.UserByAddress(ctx, address)
			wantError(t, fmt.Sprintf("the user of %q", address), err, survey.ErrNotFound)
		}
		for _, subject := range [][2]string{{"", ""}, {adam.Issuer, "a-2"}, {"https://other.example.org", adam.Subject}, {adam.Issuer, "a-1\x00"}} {
			_, err := s.UserBySubject(ctx, subject[0], subject[1])
			wantError(t, fmt.Sprintf("the user who is %q", subject), err, survey.ErrNotFound)
		}

		saved := want
		saved.Name, saved.Address, saved.Language, saved.Issuer, saved.Subject = "Ewa Nowak", "EWA@example.org", "ro", "https://id.example.org", "e-1"
		saved.PasswordHash = "not stored so"
		if err := storetest.SaveUser(ctx, s, saved); err != nil {
			t.Fatal(err)
		}
		saved.Address, saved.PasswordHash = "ewa@example.org", want.PasswordHash
		if got, err := s.User(ctx, want.ID); err != nil || cmp.Diff(saved, got) != "" {
			t.Errorf("after it was changed: %v\n%s", err, cmp.Diff(saved, got))
		}
		taken := saved
		taken.Address = adam.Address
		wantError(t, "another user's address", storetest.SaveUser(ctx, s, taken), survey.ErrAddressTaken)
		taken = saved
		taken.Subject = adam.Subject
		wantError(t, "another user's subject", storetest.SaveUser(ctx, s, taken), survey.ErrSubjectTaken)
		for what, spoil := range map[string]func(u *survey.User){
			"no address":                func(u *survey.User) { u.Address = " " },
			"an issuer without subject": func(u *survey.User) { u.Subject = "" },
			"the character 0":           func(u *survey.User) { u.Name = "a\x00b" },
		} {
			wrong := saved
			spoil(&wrong)
			if err := storetest.SaveUser(ctx, s, wrong); err == nil {
				t.Errorf("ChangeUser took %s", what)
			}
		}
		if err := errors.Join(s.SetPassword(ctx, want.ID, "$argon2id$y"), s.SignedIn(ctx, want.ID, noon)); err != nil {
			t.Fatal(err)
		}
		saved.PasswordHash, saved.SignedIn = "$argon2id$y", stored(noon)
		list, err := s.Users(ctx)
		if err != nil || len(list) != 2 || list[0].ID != adam.ID || cmp.Diff(saved, list[1]) != "" {
			t.Errorf("Users = %+v, %v; want both by address", list, err)
		}
		missing := saved
		missing.ID, missing.Address, missing.Subject = 77, "m@example.org", "m"
		wantError(t, "saving nobody", storetest.SaveUser(ctx, s, missing), survey.ErrNotFound)
		wantError(t, "a password of nobody", s.SetPassword(ctx, 77, "x"), survey.ErrNotFound)
		wantError(t, "nobody signs in", s.SignedIn(ctx, 77, noon), survey.ErrNotFound)
		wantError(t, "deleting nobody", s.DeleteUser(ctx, 77), survey.ErrNotFound)
		_, err = s.User(ctx, 77)
		wantError(t, "nobody", err, survey.ErrNotFound)
	})
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		u, other := newUser(t, s, "u@example.org"), newUser(t, s, "other@example.org")
		wantError(t, "a code without a second factor", s.UseSecondFactor(ctx, u.ID, 10), survey.ErrConflict)
		wantError(t, "a code of nobody", s.UseSecondFactor(ctx, 77, 10), survey.ErrNotFound)
		wantError(t, "a second factor of nobody", s.SetSecondFactor(ctx, 77, []byte("sealed"), nil), survey.ErrNotFound)
		codes := [][]byte{sha("one"), sha("two"), sha("three")}
		if err := s.SetSecondFactor(ctx, u.ID, []byte("sealed"), codes); err != nil {
			t.Fatal(err)
		}
		if got, err := s.User(ctx, u.ID); err != nil || string(got.SecondFactor) != "sealed" {
			t.Errorf("the second factor is %q, %v", got.SecondFactor, err)
		}
		wantOne(t, "the code of step 1000", inParallel(callers, func(int) error { return s.UseSecondFactor(ctx, u.ID, 1000) }), survey.ErrConflict)
		wantError(t, "an earlier code", s.UseSecondFactor(ctx, u.ID, 999), survey.ErrConflict)
		if err := s.UseSecondFactor(ctx, u.ID, 1001); err != nil {
			t.Errorf("the next code: %v", err)
		}

		wantOne(t, "a recovery code", inParallel(callers, func(int) error { _, err := s.UseRecoveryCode(ctx, u.ID, sha("one")); return err }), survey.ErrNotFound)
		if left, err := s.UseRecoveryCode(ctx, u.ID, sha("two")); left != 1 || err != nil {
			t.Errorf("after two of three codes %d are left, %v", left, err)
		}
		if left, err := s.RecoveryCodes(ctx, u.ID); left != 1 || err != nil {
			t.Errorf("RecoveryCodes = %d, %v", left, err)
		}
		_, err := s.UseRecoveryCode(ctx, other.ID, sha("three"))
		wantError(t, "somebody else's recovery code", err, survey.ErrNotFound)

		// Other recovery codes for the same secret do not make a code work again.
		if err := s.SetSecondFactor(ctx, u.ID, []byte("sealed"), [][]byte{sha("four")}); err != nil {
			t.Fatal(err)
		}
		wantError(t, "a code that was used, with new recovery codes", s.UseSecondFactor(ctx, u.ID, 1001), survey.ErrConflict)
		_, err = s.UseRecoveryCode(ctx, u.ID, sha("three"))
		wantError(t, "an old recovery code", err, survey.ErrNotFound)
		if err := s.SetSecondFactor(ctx, u.ID, []byte("another"), nil); err != nil {
			t.Fatal(err)
		}
		if err := s.UseSecondFactor(ctx, u.ID, 1001); err != nil {
			t.Errorf("a code of another secret: %v", err)
		}
		if err := s.SetSecondFactor(ctx, u.ID, nil, [][]byte{sha("five")}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.User(ctx, u.ID); err != nil || got.SecondFactor != nil {
			t.Errorf("the second factor that was ended is %q, %v", got.SecondFactor, err)
		}
		if left, err := s.RecoveryCodes(ctx, u.ID); left != 0 || err != nil {
			t.Errorf("without a second factor there are %d recovery codes, %v", left, err)
		}
	})
}

// What several change of a user at once is all kept, and what is refused changes nothing. Sessions are stored meanwhile.
func TestChangeUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		if err := s.CreateUser(ctx, &survey.User{Address: "a@example.org", PasswordHash: "x", Administrator: true}); err != nil { // or she may be the last
			t.Fatal(err)
		}
		u := newUser(t, s, "u@example.org")
		changes := []func(*survey.User){
			func(u *survey.User) { u.Name = "Ewa Nowak" },
			func(u *survey.User) { u.Language = "ro" },
			func(u *survey.User) { u.Administrator = true },
			func(u *survey.User) { u.Disabled = true },
			func(u *survey.User) { u.Issuer, u.Subject = "https://id.example.org", "u-1" },
			func(u *survey.User) { u.Address = "EWA@example.org" },
		}
		errs := inParallel(4*len(changes), func(i int) error {
			if i >= len(changes) {
				return s.SaveSession(ctx, survey.Session{Hash: fmt.Sprint(i), User: u.ID, Started: noon, Seen: noon, Expires: noon.Add(time.Hour)}, []byte("held"))
			}
			_, err := s.ChangeUser(ctx, u.ID, func(u *survey.User) error {
				changes[i](u)
				return nil
			})
			return err
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		want := u
		for _, change := range changes {
			change(&want)
		}
		want.Address = "ewa@example.org"
		got, err := s.User(ctx, u.ID)
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("after %d changes at once: %v\n%s", len(changes), err, cmp.Diff(want, got))
		}
		refused := errors.New("no")
		_, err = s.ChangeUser(ctx, u.ID, func(u *survey.User) error {
			u.Disabled = false
			return refused
		})
		wantError(t, "a change that is refused", err, refused)
		// What she signs in with, and when she was made, are not changed so.
		got, err = s.ChangeUser(ctx, u.ID, func(u *survey.User) error {
			u.ID, u.PasswordHash, u.SecondFactor, u.Created, u.SignedIn = 77, "x", []byte("x"), noon, stored(noon)
			return nil
		})
		if err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("after a change of nothing: %v\n%s", err, cmp.Diff(want, got))
		}
		if got, err := s.User(ctx, u.ID); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("what is stored after it: %v\n%s", err, cmp.Diff(want, got))
		}
	})
}

// Of those who disable a user, delete her and store her sessions at once, nobody waits for somebody who waits for her.
func TestUserGoesWhileSheIsChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for round := range 10 {
			u := newUser(t, s, fmt.Sprintf("u%d@example.org", round))
			session := func(i int) error {
				return s.SaveSession(ctx, survey.Session{Hash: fmt.Sprint(round, i%4), User: u.ID, Started: noon, Seen: noon, Expires: noon.Add(time.Hour)}, []byte("held"))
			}
			for i := range 4 {
				if err := session(i); err != nil {
					t.Fatal(err)
				}
			}
			for _, err := range inParallel(12, func(i int) error {
				switch i % 3 {
				case 0:
					u := u
					u.Disabled = i%2 == 0
					return storetest.SaveUser(ctx, s, u)
				case 1:
					return s.DeleteUser(ctx, u.ID)
				}
				return session(i)
			}) {
				if err != nil && !errors.Is(err, survey.ErrNotFound) {
					t.Error(err)
				}
			}
			_, err := s.User(ctx, u.ID)
			wantError(t, "a user who was deleted", err, survey.ErrNotFound)
		}
	})
}

// Another password ends the links that were made before it, and one that was replaced replaces none.
func TestPasswords(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		u, other := newUser(t, s, "u@example.org"), newUser(t, s, "other@example.org")
		link := func(of survey.User, secret string) {
			t.Helper()
			if err := s.CreateLink(ctx, survey.SignInLink{Hash: sha(secret), Kind: survey.ResetLink, User: of.ID, Expires: noon.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		link(other, "other's")
		for what, set := range map[string]func(survey.User) error{
			"set":      func(u survey.User) error { return s.SetPassword(ctx, u.ID, "$argon2id$set") },
			"ended":    func(u survey.User) error { return s.SetPassword(ctx, u.ID, "") },
			"replaced": func(u survey.User) error { return s.ReplacePassword(ctx, u.ID, u.PasswordHash, "$argon2id$new") },
		} {
			of := newUser(t, s, what+"@example.org")
			link(of, what)
			if err := set(of); err != nil {
				t.Fatalf("a password that is %s: %v", what, err)
			}
			_, err := s.Link(ctx, sha(what), survey.ResetLink, noon)
			wantError(t, "a link from before a password was "+what, err, survey.ErrNotFound)
		}
		if _, err := s.Link(ctx, sha("other's"), survey.ResetLink, noon); err != nil {
			t.Errorf("somebody else's link: %v", err)
		}
		wantOne(t, "replacing the same password", inParallel(callers, func(i int) error {
			return s.ReplacePassword(ctx, u.ID, u.PasswordHash, fmt.Sprintf("$argon2id$%d", i))
		}), survey.ErrConflict)
		link(u, "u's")
		wantError(t, "replacing a password she has no more", s.ReplacePassword(ctx, u.ID, u.PasswordHash, "x"), survey.ErrConflict)
		if _, err := s.Link(ctx, sha("u's"), survey.ResetLink, noon); err != nil {
			t.Errorf("a link, after a password that was not replaced: %v", err)
		}
		if err := s.SetPassword(ctx, u.ID, ""); err != nil {
			t.Fatal(err)
		}
		wantError(t, "replacing none", s.ReplacePassword(ctx, u.ID, "", "x"), survey.ErrConflict)
		wantError(t, "replacing nobody's", s.ReplacePassword(ctx, 77, "x", "y"), survey.ErrConflict)
	})
}

// TestLastAdministrator lets every way be tried by which nobody could administer any more.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		administrators := make([]survey.User, callers)
		for i := range administrators {
			administrators[i] = survey.User{Address: fmt.Sprintf("a%d@example.org", i), PasswordHash: "x", Administrator: true}
			if err := s.CreateUser(ctx, &administrators[i]); err != nil {
				t.Fatal(err)
			}
		}
		invited := survey.User{Address: "invited@example.org", Administrator: true} // cannot sign in yet
		if err := s.CreateUser(ctx, &invited); err != nil {
			t.Fatal(err)
		}
		// All leave at once, each in one of three ways: one stays.
		errs := inParallel(callers, func(i int) error {
			u := administrators[i]
			switch i % 3 {
			case 0:
				u.Administrator = false
			case 1:
				u.Disabled = true
			default:
				return s.DeleteUser(ctx, u.ID)
			}
			return storetest.SaveUser(ctx, s, u)
		})
		at := wantOneLeft(t, "leaving as the last administrator", errs, survey.ErrLastAdministrator)
		last, err := s.User(ctx, administrators[at].ID)
		if err != nil || !last.Administrator || last.Disabled {
			t.Errorf("the last administrator is %+v, %v", last, err)
		}
		last.Name = "Still here"
		if err := storetest.SaveUser(ctx, s, last); err != nil {
			t.Errorf("renaming the last administrator: %v", err)
		}
		wantError(t, "deleting the last administrator", s.DeleteUser(ctx, last.ID), survey.ErrConflict)
		if err := s.SetPassword(ctx, invited.ID, "x"); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(ctx, last.ID); err != nil {
			t.Errorf("deleting an administrator beside another: %v", err)
		}
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		one, two := newOrganisation(t, s, "Alfa"), newOrganisation(t, s, "beta")
		owner := newMember(t, s, one.ID, "owner@example.org", survey.Owner)
		u := newMember(t, s, one.ID, "hr@example.org", survey.Analyst, survey.HR, survey.HR)
		if err := s.SetRoles(ctx, two.ID, u.ID, []survey.Role{survey.Viewer}); err != nil {
			t.Fatal(err)
		}
		members, err := s.Members(ctx, one.ID)
		want := []survey.Member{{User: u, Roles: []survey.Role{survey.HR, survey.Analyst}}, {User: owner, Roles: []survey.Role{survey.Owner}}}
		if diff := cmp.Diff(want, members); err != nil || diff != "" {
			t.Errorf("Members: %v\n%s", err, diff)
		}
		memberships, err := s.Memberships(ctx, u.ID)
		if err != nil || len(memberships) != 2 || memberships[0].Organisation.ID != one.ID || memberships[1].Organisation.ID != two.ID ||
			!slices.Equal(memberships[0].Roles, []survey.Role{survey.HR, survey.Analyst}) || !memberships[1].Has(survey.Viewer) {
			t.Errorf("Memberships = %+v, %v", memberships, err)
		}
		two.Archived = stored(noon)
		if err := storetest.SaveOrganisation(ctx, s, two); err != nil {
			t.Fatal(err)
		}
		if memberships, err := s.Memberships(ctx, u.ID); err != nil || len(memberships) != 1 {
			t.Errorf("Memberships with an archived organisation = %+v, %v", memberships, err)
		}
		if all, err := s.OrganisationsOf(ctx, u.ID); err != nil || !slices.Equal(all, []survey.OrganisationID{one.ID, two.ID}) {
			t.Errorf("OrganisationsOf = %v, %v; want the archived one too", all, err)
		}
		if none, err := s.OrganisationsOf(ctx, 77); err != nil || len(none) != 0 {
			t.Errorf("OrganisationsOf nobody = %v, %v", none, err)
		}
		if none, err := s.Members(ctx, 77); err != nil || len(none) != 0 {
			t.Errorf("Members of no organisation = %+v, %v", none, err)
		}
		wantError(t, "roles of nobody", s.SetRoles(ctx, one.ID, 77, []survey.Role{survey.HR}), survey.ErrNotFound)
		wantError(t, "roles in no organisation", s.SetRoles(ctx, 77, u.ID, []survey.Role{survey.HR}), survey.ErrNotFound)
		wantError(t, "ending no membership", s.SetRoles(ctx, survey.DefaultOrganisation, u.ID, nil), survey.ErrNotFound)
		if err := s.SetRoles(ctx, one.ID, u.ID, []survey.Role{"boss"}); err == nil {
			t.Error("SetRoles took a role that there is not")
		}

		// What was given to a member goes with the membership, and stays when the roles change.
		token := survey.APIToken{Organisation: one.ID, User: u.ID, Name: "nightly", Hash: sha("token"), Expires: noon.Add(time.Hour)}
		view := survey.View{Organisation: one.ID, Name: "Board", Maker: u.ID, Viewers: []survey.UserID{u.ID}}
		if err := errors.Join(s.CreateToken(ctx, &token), s.CreateView(ctx, &view), s.SetRoles(ctx, one.ID, u.ID, []survey.Role{survey.Viewer})); err != nil {
			t.Fatal(err)
		}
		if got, err := s.View(ctx, one.ID, view.ID); err != nil || !slices.Equal(got.Viewers, []survey.UserID{u.ID}) {
			t.Errorf("with another role, the view is %+v, %v", got, err)
		}
		if _, err := s.TokenByHash(ctx, token.Hash, noon); err != nil {
			t.Errorf("with another role: %v", err)
		}
		if err := s.SetRoles(ctx, one.ID, u.ID, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := s.View(ctx, one.ID, view.ID); err != nil || got.Viewers != nil || got.Maker != u.ID {
			t.Errorf("without the membership, the view is %+v, %v; want it named to nobody", got, err)
		}
		if tokens, err := s.Tokens(ctx, one.ID); err != nil || len(tokens) != 0 {
			t.Errorf("without the membership, tokens are %+v, %v", tokens, err)
		}
	})
}

// TestLastOwner lets owners remove each other at once.
func TestLastOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		o := newOrganisation(t, s, "Alfa")
		owners := make([]survey.User, callers)
		for i := range owners {
			owners[i] = newMember(t, s, o.ID, fmt.Sprintf("o%d@example.org", i), survey.Owner, survey.HR)
		}
		gone := newMember(t, s, o.ID, "gone@example.org", survey.Owner)
		gone.Disabled = true
		if err := storetest.SaveUser(ctx, s, gone); err != nil {
			t.Fatal(err)
		}
		errs := inParallel(callers, func(i int) error {
			switch i % 3 {
			case 0:
				return s.SetRoles(ctx, o.ID, owners[i].ID, []survey.Role{survey.HR})
			case 1:
				return s.SetRoles(ctx, o.ID, owners[i].ID, nil)
			}
			return s.DeleteUser(ctx, owners[i].ID)
		})
		at := wantOneLeft(t, "leaving as the last owner", errs, survey.ErrLastOwner)
		members, err := s.Members(ctx, o.ID)
		able := slices.DeleteFunc(members, func(m survey.Member) bool { return m.User.Disabled || !slices.Contains(m.Roles, survey.Owner) })
		if err != nil || len(able) != 1 || able[0].User.ID != owners[at].ID {
			t.Errorf("owners who can sign in are %+v, %v; want user %d", able, err, owners[at].ID)
		}
		if err := s.DeleteUser(ctx, owners[at].ID); !errors.Is(err, survey.ErrConflict) || !strings.Contains(err.Error(), o.Name) {
			t.Errorf("deleting the last owner: %v; want the organisation's name", err)
		}
	})
}

func TestGroupRoles(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		o := newOrganisation(t, s, "Alfa")
		want := []survey.GroupRole{
			{Group: "cx", Organisation: survey.DefaultOrganisation, Role: survey.Analyst},
			{Group: "cx", Organisation: o.ID, Role: survey.Viewer},
			{Group: "hr", Organisation: o.ID, Role: survey.HR},
		}
		for _, id := range []survey.OrganisationID{survey.DefaultOrganisation, o.ID} {
			own := slices.DeleteFunc(append(slices.Clone(want), want...), func(g survey.GroupRole) bool { return g.Organisation != id }) // twice is once
			if err := s.SetGroupRoles(ctx, id, own); err != nil {
				t.Fatal(err)
			}
			if got, err := s.GroupRolesIn(ctx, id); err != nil || cmp.Diff(own[:len(own)/2], got) != "" {
				t.Errorf("GroupRolesIn %d: %v\n%s", id, err, cmp.Diff(own[:len(own)/2], got))
			}
		}
		if got, err := s.GroupRoles(ctx); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("GroupRoles: %v\n%s", err, cmp.Diff(want, got))
		}
		wantError(t, "a role in no organisation", s.SetGroupRoles(ctx, 77, []survey.GroupRole{{Group: "x", Organisation: 77, Role: survey.HR}}), survey.ErrNotFound)
		wantError(t, "a role in another one", s.SetGroupRoles(ctx, o.ID, []survey.GroupRole{{Group: "x", Organisation: survey.DefaultOrganisation, Role: survey.Owner}}), survey.ErrNotFound)
		if err := s.SetGroupRoles(ctx, o.ID, []survey.GroupRole{{Group: "x", Organisation: o.ID, Role: "root"}}); err == nil {
			t.Error("SetGroupRoles took a role there is not")
		}
		if got, err := s.GroupRoles(ctx); err != nil || len(got) != 3 {
			t.Errorf("after refusals GroupRoles = %+v, %v; want them as before", got, err)
		}
		// Of many who set them at once one is the last, and all of hers are stored.
		if err := errors.Join(inParallel(callers, func(i int) error {
			return s.SetGroupRoles(ctx, o.ID, []survey.GroupRole{{Group: fmt.Sprint(i), Organisation: o.ID, Role: survey.HR}, {Group: fmt.Sprint(i), Organisation: o.ID, Role: survey.Viewer}})
		})...); err != nil {
			t.Fatal(err)
		}
		if got, err := s.GroupRolesIn(ctx, o.ID); err != nil || len(got) != 2 || got[0].Group != got[1].Group {
			t.Errorf("GroupRolesIn = %+v, %v; want both of one caller", got, err)
		}
		if err := s.SetGroupRoles(ctx, o.ID, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := s.GroupRoles(ctx); err != nil || cmp.Diff(want[:1], got) != "" {
			t.Errorf("GroupRoles = %+v, %v; want those of the other organisation", got, err)
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		u, other := newUser(t, s, "u@example.org"), newUser(t, s, "other@example.org")
		session := func(hash string, user survey.UserID) survey.Session {
			return survey.Session{Hash: hash, User: user, Agent: "Firefox on Windows", Started: *stored(noon), Seen: *stored(noon), Expires: *stored(noon.Add(time.Hour))}
		}
		for _, hash := range []string{"a", "b", "c"} {
			if err := s.SaveSession(ctx, session(hash, u.ID), []byte("data of "+hash)); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(s.SaveSession(ctx, session("nobody's", 0), nil), s.SaveSession(ctx, session("other's", other.ID), []byte{0, 255})); err != nil {
			t.Fatal(err)
		}
		later := session("b", u.ID)
		later.Seen, later.Started, later.Agent = *stored(noon.Add(time.Minute)), noon.Add(time.Hour), "Safari on iOS\x00"
		if err := s.SaveSession(ctx, later, []byte("more")); err != nil {
			t.Fatal(err)
		}
		later.Started, later.Agent = *stored(noon), "Safari on iOS\ufffd"
		data, got, err := s.SessionData(ctx, "b", noon)
		if diff := cmp.Diff(later, got); err != nil || string(data) != "more" || diff != "" {
			t.Errorf("SessionData = %q, %v\n%s", data, err, diff)
		}
		if data, got, err := s.SessionData(ctx, "nobody's", noon); err != nil || len(data) != 0 || got.User != 0 {
			t.Errorf("the session of nobody is %q, %+v, %v", data, got, err)
		}
		list, err := s.Sessions(ctx, u.ID, noon)
		if err != nil || len(list) != 3 || list[0].Hash != "b" {
			t.Errorf("Sessions = %+v, %v; want three, the one seen last first", list, err)
		}
		for _, hash := range []string{"", "d", "A", "' OR 1=1 --", "a\x00", "\xff"} {
			_, _, err := s.SessionData(ctx, hash, noon)
			wantError(t, fmt.Sprintf("session %q", hash), err, survey.ErrNotFound)
		}
		_, _, err = s.SessionData(ctx, "a", noon.Add(time.Hour))
		wantError(t, "a session that has expired", err, survey.ErrNotFound)
		wantError(t, "a session of a user there is not", s.SaveSession(ctx, session("x", 77), nil), survey.ErrNotFound)

		// A session that was ended stays so, whatever a request that was on its way then stores.
		wantError(t, "ending another user's session", s.EndSession(ctx, other.ID, "a"), survey.ErrNotFound)
		if err := s.EndSession(ctx, u.ID, "a"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "ending it again", s.EndSession(ctx, u.ID, "a"), survey.ErrNotFound)
		wantError(t, "saving it after its end", s.SaveSession(ctx, session("a", u.ID), []byte("back")), survey.ErrNotFound)
		_, _, err = s.SessionData(ctx, "a", noon)
		wantError(t, "a session that was ended", err, survey.ErrNotFound)
		if err := errors.Join(s.DeleteSession(ctx, "nobody's"), s.DeleteSession(ctx, "never there")); err != nil {
			t.Error(err)
		}
		wantError(t, "saving it after its deletion", s.SaveSession(ctx, session("nobody's", 0), nil), survey.ErrNotFound)
		if n, err := s.EndSessions(ctx, u.ID, "b"); n != 1 || err != nil {
			t.Errorf("EndSessions = %d, %v; want the one that is neither ended nor spared", n, err)
		}
		if list, err := s.Sessions(ctx, u.ID, noon); err != nil || len(list) != 1 || list[0].Hash != "b" {
			t.Errorf("Sessions = %+v, %v; want the one that was spared", list, err)
		}

		// Who is disabled has none, also when she is not any more.
		u.Disabled = true
		if err := storetest.SaveUser(ctx, s, u); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveSession(ctx, session("late", u.ID), nil); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.SessionData(ctx, "late", noon)
		wantError(t, "a session of a disabled user", err, survey.ErrNotFound)
		u.Disabled = false
		if err := storetest.SaveUser(ctx, s, u); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.SessionData(ctx, "late", noon)
		wantError(t, "a session that began while she was disabled", err, survey.ErrNotFound)
		_, _, err = s.SessionData(ctx, "b", noon)
		wantError(t, "a session from before she was disabled", err, survey.ErrNotFound)

		if err := s.DeleteExpiredSessions(ctx, noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.SaveSession(ctx, session("a", u.ID), nil); err != nil {
			t.Errorf("after what expired was deleted, a session has that hash: %v", err)
		}
		if err := s.DeleteUser(ctx, u.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.SessionData(ctx, "a", noon)
		wantError(t, "a session of a deleted user", err, survey.ErrNotFound)
	})
}

func TestLinks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		soon := *stored(noon.Add(time.Hour))
		setUp := survey.SignInLink{Hash: sha("set up"), Kind: survey.SetUpLink, Way: survey.ByHand, Expires: soon}
		older := survey.SignInLink{Hash: sha("set up before"), Kind: survey.SetUpLink, Way: survey.ByHand, Expires: soon}
		if err := errors.Join(s.CreateLink(ctx, older), s.CreateLink(ctx, setUp)); err != nil {
			t.Fatal(err)
		}
		_, err := s.Link(ctx, older.Hash, survey.SetUpLink, noon)
		wantError(t, "a link that was replaced", err, survey.ErrNotFound)
		if got, err := s.Link(ctx, setUp.Hash, survey.SetUpLink, noon); err != nil || cmp.Diff(setUp, got) != "" {
			t.Errorf("Link: %v\n%s", err, cmp.Diff(setUp, got))
		}
		// What cannot be done whole is not done at all: the link works once more.
		first := survey.User{Address: "First@example.org", Name: "First", PasswordHash: "x", Administrator: true}
		if err := s.SetUp(ctx, setUp.Hash, noon, "a\x00b", &first); err == nil || first.ID != 0 {
			t.Errorf("an organisation is called what cannot be stored: %v, user %d", err, first.ID)
		}
		if has, err := s.HasUsers(ctx); err != nil || has {
			t.Errorf("after a set-up that failed there are users: %t, %v", has, err)
		}
		if err := s.SetUp(ctx, setUp.Hash, noon, "Ours", &first); err != nil || first.ID == 0 || first.Address != "first@example.org" {
			t.Fatalf("set up: %v, %+v", err, first)
		}
		if got, err := s.Memberships(ctx, first.ID); err != nil || len(got) != 1 || got[0].Organisation.Name != "Ours" || !slices.Equal(got[0].Roles, []survey.Role{survey.Owner}) {
			t.Errorf("the first user works in %+v, %v", got, err)
		}
		again := survey.User{Address: "second@example.org", Name: "Second"}
		wantError(t, "setting up twice", s.SetUp(ctx, setUp.Hash, noon, "Theirs", &again), survey.ErrNotFound)

		u := newUser(t, s, "u@example.org")
		_, err = s.Link(ctx, setUp.Hash, survey.SetUpLink, noon)
		wantError(t, "setting up where somebody is", err, survey.ErrNotFound)
		_, err = s.UseLink(ctx, setUp.Hash, survey.SetUpLink, noon)
		wantError(t, "setting up where somebody is", err, survey.ErrNotFound)

		reset := survey.SignInLink{Hash: sha("reset"), Kind: survey.ResetLink, User: u.ID, Way: survey.ByMail, Expires: soon}
		invitation := survey.SignInLink{Hash: sha("invitation"), Kind: survey.InvitationLink, User: u.ID, Way: survey.ByServer, Expires: soon}
		if err := errors.Join(s.CreateLink(ctx, invitation), s.CreateLink(ctx, reset)); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []struct {
			what string
			hash []byte
			kind survey.LinkKind
			now  time.Time
		}{
			{"a link of another kind", reset.Hash, survey.InvitationLink, noon},
			{"a link that has expired", reset.Hash, survey.ResetLink, soon},
			{"a secret there is not", sha("guessed"), survey.ResetLink, noon},
			{"no secret", nil, survey.ResetLink, noon},
		} {
			_, err := s.Link(ctx, wrong.hash, wrong.kind, wrong.now)
			wantError(t, wrong.what, err, survey.ErrNotFound)
			_, err = s.UseLink(ctx, wrong.hash, wrong.kind, wrong.now)
			wantError(t, "using "+wrong.what, err, survey.ErrNotFound)
		}
		wantOne(t, "a link", inParallel(callers, func(int) error {
			got, err := s.UseLink(ctx, reset.Hash, survey.ResetLink, noon)
			if err == nil && cmp.Diff(reset, got) != "" {
				err = fmt.Errorf("UseLink = %+v; want %+v", got, reset)
			}
			return err
		}), survey.ErrNotFound)
		_, err = s.Link(ctx, invitation.Hash, survey.InvitationLink, noon)
		wantError(t, "the link of the other kind", err, survey.ErrNotFound)
		if err := s.CreateLink(ctx, invitation); err != nil {
			t.Fatal(err)
		}
		// Of many that are made at once the last one works, and no other.
		if err := errors.Join(inParallel(callers, func(i int) error {
			return s.CreateLink(ctx, survey.SignInLink{Hash: sha(fmt.Sprint(i)), Kind: survey.ResetLink, User: u.ID, Expires: soon})
		})...); err != nil {
			t.Fatal(err)
		}
		working := 0
		for i := range callers {
			if _, err := s.Link(ctx, sha(fmt.Sprint(i)), survey.ResetLink, noon); err == nil {
				working++
			}
		}
		if working != 1 {
			t.Errorf("%d links of one kind work; want one", working)
		}
		wantError(t, "a link of nobody", s.CreateLink(ctx, survey.SignInLink{Hash: sha("x"), Kind: survey.ResetLink, User: 77, Expires: soon}), survey.ErrNotFound)
		if err := s.DeleteUser(ctx, u.ID); err != nil {
			t.Fatal(err)
		}
		_, err = s.Link(ctx, invitation.Hash, survey.InvitationLink, noon)
		wantError(t, "a link of a deleted user", err, survey.ErrNotFound)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		o, foreign := newOrganisation(t, s, "Alfa"), newOrganisation(t, s, "Beta")
		u := newMember(t, s, o.ID, "u@example.org", survey.Owner)
		want := survey.APIToken{
			Organisation: o.ID, User: u.ID, Name: "nightly export", Rights: []string{"results.see", "results.export"}, Prefix: "cxm_ab",
			Hash: sha("token"), Expires: noon.Add(24 * time.Hour),
		}
		if err := s.CreateToken(ctx, &want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.TokenByHash(ctx, want.Hash, noon); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("TokenByHash: %v\n%s", err, cmp.Diff(want, got))
		}
		again := want
		wantError(t, "the same secret again", s.CreateToken(ctx, &again), survey.ErrConflict)
		stranger := survey.APIToken{Organisation: foreign.ID, User: u.ID, Name: "x", Hash: sha("x"), Expires: noon}
		wantError(t, "a token of somebody who is no member", s.CreateToken(ctx, &stranger), survey.ErrNotFound)

		day := time.Date(2027, 3, 2, 0, 0, 0, 0, time.UTC)
		if err := s.TokenUsed(ctx, o.ID, want.ID, day.Add(5*time.Hour)); err != nil {
			t.Fatal(err)
		}
		want.Used = &day
		wantError(t, "another organisation's token is used", s.TokenUsed(ctx, foreign.ID, want.ID, day), survey.ErrNotFound)
		wantError(t, "revoking another organisation's token", s.RevokeToken(ctx, foreign.ID, want.ID, noon), survey.ErrNotFound)
		second := survey.APIToken{Organisation: o.ID, User: u.ID, Name: "second", Hash: sha("second"), Expires: noon.Add(time.Hour)}
		if err := s.CreateToken(ctx, &second); err != nil {
			t.Fatal(err)
		}
		tokens, err := s.Tokens(ctx, o.ID)
		if err != nil || len(tokens) != 2 || tokens[0].ID != second.ID || cmp.Diff(want, tokens[1]) != "" {
			t.Errorf("Tokens = %+v, %v; want both, the newest first", tokens, err)
		}
		if none, err := s.Tokens(ctx, foreign.ID); err != nil || len(none) != 0 {
			t.Errorf("the other organisation's tokens are %+v, %v", none, err)
		}

		works := func(what string, token survey.APIToken, now time.Time, want error) {
			t.Helper()
			_, err := s.TokenByHash(ctx, token.Hash, now)
			wantError(t, what, err, want)
		}
		works("a token that has expired", second, noon.Add(time.Hour), survey.ErrNotFound)
		o.Archived = stored(noon)
		if err := storetest.SaveOrganisation(ctx, s, o); err != nil {
			t.Fatal(err)
		}
		works("a token of an archived organisation", second, noon, survey.ErrNotFound)
		o.Archived = nil
		u.Disabled = true
		if err := errors.Join(storetest.SaveOrganisation(ctx, s, o), storetest.SaveUser(ctx, s, u)); err != nil {
			t.Fatal(err)
		}
		works("a token of a disabled user", second, noon, survey.ErrNotFound)
		u.Disabled = false
		if err := storetest.SaveUser(ctx, s, u); err != nil {
			t.Fatal(err)
		}
		works("a token", second, noon, nil)
		if err := errors.Join(s.RevokeToken(ctx, o.ID, second.ID, noon), s.RevokeToken(ctx, o.ID, second.ID, noon.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		works("a token that was revoked", second, noon, survey.ErrNotFound)
		if tokens, err := s.Tokens(ctx, o.ID); err != nil || tokens[0].Revoked == nil || !tokens[0].Revoked.Equal(*stored(noon)) {
			t.Errorf("revoked twice, tokens are %+v, %v; want the first time", tokens, err)
		}
	})
}

func TestViews(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		o, foreign := newOrganisation(t, s, "Alfa"), newOrganisation(t, s, "Beta")
		maker, viewer := newMember(t, s, o.ID, "maker@example.org", survey.Analyst), newMember(t, s, o.ID, "viewer@example.org", survey.Viewer)
		stranger := newMember(t, s, foreign.ID, "stranger@example.org", survey.Viewer)
		want := survey.View{Organisation: o.ID, Name: "Żółw", Query: "external=1&internal=2", Maker: maker.ID, Viewers: []survey.UserID{viewer.ID}}
		if err := s.CreateView(ctx, &want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.View(ctx, o.ID, want.ID); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("View: %v\n%s", err, cmp.Diff(want, got))
		}
		second := survey.View{Organisation: o.ID, Name: "Board", Maker: maker.ID}
		if err := s.CreateView(ctx, &second); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Views(ctx, o.ID); err != nil || cmp.Diff([]survey.View{second, want}, got) != "" {
			t.Errorf("Views: %v\n%s", err, cmp.Diff([]survey.View{second, want}, got))
		}
		if got, err := s.Views(ctx, foreign.ID); err != nil || len(got) != 0 {
			t.Errorf("the other organisation's views are %+v, %v", got, err)
		}

		named := survey.View{Organisation: o.ID, Name: "To a stranger", Maker: maker.ID, Viewers: []survey.UserID{stranger.ID}}
		wantError(t, "a view named to somebody else's member", s.CreateView(ctx, &named), survey.ErrNotFound)
		changed := want
		changed.Viewers = append(changed.Viewers, stranger.ID)
		wantError(t, "naming a view to somebody else's member", saveView(ctx, s, changed), survey.ErrNotFound)
		changed.Organisation, changed.Viewers = foreign.ID, nil
		wantError(t, "saving another organisation's view", saveView(ctx, s, changed), survey.ErrNotFound)
		_, err := s.View(ctx, foreign.ID, want.ID)
		wantError(t, "another organisation's view", err, survey.ErrNotFound)
		wantError(t, "deleting another organisation's view", s.DeleteView(ctx, foreign.ID, want.ID), survey.ErrNotFound)
		if got, err := s.View(ctx, o.ID, want.ID); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("after refusals: %v\n%s", err, cmp.Diff(want, got))
		}

		want.Name, want.Viewers = "Renamed", []survey.UserID{maker.ID, viewer.ID}
		if err := saveView(ctx, s, want); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(ctx, maker.ID); err != nil {
			t.Fatal(err)
		}
		want.Maker, want.Viewers = 0, want.Viewers[1:]
		if got, err := s.View(ctx, o.ID, want.ID); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("without who made it: %v\n%s", err, cmp.Diff(want, got))
		}
		if err := s.DeleteView(ctx, o.ID, want.ID); err != nil {
			t.Fatal(err)
		}
		wantError(t, "deleting it again", s.DeleteView(ctx, o.ID, want.ID), survey.ErrNotFound)
	})
}

// saveView gives a view the name and the viewers of v.
func saveView(ctx context.Context, s *store.Store, v survey.View) error {
	return s.ChangeView(ctx, v.Organisation, v.ID, func(stored *survey.View) error {
		stored.Name, stored.Viewers = v.Name, v.Viewers
		return nil
	})
}
