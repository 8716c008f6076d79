package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// The walk over foreign ids. Organisation A has one of everything. Then every method of the store that there is, found
// by reflection, is called for organisation B with the ids of A's rows: all of them must be "not found" or come back
// empty, and no row that is not B's may change. A method with a parameter that the walk cannot make up fails it, and so
// does one that takes an id and does not ask whose it is. That the arguments are good ones is seen by calling each
// method for A itself: then it must find something.

// withoutOrganisation are the methods that ask for no organisation, each with its reason. None takes an id that
// somebody could guess.
var withoutOrganisation = map[string]string{
	"InvitationByToken": "a look-up by the secret in a personal link; the invitation says whose it is",
	"InvitationByCode":  "a look-up by the access code on paper, which is a secret, too",
	"WaveBySlug":        "an open link is for everybody who has it",
	"DueMailings":       "the server's round over all organisations",
	"ClaimMails":        "the server's round over all organisations",
	"WavesToErase":      "the server's round over all organisations",
	"WavesToRelease":    "the server's round over all organisations",
	"MailsWait":         "the server's round over all organisations",

	// Programs that send mail do so for all organisations.
	"JoinSenders": "a program that sends", "BeatSender": "a program that sends", "Senders": "programs that send",
	"LeaveSenders": "a program that sends", "DropSender": "a program that sends",

	// Users sign in once for all organisations: what they may do in one, their membership says.
	"Link": "a look-up by the secret in a link", "UseLink": "a look-up by the secret in a link", "SetUp": "the secret in a link; there is one organisation then", "CreateLink": "of a user",
	"TokenByHash": "a look-up by a secret; the token says whose it is",
	"SaveSession": "of a user", "SessionData": "a look-up by a secret", "DeleteSession": "a look-up by a secret", "Sessions": "of a user",
	"EndSession": "of a user", "EndSessions": "of a user", "DeleteExpiredSessions": "the server's round", "EndAllAccess": "the whole database",
	"CreateUser": "of the whole instance", "User": "of the whole instance", "Users": "of the whole instance", "HasUsers": "of the whole instance",
	"UserByAddress": "who types it signs in by it", "UserBySubject": "single sign-on says it", "ChangeUser": "of the whole instance",
	"DeleteUser": "of the whole instance", "SetPassword": "of a user", "ReplacePassword": "of a user", "SignedIn": "of a user", "SetSecondFactor": "of a user",
	"UseSecondFactor": "of a user", "UseRecoveryCode": "of a user", "RecoveryCodes": "of a user",
	"Memberships": "in which organisations a user works", "OrganisationsOf": "in which organisations a user works",
	"SetRolesFromGroups": "each role names its organisation",
	"GroupRoles":         "each names its organisation",
	"AcceptLink":         "a look-up by the secret in a link", "WorksWhereInUse": "of a user",
	"CreateOrganisation": "makes one", "SaveOrganisation": "its id is the organisation", "Organisations": "all there are",

	"WaveChanges":       "a number of this process",
	"BindSecret":        "the whole database",
	"SecretFingerprint": "the whole database",
	"SecretUse":         "the whole database",
	"ForgetSecret":      "the whole database",
	"Migrate":           "the whole database",
	"Schema":            "the whole database",
	"Backup":            "the whole database",
	"Engine":            "the whole database",
	"Ping":              "the whole database",
	"Close":             "the whole database",
}

// plainNumbers are the methods that take a number of 64 bits that names no row.
var plainNumbers = map[string]string{"UseSecondFactor": "a step of time"}

// ofItself are the methods that find nothing by an id of a row: they make rows of the organisation they are called for,
// or say what it would be if they did.
var ofItself = map[string]string{
	"Organisation":       "the organisation itself",
	"ChangeOrganisation": "the organisation itself",
	"DeleteOrganisation": "the organisation itself, whose name must be typed", "ArchiveOrganisation": "the organisation itself", "RestoreOrganisation": "the organisation itself",
	"SetRoles":      "users are of all organisations, and become members of this one",
	"Note":          "an event is added",
	"SaveVersion":   "a version is found by its code and number, and its id is filled in",
	"SaveAttribute": "an attribute is found by its key",
	"ImportPeople":  "people are found by their keys",
	"PreviewPeople": "people are found by their keys",
	"Admit":         "users are of all organisations, and become members of this one", "AdmitToUnused": "users are of all organisations, and become members of this one",
	"InUse": "the organisation itself", "SetGroupRoles": "the organisation itself, whose rows all are",
}

// world is what an organisation has: one of everything, and a wave of one kind.
type world struct {
	organisation survey.OrganisationID
	mark         string // in every text that people wrote

	version    survey.VersionID
	wave       survey.Wave
	person     survey.PersonID // has begun to answer
	invitation survey.InvitationID
	fresh      survey.InvitationID // nobody began by it
	response   survey.Response     // begun
	draft      store.Draft         // the same, of an anonymous wave
	mailing    survey.MailingID    // planned
	mail       int64               // claimed
	value      int64               // of an attribute
	other      int64               // of the same
	sender     survey.SenderID     // of the whole instance: it has claimed the mail
	user       survey.UserID       // of the whole instance: a member
	token      survey.TokenID
	view       survey.ViewID
}

// worldKinds are the waves that methods are tried on: what holds for one is not asked for in another.
var worldKinds = []string{"draft", "confidential", "anonymous"}

// newWorld makes rows of an organisation.
func newWorld(t *testing.T, s *store.Store, organisation survey.OrganisationID, kind string) world {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("a %s wave of organisation %d: %v", kind, organisation, err)
		}
	}
	ctx, w := t.Context(), world{organisation: organisation, mark: "mark" + randomID()}
	w.invitation, w.fresh = survey.InvitationID(randomID()), survey.InvitationID(randomID()) // until there are some
	w.newMember(t, s)
	version := survey.Version{Organisation: organisation, Code: "q-" + w.mark, Number: 1, Source: []byte("code: " + w.mark)}
	must(s.SaveVersion(ctx, &version))
	w.version = version.ID
	must(s.SaveAttribute(ctx, survey.Attribute{Organisation: organisation, Key: "unit", Name: "Unit " + w.mark, Type: survey.TextAttribute}))
	var panel []survey.Person
	for i := range 5 {
		panel = append(panel, survey.Person{
			Key: fmt.Sprintf("%s-%d", w.mark, i), Address: fmt.Sprintf("%s.%d@example.org", w.mark, i), Name: fmt.Sprintf("%s %d", w.mark, i), Active: true,
			Attributes: map[string]string{"unit": fmt.Sprintf("%s %d", w.mark, i%2)},
		})
	}
	_, err := s.ImportPeople(ctx, organisation, these(panel...), store.ImportOptions{})
	must(err)
	people, _, err := s.People(ctx, organisation, store.PeopleQuery{Text: w.mark})
	must(err)
	w.person = people[0].ID
	attributes, err := s.AttributesAlone(ctx, organisation)
	must(err)
	for _, v := range attributes[0].Values {
		if strings.HasPrefix(v.Given, w.mark) {
			w.value, w.other = v.ID, w.value
		}
	}
	w.wave = survey.Wave{
		Organisation: organisation, Version: w.version, Name: w.mark, Audience: survey.Internal, Slug: w.mark, State: survey.WaveDraft,
		Threshold: 3, Mode: survey.Confidential, Tracks: true,
	}
	if kind == "anonymous" {
		w.wave.Mode = survey.Anonymous
	}
	must(s.CreateWave(ctx, &w.wave))
	must(s.SavePlan(ctx, organisation, w.wave.ID, json.RawMessage(`{"note":"`+w.mark+`"}`)))
	if kind != "draft" {
		w.launch(t, s, people)
	}
	w.wave, err = s.Wave(ctx, organisation, w.wave.ID)
	must(err)
	w.wave.Launched = stored(noon)
	return w
}

// newMember makes a user who works in the organisation, and what she has there.
func (w *world) newMember(t *testing.T, s *store.Store) {
	t.Helper()
	name := "user" + randomID() // and not the mark: whoever makes her a member may see it
	user := survey.User{Address: name + "@example.org", Name: name, PasswordHash: "x"}
	if err := s.CreateUser(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	w.user = user.ID
	token := survey.APIToken{Organisation: w.organisation, User: w.user, Name: w.mark, Hash: hashOf(w.mark), Expires: noon.AddDate(1, 0, 0)}
	view := survey.View{Organisation: w.organisation, Name: w.mark, Maker: w.user, Viewers: []survey.UserID{w.user}}
	err := s.SetRoles(t.Context(), w.organisation, w.user, survey.Roles())
	for _, next := range []func() error{
		func() error { return s.CreateToken(t.Context(), &token) },
		func() error { return s.CreateView(t.Context(), &view) },
		func() error {
			return s.SetGroupRoles(t.Context(), w.organisation, []survey.GroupRole{{Group: w.mark, Organisation: w.organisation, Role: survey.Viewer}})
		},
		func() error {
			return s.Note(t.Context(), survey.AuditEvent{At: noon, Organisation: w.organisation, Actor: survey.ByUser, User: w.user, Who: w.mark, Action: "x"})
		},
	} {
		if err == nil {
			err = next()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	w.token, w.view = token.ID, view.ID
}

// launch invites people to the wave, of whom one has begun, three have finished, and one has done nothing.
func (w *world) launch(t *testing.T, s *store.Store, people []survey.Person) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	var invitations []store.NewInvitation
	for _, p := range people {
		id := survey.InvitationID(randomID())
		invitations = append(invitations, store.NewInvitation{Invitation: survey.Invitation{ID: id, Person: p.ID}, TokenHash: hashOf("token" + string(id)), CodeHash: hashOf("code" + string(id))})
	}
	w.wave.Launched = stored(noon)
	letter := survey.Letter{Wave: w.wave.ID, Kind: survey.InvitationLetter, Subject: survey.Words{"en": w.mark}, Text: survey.Words{"en": w.mark}}
	mailings := []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}, {Kind: survey.ReminderLetter, At: noon.AddDate(0, 0, 3)}}
	_, err := s.LaunchWave(ctx, w.wave, eachInvitation(invitations...), []survey.Letter{letter}, mailings)
	must(err)
	w.invitation, w.fresh, w.mailing = invitations[0].ID, invitations[4].ID, mailings[1].ID
	_, err = s.StartMailing(ctx, w.organisation, mailings[0].ID, numbered(), noon)
	must(err)
	w.sender, err = s.JoinSenders(ctx)
	must(err)
	mails, err := s.ClaimMails(ctx, w.sender, noon, 1000)
	must(err)
	for _, mail := range mails {
		switch mail.Invitation {
		case w.invitation:
			must(s.MailSent(ctx, w.organisation, mail.ID, noon))
		case w.fresh:
			w.mail = mail.ID
		}
	}
	answers := `{"comment":"` + w.mark + `"}`
	if w.wave.Mode == survey.Anonymous {
		for i := range 4 {
			d := newDraft(w.wave)
			must(s.StartDraft(ctx, w.organisation, &d, invitations[i].ID))
			if i == 0 {
				w.draft = d
				continue
			}
			must(s.Seal(ctx, w.organisation, next(d), invitations[i].ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0))
		}
	} else {
		for i := range 4 {
			r := newResponse(w.wave)
			r.Invitation, r.Person, r.Answers = invitations[i].ID, w.mark, []byte(answers)
			must(s.StartResponse(ctx, w.organisation, &r))
			if i == 0 {
				w.response = r
				continue
			}
			must(s.CompleteResponse(ctx, w.organisation, complete(r, answers), 0))
		}
	}
	reviewed := w.imported()
	_, err = s.ImportResponses(ctx, w.organisation, w.wave.ID, each(reviewed, w.imported(), w.imported()))
	must(err)
	must(s.ReviewComment(ctx, w.organisation, w.wave.ID, reviewed.ID, "comment", true))
}

// imported is a complete response of nobody.
func (w *world) imported() survey.Response {
	return survey.Response{ID: survey.ResponseID(randomID()), Answers: []byte(`{"comment":"` + w.mark + `"}`), Completed: stored(noon)}
}

// arguments are the values that a parameter of a type is given, from what a world has. Where there are several, all
// are tried.
func arguments(ctx context.Context, kind reflect.Type, w *world) []any {
	response := complete(w.response, `{"comment":"`+w.mark+`"}`)
	if response.ID == "" { // an anonymous wave has none
		response.ID, response.Wave = "00000000000000000000000000000000", w.wave.ID
	}
	texts := []any{"text" + randomID(), w.mark + ".0@example.org"}
	for _, key := range []string{w.response.Key, w.draft.Key} {
		if key != "" {
			texts = append(texts, key)
		}
	}
	began := newResponse(survey.Wave{ID: w.wave.ID, Version: w.version})
	began.Invitation = w.fresh
	person := survey.Person{ID: w.person, Organisation: w.organisation, Key: w.mark + "-0", Name: "renamed", Active: true}
	created := w.wave
	created.Slug = "slug" + randomID()
	created.Launched, created.State = nil, survey.WaveDraft
	own := store.Draft{Wave: w.wave.ID, Version: w.version, Key: w.draft.Key, Revision: w.draft.Revision, Content: sealedBytes()}
	begun := newDraft(survey.Wave{ID: w.wave.ID, Version: w.version})
	invited := survey.InvitationID(randomID())
	for _, known := range [][]any{
		{ctx},
		{w.organisation},
		{w.version},
		{w.wave.ID},
		{w.person},
		{[]survey.PersonID{w.person}},
		{w.invitation},
		{response.ID},
		{w.mailing},
		{survey.ItemCode("comment")},
		{w.mail, w.value},
		{[]int64{w.mail}, []int64{w.other}},
		{w.sender},
		{w.user},
		{[]survey.Role{survey.Viewer, survey.Owner}},
		{[]survey.GroupRole{{Group: w.mark, Organisation: w.organisation, Role: survey.Viewer}}},
		{func(survey.Standing) (survey.Admission, error) {
			return survey.Admission{Roles: []survey.Role{survey.Viewer}}, nil
		}},
		{w.token},
		{&survey.APIToken{ID: w.token, Organisation: w.organisation, User: w.user, Name: "x", Hash: hashOf(randomID()), Expires: noon}},
		{w.view},
		{survey.View{ID: w.view, Organisation: w.organisation, Name: "renamed", Maker: w.user, Viewers: []survey.UserID{w.user}}},
		{&survey.View{ID: w.view, Organisation: w.organisation, Name: "new", Viewers: []survey.UserID{w.user}}},
		{survey.AuditEvent{At: noon, Organisation: w.organisation, Actor: survey.ByUser, User: w.user, Who: "x", Action: "x"}},
		{store.AuditQuery{}},
		{&survey.Version{ID: w.version, Organisation: w.organisation, Code: "new-" + randomID(), Number: 1, Source: []byte("x")}},
		{w.wave},
		{&created},
		{person},
		{&person},
		{survey.Attribute{Organisation: w.organisation, Key: "unit", Name: "renamed", Type: survey.TextAttribute}},
		{response},
		{&began},
		{next(own)},
		{&begun},
		{survey.Sealed{ID: randomID(), Content: sealedBytes()}},
		{survey.Letter{Wave: w.wave.ID, Kind: survey.ReminderLetter, Subject: survey.Words{"en": "x"}, Text: survey.Words{"en": "x"}}},
		{[]survey.Letter(nil)},
		{&survey.Mailing{ID: w.mailing, Organisation: w.organisation, Wave: w.wave.ID, Kind: survey.ReminderLetter, At: noon}},
		{[]survey.Mailing(nil)},
		{survey.Cut{Release: 0, Shown: []survey.Part{}}},
		{eachInvitation(store.NewInvitation{Invitation: survey.Invitation{ID: invited, Person: w.person}, TokenHash: hashOf(string(invited))})},
		{each(w.imported())},
		{these(survey.Person{ID: w.person, Key: "new-" + randomID(), Name: "x", Active: true})},
		{store.ImportOptions{Update: true, DeactivateMissing: true}},
		{store.PeopleQuery{}},
		{store.InvitationQuery{}},
		{store.Mark{}},
		texts,
		{[]string{w.mark}, []string{w.mark + ".0@example.org"}},
		{response.Answers},
		{json.RawMessage(`{}`)},
		{noon},
		{0},
		{false, true},
		{func(o *survey.Organisation) error { o.Retention = 30; return nil }},
		{func(changed *survey.Wave) error { changed.Name = "renamed"; return nil }},
		{func(v *survey.View) error { v.Name = "renamed"; return nil }},
		{func([]survey.Letter) ([]survey.Letter, error) {
			return []survey.Letter{{Kind: survey.ReminderLetter, Subject: survey.Words{"en": "x"}, Text: survey.Words{"en": "x"}}}, nil
		}},
		{func() string { return randomID() + "@example.org" }},
		{func(pending []survey.ResponseID, k int, _ bool) []survey.ResponseID {
			return pending[:min(k, len(pending))]
		}},
		{publishSome(survey.Wave{ID: w.wave.ID, Version: w.version}, 3)},
	} {
		if reflect.TypeOf(known[0]) == kind || kind.Kind() == reflect.Interface && reflect.TypeOf(known[0]).Implements(kind) {
			return known
		}
	}
	return nil
}

// calls yields what a method answers to every combination of arguments from a world.
func calls(t *testing.T, s *store.Store, method reflect.Method, w *world) iter.Seq[reply] {
	t.Helper()
	kinds := make([]reflect.Type, 0, method.Type.NumIn())
	for i := 1; i < method.Type.NumIn(); i++ {
		kinds = append(kinds, method.Type.In(i))
	}
	return func(yield func(reply) bool) {
		chosen := make([]int, len(kinds)) // which of the arguments of each parameter
		for {
			values, carry := []reflect.Value{reflect.ValueOf(s)}, true
			for i, kind := range kinds {
				known := arguments(t.Context(), kind, w) // anew: a sequence, and what a call fills in, is used once
				if known == nil {
					t.Fatalf("%s takes a %v, of which the walk over foreign ids knows none: add one to arguments", method.Name, kind)
				}
				values = append(values, reflect.ValueOf(known[chosen[i]]))
				if carry {
					chosen[i]++
					if carry = chosen[i] == len(known); carry {
						chosen[i] = 0
					}
				}
			}
			if !yield(replyOf(method.Func.Call(values))) || carry {
				return
			}
		}
	}
}

// reply is what came back from a call.
type reply struct {
	err   error
	found []any // results that are neither the error nor empty
	only  bool  // the error is all that comes back
}

func replyOf(results []reflect.Value) reply {
	a := reply{only: len(results) == 1 && results[0].Type() == reflect.TypeFor[error]()}
	for _, r := range results {
		switch {
		case r.Type() == reflect.TypeFor[error]():
			a.err, _ = reflect.TypeAssert[error](r)
		case r.Kind() == reflect.Func: // a sequence
			for value, err := range r.Seq2() {
				if err, failed := reflect.TypeAssert[error](err); failed {
					a.err = err
				} else {
					a.found = append(a.found, value.Interface())
				}
			}
		case (r.Kind() == reflect.Slice || r.Kind() == reflect.Map) && r.Len() == 0, r.IsZero():
		default:
			a.found = append(a.found, r.Interface())
		}
	}
	return a
}

// nothing reports whether nothing was found: what another organisation may be told.
func (a *reply) nothing() bool {
	return errors.Is(a.err, survey.ErrNotFound) || a.err == nil && len(a.found) == 0 && !a.only
}

// something reports whether rows were found, or were there to be changed.
func (a *reply) something() bool { return a.err == nil && (a.only || len(a.found) > 0) }

// rowsOfOthers are all rows of the database but those of an organisation.
func rowsOfOthers(t *testing.T, engine, dsn string, organisation survey.OrganisationID) func() string {
	t.Helper()
	_, db := migrationsOf(t, engine, dsn)
	list, columns := "SELECT name FROM sqlite_master WHERE type = 'table'", "SELECT name FROM pragma_table_info('%s')"
	if engine == "postgres" {
		list = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
		columns = "SELECT attname::text FROM pg_attribute WHERE attrelid = '%s'::regclass AND attnum > 0 AND NOT attisdropped"
	}
	var queries []string
	for _, table := range rowsOf(t, db, list) {
		table = strings.Trim(table, `["]`)
		query := "SELECT * FROM " + table
		if slices.Contains(rowsOf(t, db, fmt.Sprintf(columns, table)), `["organisation_id"]`) {
			query += fmt.Sprintf(" WHERE organisation_id IS DISTINCT FROM %d", organisation)
		} else if table == "organisations" {
			query += fmt.Sprintf(" WHERE id <> %d", organisation)
		}
		if table != "sqlite_sequence" { // the ids that B's own rows took
			queries = append(queries, query)
		}
	}
	return func() string {
		t.Helper()
		var all []string
		for _, query := range queries {
			all = append(all, rowsOf(t, db, query)...)
		}
		slices.Sort(all)
		return strings.Join(all, "\n")
	}
}

// TestForeignIDs is the walk.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	for engine, dsnOf := range bothEngines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			const theirs = ours + 1
			if err := execute(t, dsn, fmt.Sprintf("INSERT INTO organisations (id, name) VALUES (%d, 'B')", theirs)); err != nil {
				t.Fatal(err)
			}
			worlds := make([]world, len(worldKinds))
			for i, kind := range worldKinds {
				worlds[i] = newWorld(t, s, ours, kind)
			}
			others := rowsOfOthers(t, engine, dsn, theirs)
			var methods []reflect.Method
			for method := range reflect.TypeFor[*store.Store]().Methods() {
				if _, ok := withoutOrganisation[method.Name]; !ok {
					methods = append(methods, method)
				}
			}
			slices.SortStableFunc(methods, func(a, b reflect.Method) int { return strings.Compare(ofItself[a.Name], ofItself[b.Name]) }) // what they make is found
			before := others()
			for _, method := range methods {
				for i := range worlds {
					foreign := worlds[i]
					foreign.organisation, foreign.wave.Organisation = theirs, theirs
					for a := range calls(t, s, method, &foreign) {
						if _, ok := ofItself[method.Name]; !ok && !a.nothing() {
							t.Errorf("%s, for an organisation and the ids of another one's %s wave: found %v, error %v", method.Name, worldKinds[i], a.found, a.err)
						}
					}
				}
				if after := others(); after != before {
					t.Fatalf("%s changed another organisation's rows, from\n%s\nto\n%s", method.Name, before, after)
				}
			}
			for i := 1; i < len(worldKinds); i++ { // those that were launched have all there is
				mixed(t, s, methods, newWorld(t, s, theirs, worldKinds[i]), &worlds[i], others)
			}
			for _, method := range methods { // and for A itself
				if method.Name == "DeleteOrganisation" || method.Name == "AdmitToUnused" { // which stays, see below; and which is in use
					continue
				}
				if !findsSomething(t, s, method, worlds) {
					for i, kind := range worldKinds { // what was called before has changed too much
						worlds[i] = newWorld(t, s, ours, kind)
					}
					if !findsSomething(t, s, method, worlds) {
						t.Errorf("%s finds nothing of its own organisation either: its arguments prove nothing", method.Name)
					}
				}
			}
			left := strings.Split(others(), "\n")
			if err := s.DeleteOrganisation(t.Context(), theirs, "B", survey.AuditEvent{At: noon, Actor: survey.ByCommand, Action: "x"}); err != nil {
				t.Fatal(err)
			}
			after := strings.Split(others(), "\n")
			gone := slices.DeleteFunc(left, func(row string) bool { return slices.Contains(after, row) })
			if len(gone) > 0 {
				t.Errorf("with an organisation went:\n%s", strings.Join(gone, "\n"))
			}
		})
	}
}

// mixed calls methods for an organisation with ids of its own, one of which is another organisation's each time.
func mixed(t *testing.T, s *store.Store, methods []reflect.Method, own world, foreign *world, others func() string) {
	t.Helper()
	before := others()
	for name, put := range map[string]func(w *world){
		"version":    func(w *world) { w.version, w.wave.Version = foreign.version, foreign.version },
		"wave":       func(w *world) { w.wave.ID = foreign.wave.ID },
		"person":     func(w *world) { w.person = foreign.person },
		"invitation": func(w *world) { w.invitation, w.fresh = foreign.invitation, foreign.fresh },
		"response":   func(w *world) { w.response.ID, w.response.Invitation = foreign.response.ID, foreign.invitation },
		"key":        func(w *world) { w.response.Key, w.draft.Key = foreign.response.Key, foreign.draft.Key },
		"user":       func(w *world) { w.user = foreign.user },
		"token":      func(w *world) { w.token = foreign.token },
		"view":       func(w *world) { w.view = foreign.view },
		"mailing":    func(w *world) { w.mailing = foreign.mailing },
		"mail":       func(w *world) { w.mail = foreign.mail },
		"value":      func(w *world) { w.value = foreign.value },
		"values":     func(w *world) { w.other = foreign.other },
	} {
		if foreign.wave.ID == 0 {
			t.Fatal("the other organisation has no wave")
		}
		w := own
		put(&w)
		for _, method := range methods {
			if strings.HasPrefix(method.Name, "Delete") || strings.HasPrefix(method.Name, "Erase") {
				continue // of its own, which the next calls need; what is foreign of them was tried above
			}
			for a := range calls(t, s, method, &w) {
				if text := fmt.Sprintf("%+q", a.found); strings.Contains(text, foreign.mark) {
					t.Errorf("%s, with another organisation's %s: found %s", method.Name, name, text)
				}
			}
		}
		if after := others(); after != before {
			t.Fatalf("with another organisation's %s its rows changed, from\n%s\nto\n%s", name, before, after)
		}
	}
}

// findsSomething reports whether a method finds something in one of the worlds, called for the organisation itself.
func findsSomething(t *testing.T, s *store.Store, method reflect.Method, worlds []world) bool {
	t.Helper()
	for i := range worlds {
		for a := range calls(t, s, method, &worlds[i]) {
			if a.something() {
				return true
			}
		}
	}
	return false
}

// What cannot be an id is not found, on both engines: it comes from addresses and forms that somebody made up.
func TestWhatCannotBeAnID(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, ours, "confidential")
		_, err := s.ResponseByInvitation(t.Context(), ours, w.wave.ID, "'; DROP TABLE people")
		wantError(t, "a response by no invitation", err, survey.ErrNotFound)
		wantError(t, "a mail for no invitation", s.MailPerson(t.Context(), ours, w.wave.ID, "x", "id@example.org", noon), survey.ErrNotFound)
		wantError(t, "no response", s.DeleteResponse(t.Context(), ours, w.wave.ID, ""), survey.ErrNotFound)
	})
}

// TestMethodsAskForTheOrganisation holds the store's methods to naming an organisation, or a reason why not.
func TestMethodsAskForTheOrganisation(t *testing.T) {
	t.Parallel()
	for name, why := range withoutOrganisation {
		if _, ok := reflect.TypeFor[*store.Store]().MethodByName(name); !ok || why == "" {
			t.Errorf("%s needs no organisation, it says; there is no such method, or no reason", name)
		}
	}
	for name := range ofItself {
		if _, ok := reflect.TypeFor[*store.Store]().MethodByName(name); !ok {
			t.Errorf("%s is of the organisation itself, it says; there is no such method", name)
		}
	}
	for method := range reflect.TypeFor[*store.Store]().Methods() {
		if problem := asksForNoOrganisation(method); problem != "" {
			t.Error(problem)
		}
	}
	for method := range reflect.TypeFor[careless]().Methods() { // or the rule could hold nobody
		if asksForNoOrganisation(method) == "" {
			t.Errorf("%s passes, and it must not", method.Name)
		}
	}
}

// careless has what the store must not have.
type careless struct{}

func (careless) ByWave(context.Context, survey.WaveID)               {}
func (careless) ByNumber(context.Context, int64)                     {}
func (careless) ByNumbers(context.Context, []int64)                  {}
func (careless) Something(context.Context)                           {}
func (careless) SaveDraft(context.Context, store.Draft)              {}
func (careless) Save(context.Context, *survey.Response)              {}
func (careless) Each(context.Context, iter.Seq2[survey.Mail, error]) {}
func (careless) WaveBySlug(context.Context, survey.WaveID)           {}

// asksForNoOrganisation says what is wrong with a method, or "".
func asksForNoOrganisation(method reflect.Method) string {
	named, pointed := false, ""
	for i := 1; i < method.Type.NumIn(); i++ {
		in := method.Type.In(i)
		if in == reflect.TypeFor[survey.OrganisationID]() || hasOrganisation(in) {
			named = true
		}
		if id := idIn(in, nil); id != nil && plainNumbers[method.Name] == "" {
			pointed = id.String()
		}
	}
	_, excused := withoutOrganisation[method.Name]
	switch {
	case named && excused:
		return method.Name + " takes an organisation: it is not one that needs none"
	case named:
		return ""
	case pointed != "":
		return fmt.Sprintf("%s takes a %s, which can be guessed, and no organisation", method.Name, pointed)
	case !excused:
		return method.Name + " takes no organisation, and withoutOrganisation does not say why"
	}
	return ""
}

func hasOrganisation(in reflect.Type) bool {
	if in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	if in.Kind() != reflect.Struct {
		return false
	}
	field, ok := in.FieldByName("Organisation")
	return ok && field.Type == reflect.TypeFor[survey.OrganisationID]()
}

// idIn returns the type of an id that a value of a type holds, of rows that are an organisation's, or nil. Users and
// programs that send are of the whole instance, and a time holds numbers that name nothing.
func idIn(in reflect.Type, seen []reflect.Type) reflect.Type {
	none := []reflect.Type{
		reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
		reflect.TypeFor[survey.OrganisationID](), reflect.TypeFor[survey.UserID](), reflect.TypeFor[survey.SenderID](), reflect.TypeFor[survey.Sender](),
	}
	if slices.Contains(seen, in) || slices.Contains(none, in) {
		return nil
	}
	seen = append(seen, in)
	if in.Kind() == reflect.Int64 || strings.HasSuffix(in.Name(), "ID") {
		return in
	}
	var inside []reflect.Type
	if slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map}, in.Kind()) {
		inside = append(inside, in.Elem())
	}
	if in.Kind() == reflect.Struct {
		for field := range in.Fields() {
			if field.IsExported() || field.Anonymous {
				inside = append(inside, field.Type)
			}
		}
	}
	if in.Kind() == reflect.Func && in.NumIn() == 1 && in.In(0).Kind() == reflect.Func { // what a sequence yields
		inside = slices.AppendSeq(inside, in.In(0).Ins())
	}
	for _, part := range inside {
		if id := idIn(part, seen); id != nil {
			return id
		}
	}
	return nil
}
