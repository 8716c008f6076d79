package store_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// The pairing test. People finish an anonymous wave in random order while others begin and go on; answers are
// published in steps. Then an attacker gets the whole database with every internal mark of it, and is to say who
// gave which answer. She orders invitations by everything there is, orders responses by everything there is, and
// pairs them rank by rank, forwards and backwards; and she joins both on every equal value, directly or through
// any row of any table, dead ones included.
//
// What she may learn is what the steps tell by design: whoever had not finished before a step is not in it. So
// her hits are set against histories that are just as likely: the same people finish in the same order, and chance
// alone decides who is published in which step (pairingSteps). The number of hits of a guess that knows no more is
// close to a Poisson number (matches of a random permutation). The test fails if any attack has more hits than
// such a number would have once in pairingAlarm runs, all attacks together.

const (
	pairingPeople = 60
	pairingK      = 5
	pairingAlarm  = 10_000 // runs for one false alarm
)

// sealer stands for the service that has a key the database has not.
type sealer struct{ cipher.AEAD }

func newSealer(tb testing.TB) sealer {
	tb.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer{gcm}
}

// seal encrypts, padded with spaces, which JSON does not mind.
func (s sealer) seal(plain string) []byte {
	length := survey.PaddedLength(len(plain) + s.Overhead())
	return s.Seal(nil, nil, []byte(plain+strings.Repeat(" ", length-s.Overhead()-len(plain))), nil)
}

func (s sealer) open(tb testing.TB, sealed []byte) string {
	tb.Helper()
	plain, err := s.Open(nil, nil, sealed, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(plain))
}

// history is what truly happened in one wave, with what was said.
type history struct {
	storetest.History

	wave   survey.Wave
	answer map[string]string // by invitation
}

// pairingKind says who the attacked wave is.
type pairingKind int

const (
	anonymousWave    pairingKind = iota
	confidentialWave             // which the attack must break: it keeps who answered
	carelessWave                 // anonymous, but whoever publishes it gives out ids in the order in which people finished
	derivedWave                  // anonymous, but whoever publishes it gives out ids in the order of the invitations'
)

// live runs a wave from launch to close.
func live(tb testing.TB, s *store.Store, kind pairingKind, people []survey.Person, random *mathrand.Rand) *history {
	tb.Helper()
	ctx := tb.Context()
	mode := survey.Anonymous
	if kind == confidentialWave {
		mode = survey.Confidential
	}
	invitations := random.Perm(len(people))
	chosen := make([]survey.Person, pairingPeople)
	for i := range chosen {
		chosen[i] = people[invitations[i]]
	}
	w, invited := launched(tb, s, mode, pairingK, chosen, nil, nil)
	h := &history{wave: w, answer: map[string]string{}, History: storetest.History{Wave: w.ID, Segment: "department", Class: map[string]string{}, Response: map[string]string{}}}
	service := newSealer(tb)
	type answering struct {
		invitation store.NewInvitation
		draft      store.Draft
		response   survey.Response
		own        sealer
		begun      bool
		pages      int // to go
	}
	var all []*answering
	for _, i := range invited {
		a := &answering{invitation: i, draft: newDraft(w), response: newResponse(w), own: newSealer(tb), pages: 1 + random.IntN(3)}
		all = append(all, a)
		h.Class[string(i.ID)] = string(i.Attributes["department"])
		h.answer[string(i.ID)] = fmt.Sprintf(`{"comment":"what %s says"}`, randomID())
	}
	pending := 0
	for len(all) > 0 { // whoever's turn it is begins, saves a page, or finishes
		at := random.IntN(len(all))
		a := all[at]
		id := string(a.invitation.ID)
		var err error
		switch {
		case !a.begun && mode == survey.Anonymous:
			a.begun = true
			a.draft.Content = a.own.seal("{}")
			err = s.StartDraft(ctx, survey.DefaultOrganisation, &a.draft, a.invitation.ID)
		case !a.begun:
			a.begun = true
			a.response.Invitation, a.response.Attributes = a.invitation.ID, a.invitation.Attributes
			err = s.StartResponse(ctx, survey.DefaultOrganisation, &a.response)
		case a.pages > 0 && mode == survey.Anonymous:
			a.pages--
			a.draft = next(a.draft)
			a.draft.Content = a.own.seal(h.answer[id])
			err = s.SaveDraft(ctx, survey.DefaultOrganisation, a.draft)
		case a.pages > 0:
			a.pages--
			a.response.Revision++
			a.response.Page++
			err = s.SavePage(ctx, survey.DefaultOrganisation, a.response)
		default:
			all = slices.Delete(all, at, at+1)
			h.Finished = append(h.Finished, id)
			pending++
			if mode == survey.Anonymous {
				err = s.Seal(ctx, survey.DefaultOrganisation, next(a.draft), a.invitation.ID, survey.Sealed{ID: randomID(), Content: service.seal(id)}, noon, 0)
			} else {
				h.Response[id] = string(a.response.ID)
				err = s.CompleteResponse(ctx, survey.DefaultOrganisation, complete(a.response, h.answer[id]), 0)
			}
			if err == nil && (pending >= 2*pairingK || len(all) == 0) {
				pending = step(tb, s, h, service, kind, len(all) == 0, random)
			}
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return h
}

// step publishes a random part of what is pending, all of it at the end, and returns how much is still pending.
func step(tb testing.TB, s *store.Store, h *history, service sealer, kind pairingKind, last bool, random *mathrand.Rand) (pending int) {
	tb.Helper()
	var published []string
	choose := func(n int) []int {
		order := random.Perm(n)
		if !last {
			pending = pairingK
		}
		return order[:n-pending]
	}
	var err error
	if kind == confidentialWave {
		_, err = s.Release(tb.Context(), survey.DefaultOrganisation, h.wave.ID, noon, func(ids []survey.ResponseID, _ int, _ bool) (chosen []survey.ResponseID) {
			for _, i := range choose(len(ids)) {
				chosen = append(chosen, ids[i])
				published = append(published, string(ids[i]))
			}
			return chosen
		})
	} else {
		_, err = s.Unseal(tb.Context(), survey.DefaultOrganisation, h.wave.ID, noon, func(sealed []survey.Sealed, _ bool) (publish []survey.Response, keep []survey.Sealed, err error) {
			chosen := choose(len(sealed))
			for i, p := range sealed {
				who := service.open(tb, p.Content)
				if !slices.Contains(chosen, i) {
					keep = append(keep, survey.Sealed{ID: randomID(), Content: service.seal(who)})
					continue
				}
				id := randomID()
				switch kind {
				case carelessWave:
					id = fmt.Sprintf("%08x%s", slices.Index(h.Finished, who), id[8:])
				case derivedWave:
					id = who[:8] + id[8:]
				case anonymousWave, confidentialWave:
				}
				publish = append(publish, survey.Response{
					ID: survey.ResponseID(id), Version: h.wave.Version, Language: "pl", Answers: []byte(h.answer[who]),
					Attributes: map[survey.ItemCode]survey.OptionCode{"department": survey.OptionCode(h.Class[who])},
				})
				h.Response[who] = id
				published = append(published, id)
			}
			return publish, keep, nil
		})
	}
	if err != nil {
		tb.Fatal(err)
	}
	h.Steps = append(h.Steps, storetest.PublishedStep{Finished: len(h.Finished), Responses: published})
	return pending
}

func TestPairing(t *testing.T) {
	t.Parallel()
	repetitions := 8
	if testing.Short() {
		repetitions = 3
	}
	for name, dsnOf := range bothEngines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			s := storetest.Open(t, dsn)
			people := importPeople(t, s, 2*pairingPeople)
			random := mathrand.New(mathrand.NewPCG(mathrand.Uint64(), mathrand.Uint64()))
			waves := map[pairingKind][]*history{}
			for range repetitions {
				waves[anonymousWave] = append(waves[anonymousWave], live(t, s, anonymousWave, people, random))
			}
			waves[confidentialWave] = append(waves[confidentialWave], live(t, s, confidentialWave, people, random))
			controls := []pairingKind{confidentialWave, derivedWave}
			waves[derivedWave] = append(waves[derivedWave], live(t, s, derivedWave, people, random))
			if name == "postgres" { // SQLite does not even keep in which order people finished
				controls = append(controls, carelessWave)
				waves[carelessWave] = append(waves[carelessWave], live(t, s, carelessWave, people, random))
			}

			dump := storetest.Dump(t, dsn)
			var orders map[string]func(string) int
			if name == "sqlite" {
				orders = searchFiles(t, dsn, waves[anonymousWave])
			}
			attack := func(kind pairingKind) storetest.Attempt {
				var all []*storetest.History
				for _, h := range waves[kind] {
					all = append(all, &h.History)
				}
				return storetest.Attack(t, dump, all, orders, random)
			}
			if got := attack(anonymousWave); got.P < 1.0/pairingAlarm {
				t.Errorf("%s pairs %d answers with who gave them; chance has %.1f (p %.1g)", got.Best, got.Hits, got.Expected, got.P)
			}
			// The attack must be one: it breaks waves that keep, or tell, who answered.
			for _, kind := range controls {
				if got := attack(kind); got.P > 1e-9 {
					t.Errorf("control %d: the best attack, %s, has %d hits, chance %.1f (p %.1g); want it broken, or this test shows nothing", kind, got.Best, got.Hits, got.Expected, got.P)
				}
			}
		})
	}
}

// searchFiles reads the bytes of a file of SQLite and its log. It fails the test where they have what should be
// gone, and returns the orders in which ids stand in them.
func searchFiles(t *testing.T, path string, waves []*history) map[string]func(string) int {
	t.Helper()
	orders := map[string]func(string) int{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		first, last := map[string]int{}, map[string]int{}
		for _, h := range waves {
			for invitation, response := range h.Response {
				for _, id := range []string{invitation, response} {
					first[id], last[id] = bytes.Index(content, []byte(id)), bytes.LastIndex(content, []byte(id))
				}
				if bytes.Contains(content, []byte(tokenOf(survey.InvitationID(invitation)))) {
					t.Error("the secret of a link is in the file")
				}
			}
		}
		orders["first in the file"+suffix] = func(id string) int { return first[id] }
		orders["last in the file"+suffix] = func(id string) int { return last[id] }
	}
	return orders
}

// TestNothingStays looks for traces in the bytes of the files: what was deleted is overwritten, and what is sealed
// cannot be read.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s, ctx := storetest.Open(t, path), t.Context()
	w, invitations := launched(t, s, survey.Anonymous, 3, importPeople(t, s, 8), nil, nil)
	var gone [][]byte // contents of drafts and of sealed answers that were published or encrypted anew
	for i := range 8 {
		d := newDraft(w)
		invitation := invitations[i].ID
		if i >= 5 {
			invitation = "" // by the open link
		}
		if err := s.StartDraft(ctx, survey.DefaultOrganisation, &d, invitation); err != nil {
			t.Fatal(err)
		}
		done, sealed := next(d), survey.Sealed{ID: randomID(), Content: sealedBytes()}
		if err := s.Seal(ctx, survey.DefaultOrganisation, done, invitation, sealed, noon, 0); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, d.Content, []byte(d.Key), sealed.Content, store.DraftHash(&d))
	}
	if n, err := s.Unseal(ctx, survey.DefaultOrganisation, w.ID, noon, publishSome(w, 4)); n != 4 || err != nil {
		t.Fatalf("Unseal = %d, %v", n, err)
	}
	// stays returns how many of the traces are in the files, whole or in part.
	stays := func() (whole, part int) {
		t.Helper()
		var content []byte
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			content = append(content, file...)
		}
		for _, trace := range gone {
			pieces, found := 0, 0
			for piece := range slices.Chunk(trace, 32) { // a long content may be cut in two by the end of a page
				pieces++
				if bytes.Contains(content, piece) {
					found++
				}
			}
			if found > 0 {
				part++
			}
			if found == pieces && pieces > 1 {
				whole++
			}
		}
		return whole, part
	}
	if whole, part := stays(); whole > 0 || part > len(gone)/4 {
		t.Errorf("of %d contents, keys and ids that were deleted, %d are in the files, %d in part; want none, and few", len(gone), whole, part)
	}
	if content, err := os.ReadFile(path); err != nil || !bytes.Contains(content, hashOf(tokenOf(invitations[0].ID))) {
		t.Errorf("the file does not have what it should: this test shows nothing (%v)", err)
	}
	gone = append(gone, hashOf(tokenOf(invitations[0].ID)), []byte(invitations[0].ID))
	if _, err := s.EraseWavePersonalData(ctx, survey.DefaultOrganisation, w.ID); err != nil {
		t.Fatal(err)
	}
	if whole, part := stays(); whole > 0 || part > 0 {
		t.Errorf("after the erasure %d are in the files, %d in part; want none at all", whole, part)
	}
	for _, name := range []string{"Żaneta Łęcka 0003", "Person3@example.org"} {
		if content, err := os.ReadFile(path); err != nil || !bytes.Contains(content, []byte(name)) {
			t.Errorf("%s is not in the file: this test shows nothing (%v)", name, err)
		}
	}
	people, _, err := s.People(ctx, ours, store.PeopleQuery{Text: "p0003"})
	if err != nil || len(people) != 1 {
		t.Fatal(people, err)
	}
	if _, err := s.ErasePerson(ctx, ours, people[0].ID); err != nil {
		t.Fatal(err)
	}
	gone = [][]byte{[]byte("Żaneta Łęcka 0003"), []byte("zaneta lecka 0003"), []byte("Person3@example.org"), []byte("person3@example.org")}
	if _, part := stays(); part > 0 {
		t.Errorf("after her erasure %d of name and address are in the files", part)
	}
}
