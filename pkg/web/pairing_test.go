package web

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// Who answers by the pages leaves traces elsewhere than in tables: in the log of requests, and in what the database
// was before and after each step. The attacker of this test has the program's log, line by line as it was written,
// and the whole database after every answer that was finished, with all its marks, so that she knows in which order
// people finished, which rows each of them and each step made, and how many bytes went to and fro. She is to say who
// gave which answer, and must do no better than one who knows only what steps tell by design (storetest.Attack).
//
// Two controls show that she is able to: in a confidential wave, which keeps who answered, and with the log of a
// proxy that notes how long each request is, from whose lengths everybody can be told.

const (
	pairedPeople = 44
	pairedAlarm  = 10_000 // runs for one false alarm
)

const pairedQuestions = `
code: paired
version: 1
languages: [en]
title: {en: Paired}
items:
  - {code: channel, kind: single, required: true, text: {en: How?}, options: [{code: a, text: {en: By phone}}, {code: b, text: {en: By mail}}]}
  - {code: why, kind: text, text: {en: Why?}}
  - {code: more, kind: text, new_page: true, show_if: channel == "b", text: {en: And what else?}}
  - {code: again, kind: single, text: {en: "You said: {{channel}}. Again?"}, options: [{code: y, text: {en: "Yes"}}, {code: n, text: {en: "No"}}]}
`

// pairedWave is a wave that people answer by its pages while somebody watches.
type pairedWave struct {
	*field

	dsn     string
	history storetest.History
	answer  map[string]string // by invitation, words that nobody else says
	seen    []storetest.Row   // everything that was ever dumped, none of it live
	logged  map[string]int    // by invitation, the largest number of bytes that the log says of a request of hers
	sent    map[string]int    // by invitation, bytes that she sent, which the program logs nowhere
	stored  map[string]int    // by response, the length of what it says; by invitation, of the draft that went when she finished
	shown   map[string]int    // by response, when it appeared
}

// newPairedWave launches a wave to people of two departments.
func newPairedWave(t *testing.T, dsn string, mode survey.Mode) (*pairedWave, []string) {
	t.Helper()
	s := storetest.Open(t, dsn)
	f := newFieldIn(t, s, pairedQuestions, func(w *survey.Wave) {
		w.State, w.OpenLink, w.Threshold, w.Comments, w.Mode, w.Audience = survey.WaveDraft, false, 5, 10, mode, survey.Internal
		w.Segments = []survey.Segment{{Code: "department", Text: survey.Words{"en": "Department"}, Values: []survey.Option{{Code: "it", Text: survey.Words{"en": "IT"}}, {Code: "sales", Text: survey.Words{"en": "Sales"}}}}}
		w.Reported = []survey.ItemCode{"department"}
	})
	p := &pairedWave{
		field: f, dsn: dsn, answer: map[string]string{}, logged: map[string]int{}, sent: map[string]int{}, stored: map[string]int{}, shown: map[string]int{},
		history: storetest.History{Wave: f.wave.ID, Segment: "department", Class: map[string]string{}, Response: map[string]string{}},
	}
	secret := testSecret(t)
	var ids []string
	var invitations []store.NewInvitation
	for i := range pairedPeople {
		person := survey.Person{Organisation: f.wave.Organisation, Key: fmt.Sprintf("p%02d", i), Name: fmt.Sprintf("Person %02d", i), Active: true}
		if err := s.SavePerson(t.Context(), &person); err != nil {
			t.Fatal(err)
		}
		id := survey.InvitationID(fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()))
		class := []survey.OptionCode{"it", "sales"}[i%2]
		ids = append(ids, string(id))
		p.history.Class[string(id)] = string(class)
		invitations = append(invitations, store.NewInvitation{
			TokenHash: fieldwork.HashToken(secret.Token(id)),
			Invitation: survey.Invitation{
				ID: id, Organisation: f.wave.Organisation, Wave: f.wave.ID, Person: person.ID, Language: "en", Attributes: map[survey.ItemCode]survey.OptionCode{"department": class},
			},
		})
	}
	f.wave.State, f.wave.Launched = survey.WaveOpen, &f.moment
	each := iter.Seq2[store.NewInvitation, error](func(yield func(store.NewInvitation, error) bool) {
		for _, n := range invitations {
			if !yield(n, nil) {
				return
			}
		}
	})
	if _, err := s.LaunchWave(t.Context(), f.wave, each, nil, nil); err != nil {
		t.Fatal(err)
	}
	return p, ids
}

// live lets everybody answer, one page after the other, in any order, and closes the wave by its page.
func (p *pairedWave) live(t *testing.T, ids []string, random *rand.Rand) {
	t.Helper()
	type answering struct {
		id, path string
		at       *person
		page     answer
		step     int
	}
	secret := testSecret(t)
	var all []*answering
	for i, id := range ids {
		at := p.person(t)
		all = append(all, &answering{id: id, path: "/s/" + secret.Token(survey.InvitationID(id)), at: at})
		// Every answer has a length of its own, so that any length that gets out tells whose it is.
		words := "answer-"
		for range 3 + (i*17)%pairedPeople {
			words += fmt.Sprintf("%08x ", random.Uint32())
		}
		p.answer[id] = strings.TrimSpace(words)
	}
	for len(all) > 0 {
		turn := random.IntN(len(all))
		a := all[turn]
		p.pass(2 * time.Second)
		before := len(p.log.String())
		form := url.Values{}
		switch a.step {
		case 0:
			form = a.at.with(a.at.get(a.path), "_act=start")
			a.page = a.at.post(a.path, form)
		case 1:
			form = a.at.with(a.at.get(a.path+"/1"), "_act=next", "channel="+[]string{"a", "b"}[random.IntN(2)], "why="+p.answer[a.id])
			a.page = a.at.post(a.path+"/1", form)
		case 2: // she looks back at what she said
			a.page = a.at.get(a.path + "/1")
			if !strings.Contains(a.page.body, p.answer[a.id]) {
				t.Fatalf("what was said is not shown again: %d %.400s", a.page.status, visible(a.page.body))
			}
		case 3:
			p.watch(t, "")
			form = a.at.with(a.at.get(a.path+"/2"), "_act=next", "again="+[]string{"y", "n"}[random.IntN(2)])
			a.page = a.at.post(a.path+"/2", form)
		}
		if a.page.status >= http.StatusBadRequest {
			t.Fatalf("step %d: %d %.500s", a.step, a.page.status, visible(a.page.body))
		}
		p.sent[a.id] += len(form.Encode())
		for _, line := range regexp.MustCompile(` bytes=(\d+)`).FindAllStringSubmatch(p.log.String()[before:], -1) {
			n, err := strconv.Atoi(line[1])
			if err != nil {
				t.Fatal(err)
			}
			p.logged[a.id] = max(p.logged[a.id], n) // of the largest page, where she looked back at what she had said
		}
		if a.step++; a.step == 4 {
			all = slices.Delete(all, turn, turn+1)
			p.history.Finished = append(p.history.Finished, a.id)
			p.watch(t, a.id)
		}
	}
	director := p.as(t, p.addUser(t, "owner@example.com", survey.Owner), survey.DefaultOrganisation)
	if got := director.post(fmt.Sprintf("/waves/%d/fieldwork/close", p.wave.ID), nil); got.status != http.StatusSeeOther {
		t.Fatalf("close: %d %.500s", got.status, visible(got.body))
	}
	p.watch(t, "")
}

func (p *pairedWave) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moment = p.moment.Add(d)
}

// watch dumps the database, and notes what is new in it; finished is who finished since the last time.
func (p *pairedWave) watch(t *testing.T, finished string) {
	t.Helper()
	dump := storetest.Dump(t, p.dsn)
	drafts := map[string]int{}
	var step []string
	for _, row := range dump {
		switch id := row.Values["id"]; {
		case !row.Live:
		case row.Table == "drafts":
			drafts[row.Values["key_hash"]] = len(row.Values["content"])
		case row.Table == "responses" && strings.Contains(row.Values["answers"], "answer-") && row.Values["completed_at"] != "":
			if _, known := p.shown[id]; known {
				continue
			}
			p.shown[id], p.stored[id] = len(p.history.Steps), len(row.Values["answers"])
			step = append(step, id)
			for invitation, words := range p.answer {
				if strings.Contains(row.Values["answers"], words+`"`) {
					p.history.Response[invitation] = id
				}
			}
		}
	}
	if finished != "" {
		for _, row := range slices.Backward(p.seen) { // the draft that went with her finishing
			if row.Table == "drafts" && drafts[row.Values["key_hash"]] == 0 {
				p.stored[finished] = len(row.Values["content"])
				break
			}
		}
	}
	if len(step) > 0 {
		p.history.Steps = append(p.history.Steps, storetest.PublishedStep{Finished: len(p.history.Finished), Responses: step})
	}
	for _, row := range dump {
		if row.Table == "invitations" || row.Table == "people" {
			continue // the last dump has them
		}
		row.Live = false
		p.seen = append(p.seen, row)
	}
}

// orders is what the attacker knows beside the rows of the last dump: by name, a number for each id.
func (p *pairedWave) orders() map[string]func(string) int {
	place := map[string]int{}
	for i, id := range p.history.Finished {
		place[id] = i
	}
	return map[string]func(string) int{
		"when it was seen": func(id string) int { return place[id] + p.shown[id] },
		"bytes in the log": func(id string) int { return p.logged[id] + p.stored[id] },
		"length in store":  func(id string) int { return p.stored[id] },
	}
}

// attacks lets the attacker try, with the last dump and with rows that were seen on the way.
func (p *pairedWave) attacks(t *testing.T, orders map[string]func(string) int, random *rand.Rand) storetest.Attempt {
	t.Helper()
	dump := storetest.Dump(t, p.dsn)
	seen := map[string]bool{}
	for _, row := range p.seen { // a row that did not change between two dumps is one
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if !seen[string(text)] {
			seen[string(text)] = true
			dump = append(dump, row)
		}
	}
	return storetest.Attack(t, dump, []*storetest.History{&p.history}, orders, random)
}

func TestPairingByPages(t *testing.T) {
	t.Parallel()
	for name, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			p, ids := newPairedWave(t, dsnOf(t), survey.Anonymous)
			p.live(t, ids, random)
			if len(p.history.Steps) < 3 || len(p.history.Response) != pairedPeople {
				t.Fatalf("%d steps with %d answers: want several, and all answers, or this test shows nothing", len(p.history.Steps), len(p.history.Response))
			}
			if got := p.attacks(t, p.orders(), random); got.P < 1.0/pairedAlarm {
				t.Errorf("%s pairs %d answers with who gave them; chance has %.1f (p %.1g)", got.Best, got.Hits, got.Expected, got.P)
			}
			secret := testSecret(t)
			for _, id := range ids {
				for _, told := range []string{"answer-", "Person ", id, secret.Token(survey.InvitationID(id)), p.history.Response[id]} {
					if strings.Contains(p.log.String(), told) {
						t.Errorf("the log has %q", told)
					}
				}
			}
			orders := p.orders()
			orders["length of requests"] = func(id string) int { return p.sent[id] + p.stored[id] }
			if got := p.attacks(t, orders, random); got.P > 1e-9 || !strings.Contains(got.Best, "length of requests") {
				t.Errorf("control: with the lengths of requests %s has %d hits, chance %.1f (p %.1g); want it broken by them", got.Best, got.Hits, got.Expected, got.P)
			}
			c, ids := newPairedWave(t, dsnOf(t), survey.Confidential)
			c.live(t, ids, random)
			all := storetest.PublishedStep{Finished: pairedPeople}
			for _, id := range ids {
				all.Responses = append(all.Responses, c.history.Response[id])
			}
			c.history.Steps = []storetest.PublishedStep{all} // each was there as soon as it was given: chance is to know nothing
			if got := c.attacks(t, nil, random); got.P > 1e-9 {
				t.Errorf("control: in a confidential wave %s has %d hits, chance %.1f (p %.1g); want it broken", got.Best, got.Hits, got.Expected, got.P)
			}
		})
	}
}
