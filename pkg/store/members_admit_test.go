package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// asOwner admits whoever is asked for, as she is.
func asOwner(survey.Standing) (survey.Admission, error) {
	return survey.Admission{Roles: []survey.Role{survey.Owner}}, nil
}

// An organisation is in use from its first wave, and as soon as there is somebody in its panel; whoever works in it then,
// archived or not, is not for whoever runs the server.
func TestInUse(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		peopled, archived := newOrganisation(t, s, "With people"), newOrganisation(t, s, "Archived")
		ann := newMember(t, s, survey.DefaultOrganisation, "ann@example.org", survey.Viewer)
		bob := newMember(t, s, archived.ID, "bob@example.org", survey.Viewer)
		expect := func(when string, organisation survey.OrganisationID, user survey.UserID, want bool) {
			t.Helper()
			used, err := s.InUse(ctx, organisation)
			works, failed := s.WorksWhereInUse(ctx, user)
			if err != nil || failed != nil || used != want || works != want {
				t.Errorf("%s: in use %v, %v, and its member works where it is %v, %v; want %v", when, used, err, works, failed, want)
			}
		}
		expect("without anything", survey.DefaultOrganisation, ann.ID, false)
		expect("that there is not", 77, 77, false)
		newWave(t, s, "used")
		expect("with a wave", survey.DefaultOrganisation, ann.ID, true)
		expect("another one", archived.ID, bob.ID, false)
		for _, o := range []survey.Organisation{peopled, archived} {
			person := survey.Person{Organisation: o.ID, Key: "1", Name: "Eve", Active: true}
			if err := s.SavePerson(ctx, &person); err != nil {
				t.Fatal(err)
			}
		}
		archived.Archived = stored(noon)
		if err := s.SaveOrganisation(ctx, archived); err != nil {
			t.Fatal(err)
		}
		expect("with people, in the archive", archived.ID, bob.ID, true)

		eve := newUser(t, s, "eve@example.org")
		for _, id := range []survey.OrganisationID{survey.DefaultOrganisation, peopled.ID, archived.ID} {
			wantError(t, "to be appointed where it is in use", s.AdmitToUnused(ctx, id, eve.ID, asOwner), survey.ErrInUse)
		}
		if err := s.AdmitToUnused(ctx, newOrganisation(t, s, "New").ID, eve.ID, asOwner); err != nil {
			t.Error(err)
		}
		wantError(t, "an organisation that there is not", s.AdmitToUnused(ctx, 77, eve.ID, asOwner), survey.ErrNotFound)
		wantError(t, "a user whom there is not", s.Admit(ctx, peopled.ID, 77, asOwner), survey.ErrNotFound)
	})
}

// What is decided about an account holds for the account as it is: it is told with all that she is, and what let in before
// an admission that begins anew does not any more.
func TestAdmit(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		other := newOrganisation(t, s, "Other")
		ann := newUser(t, s, "ann@example.org")
		told := func(organisation survey.OrganisationID, decide func(survey.Standing) (survey.Admission, error)) survey.Standing {
			t.Helper()
			var at survey.Standing
			err := s.Admit(ctx, organisation, ann.ID, func(standing survey.Standing) (survey.Admission, error) {
				at = standing
				return decide(standing)
			})
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if at := told(other.ID, asOwner); at.User.Address != ann.Address || at.User.PasswordHash == "" || at.Roles != nil || at.Elsewhere || at.ElsewhereInUse {
			t.Errorf("at first she is %+v", at)
		}
		if at := told(survey.DefaultOrganisation, asOwner); !at.Elsewhere || at.ElsewhereInUse || at.Roles != nil {
			t.Errorf("with another organisation she is %+v", at)
		}
		newWave(t, s, "used")
		if at := told(other.ID, asOwner); !at.Elsewhere || !at.ElsewhereInUse || !slices.Equal(at.Roles, []survey.Role{survey.Owner}) {
			t.Errorf("with two of them she is %+v", at)
		}
		refused := errors.New("refused")
		wantError(t, "a refusal", s.Admit(ctx, other.ID, ann.ID, func(survey.Standing) (survey.Admission, error) { return survey.Admission{}, refused }), refused)
		if err := s.Admit(ctx, other.ID, ann.ID, func(survey.Standing) (survey.Admission, error) { return survey.Admission{}, nil }); err == nil {
			t.Error("she was admitted as nothing")
		}

		for _, known := range []error{
			s.SaveSession(ctx, survey.Session{Hash: "known", User: ann.ID, Started: noon, Seen: noon, Expires: noon.Add(time.Hour)}, []byte("x")),
			s.SetSecondFactor(ctx, ann.ID, []byte("sealed"), [][]byte{sha("code")}),
			s.CreateLink(ctx, survey.SignInLink{Hash: sha("known"), Kind: survey.ResetLink, User: ann.ID, Way: survey.ByMail, Expires: noon.Add(time.Hour)}),
		} {
			if known != nil {
				t.Fatal(known)
			}
		}
		fresh := survey.SignInLink{Hash: sha("fresh"), Kind: survey.InvitationLink, Expires: noon.Add(time.Hour)}
		told(other.ID, func(survey.Standing) (survey.Admission, error) {
			return survey.Admission{Roles: []survey.Role{survey.HR, survey.Owner}, Anew: true, Link: &fresh}, nil
		})
		sessions, err := s.Sessions(ctx, ann.ID, noon)
		left, failed := s.RecoveryCodes(ctx, ann.ID)
		_, linked := s.Link(ctx, sha("known"), survey.ResetLink, noon)
		if u, unread := s.User(ctx, ann.ID); errors.Join(err, failed, unread) != nil || len(sessions) > 0 || left > 0 || !errors.Is(linked, survey.ErrNotFound) || u.PasswordHash != "" || u.SecondFactor != nil {
			t.Errorf("what was known still lets in: %+v, %d sessions, %d codes, link %v", u, len(sessions), left, linked)
		}
		if link, err := s.Link(ctx, fresh.Hash, survey.InvitationLink, noon); err != nil || link.User != ann.ID || link.Way != survey.ByHand {
			t.Errorf("the link she has now is %+v, %v", link, err)
		}
	})
}

// A link that was shown to whoever runs the server opens nothing that is in use, whenever it was made; and links that
// others have seen end when she becomes a member elsewhere.
func TestLinksThatOthersHaveSeen(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ann := newMember(t, s, survey.DefaultOrganisation, "ann@example.org", survey.Owner)
		works := func(name string, way survey.LinkWay) error {
			t.Helper()
			_, err := s.Link(ctx, sha(name), survey.InvitationLink, noon)
			_, reset := s.Link(ctx, sha(name), survey.ResetLink, noon)
			if err != nil && reset != nil {
				return err
			}
			if err == nil || reset == nil {
				return nil
			}
			return errors.New(string(way))
		}
		put := func(name string, kind survey.LinkKind, way survey.LinkWay) {
			t.Helper()
			if err := s.CreateLink(ctx, survey.SignInLink{Hash: sha(name), Kind: kind, User: ann.ID, Way: way, Expires: noon.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		put("shown", survey.InvitationLink, survey.ByServer)
		put("mailed", survey.ResetLink, survey.ByMail)
		if err := works("shown", survey.ByServer); err != nil {
			t.Errorf("as long as nothing is in use: %v", err)
		}
		newWave(t, s, "used")
		wantError(t, "once there is a wave", works("shown", survey.ByServer), survey.ErrNotFound)
		_, err := s.AcceptLink(ctx, sha("shown"), survey.InvitationLink, survey.Acceptance{PasswordHash: "x", At: noon})
		wantError(t, "to accept it then", err, survey.ErrNotFound)
		_, err = s.UseLink(ctx, sha("shown"), survey.InvitationLink, noon)
		wantError(t, "to use it then", err, survey.ErrNotFound)
		if err := works("mailed", survey.ByMail); err != nil {
			t.Errorf("what went by mail: %v", err)
		}
		put("handed", survey.InvitationLink, survey.ByHand)
		if err := works("handed", survey.ByHand); err != nil {
			t.Errorf("what an owner handed over: %v", err)
		}
		other := newOrganisation(t, s, "Other")
		if err := s.SetRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.Owner, survey.HR}); err != nil || works("handed", survey.ByHand) != nil {
			t.Errorf("after other roles where she works: %v, %v", err, works("handed", survey.ByHand))
		}
		if err := s.SetRoles(ctx, other.ID, ann.ID, []survey.Role{survey.HR}); err != nil {
			t.Fatal(err)
		}
		wantError(t, "what was handed over, when she works elsewhere too", works("handed", survey.ByHand), survey.ErrNotFound)
		if err := works("mailed", survey.ByMail); err != nil {
			t.Errorf("what went by mail, when she works elsewhere too: %v", err)
		}
	})
}

// Who accepts a link is proved to have the address if it went by mail; of any other, whoever has seen it keeps nothing.
func TestAcceptLink(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		ann := newMember(t, s, survey.DefaultOrganisation, "ann@example.org", survey.Owner)
		for i, tt := range []struct {
			way    survey.LinkWay
			proves bool
		}{{survey.ByMail, true}, {survey.ByHand, false}, {survey.ByServer, false}} {
			name := string(tt.way)
			token := survey.APIToken{Organisation: survey.DefaultOrganisation, User: ann.ID, Name: name, Hash: sha(name), Expires: noon.Add(time.Hour)}
			for _, err := range []error{
				s.CreateToken(ctx, &token),
				s.SaveSession(ctx, survey.Session{Hash: name, User: ann.ID, Started: noon, Seen: noon, Expires: noon.Add(time.Hour)}, []byte("x")),
				s.CreateLink(ctx, survey.SignInLink{Hash: sha(name), Kind: survey.ResetLink, User: ann.ID, Way: tt.way, Expires: noon.Add(time.Hour)}),
				s.CreateLink(ctx, survey.SignInLink{Hash: sha("other " + name), Kind: survey.InvitationLink, User: ann.ID, Way: survey.ByHand, Expires: noon.Add(time.Hour)}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.AcceptLink(ctx, sha(name), survey.InvitationLink, survey.Acceptance{PasswordHash: "other kind", At: noon})
			wantError(t, "a link of another kind", err, survey.ErrNotFound)
			if sessions, err := s.Sessions(ctx, ann.ID, noon); err != nil || len(sessions) != 1 {
				t.Errorf("what was refused ended a session: %+v, %v", sessions, err)
			}
			accepted := inParallel(callers, func(j int) error {
				_, err := s.AcceptLink(ctx, sha(name), survey.ResetLink, survey.Acceptance{Name: "Ann", Language: "pl", PasswordHash: name + string(rune('a'+j)), At: noon})
				return err
			})
			wantOne(t, "to accept a link", accepted, survey.ErrNotFound)
			winner := name + string(rune('a'+slices.Index(accepted, nil)))
			u, err := s.User(ctx, ann.ID)
			sessions, failed := s.Sessions(ctx, ann.ID, noon)
			if errors.Join(err, failed) != nil || u.PasswordHash != winner || u.Proved != tt.proves || u.Name != "Ann" || u.Language != "pl" || len(sessions) > 0 {
				t.Errorf("%d: by %s she is %+v with %d sessions; want the password %q", i, name, u, len(sessions), winner)
			}
			_, err = s.Link(ctx, sha("other "+name), survey.InvitationLink, noon)
			wantError(t, "another link of hers", err, survey.ErrNotFound)
			_, err = s.TokenByHash(ctx, sha(name), noon)
			if tt.proves && err != nil || !tt.proves && !errors.Is(err, survey.ErrNotFound) {
				t.Errorf("her token, after a link by %s: %v", name, err)
			}
		}
		if err := s.SetPassword(ctx, ann.ID, "given"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "a password that is another one by now", s.ReplacePassword(ctx, ann.ID, "before", "after"), survey.ErrConflict)
		if err := s.ReplacePassword(ctx, ann.ID, "given", "after"); err != nil {
			t.Error(err)
		}
	})
}

// Whoever begins an account anew and whoever uses what let in before do so one after the other: whichever comes first,
// no password is left that somebody knew before, and no link that somebody has seen.
func TestAdmissionAnewIsNotPassedBy(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i := range 15 {
			name := "ann" + string(rune('a'+i))
			ann := newUser(t, s, name+"@example.org")
			if err := s.CreateLink(ctx, survey.SignInLink{Hash: sha(name), Kind: survey.ResetLink, User: ann.ID, Expires: noon.Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			fresh := survey.SignInLink{Hash: sha("fresh" + name), Kind: survey.InvitationLink, Expires: noon.Add(time.Hour)}
			got := inParallel(4, func(j int) error {
				switch j {
				case 0:
					return s.Admit(ctx, survey.DefaultOrganisation, ann.ID, func(survey.Standing) (survey.Admission, error) {
						return survey.Admission{Roles: []survey.Role{survey.Viewer}, Anew: true, Link: &fresh}, nil
					})
				case 1:
					_, err := s.AcceptLink(ctx, sha(name), survey.ResetLink, survey.Acceptance{PasswordHash: "known", At: noon})
					return err
				case 2:
					return s.ReplacePassword(ctx, ann.ID, ann.PasswordHash, "known too")
				default:
					return s.CreateLink(ctx, survey.SignInLink{Hash: sha("late" + name), Kind: survey.InvitationLink, User: ann.ID, Way: survey.ByServer, Expires: noon.Add(time.Hour)})
				}
			})
			if got[0] != nil || got[1] != nil && !errors.Is(got[1], survey.ErrNotFound) || got[2] != nil && !errors.Is(got[2], survey.ErrConflict) || got[3] != nil {
				t.Fatalf("%v", got)
			}
			if u, err := s.User(ctx, ann.ID); err != nil || u.PasswordHash != "" {
				t.Errorf("the password that lets in is %q, %v; want none", u.PasswordHash, err)
			}
			_, err := s.Link(ctx, sha(name), survey.ResetLink, noon)
			wantError(t, "the link before", err, survey.ErrNotFound)
		}
	})
}

// Of two owners one removes a member while the other changes what she is: she is removed, or changed and then removed, and
// never back.
func TestChangeOfRolesBringsNobodyBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		newMember(t, s, survey.DefaultOrganisation, "owner@example.org", survey.Owner)
		ann := newUser(t, s, "ann@example.org")
		wantError(t, "who never was a member", s.ChangeRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.HR}), survey.ErrNotFound)
		late := 0
		for range 15 {
			if err := s.SetRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.Viewer}); err != nil {
				t.Fatal(err)
			}
			got := inParallel(4, func(i int) error {
				if i == 0 {
					return s.SetRoles(ctx, survey.DefaultOrganisation, ann.ID, nil)
				}
				return s.ChangeRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.HR, survey.Owner})
			})
			if got[0] != nil {
				t.Fatal(got[0])
			}
			for _, err := range got[1:] {
				if err != nil && !errors.Is(err, survey.ErrNotFound) {
					t.Error(err)
				}
				if err != nil {
					late++
				}
			}
			if members, err := s.Members(ctx, survey.DefaultOrganisation); err != nil || len(members) != 1 {
				t.Fatalf("she is back: %+v, %v", members, err)
			}
		}
		t.Logf("%d of %d changes came too late", late, 45)
		if err := s.SetRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.Viewer}); err != nil {
			t.Fatal(err)
		}
		if err := s.ChangeRoles(ctx, survey.DefaultOrganisation, ann.ID, []survey.Role{survey.HR}); err != nil {
			t.Error(err)
		}
		for _, roles := range [][]survey.Role{nil, {"emperor"}} {
			if err := s.ChangeRoles(ctx, survey.DefaultOrganisation, ann.ID, roles); err == nil {
				t.Errorf("ChangeRoles took %q", roles)
			}
		}
	})
}
