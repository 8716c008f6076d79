package main

import (
	"context"
	"crypto/rand"
	_ "embed" // for the names
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/web"
)

// peopleFile holds what the people of the demonstration are called, and where they work, by language.
//
//go:embed demo/people.json
var peopleFile []byte

// The fieldwork of the demonstration: a panel, an anonymous wave that it was invited to, and one to launch.
const (
	panelPeople  = 160
	panelSite    = "site" // the attribute
	invitedFor   = 14 * 24 * time.Hour
	launchedAgo  = 8 * 24 * time.Hour
	remindAfter  = 5 * 24 * time.Hour
	closingHour  = 18 * time.Hour // of the day, UTC
	panelAnswers = 0.62           // the share of those invited who have answered by now
	answersBatch = 16             // at once
)

// panelWords are the names of one language.
type panelWords struct {
	Given, Family []string
	Site          string
	Sites         []string
}

// siteShares says how many of the panel work where, in the order of the sites. The last site is small: alone it
// would be too few people to report on.
func siteShares() []float64 { return []float64{0.36, 0.25, 0.22, 0.15, 0.02} }

// panel makes the people of the demonstration. Their addresses lead nowhere (RFC 2606).
func panel(lang survey.Language, people int) (panelWords, []survey.Person, error) {
	var all map[survey.Language]panelWords
	if err := json.Unmarshal(peopleFile, &all); err != nil {
		return panelWords{}, nil, fmt.Errorf("simulated people: %w", err)
	}
	words := all[lang]
	random := mathrand.New(mathrand.NewPCG(2029, uint64(people))) //nolint:gosec // seeded on purpose: every demonstration has the same people
	made := make([]survey.Person, people)
	for i := range made {
		site := 0
		for rest := random.Float64(); site < len(words.Sites)-1; site++ {
			if rest -= siteShares()[site]; rest < 0 {
				break
			}
		}
		made[i] = survey.Person{
			Organisation: survey.DefaultOrganisation, Key: fmt.Sprintf("E%04d", i+1), Address: fmt.Sprintf("employee.%d@example.com", i+1),
			Name:     words.Given[random.IntN(len(words.Given))] + " " + words.Family[random.IntN(len(words.Family))],
			Language: lang, Active: true,
			Attributes: map[string]string{panelSite: words.Sites[site]},
		}
	}
	return words, made, nil
}

// demoFieldwork makes the panel, the wave it was invited to and the draft, where they are missing.
type demoFieldwork struct {
	db     *store.Store
	secret fieldwork.Secret
	base   string // address of links
	outbox fieldwork.Server
	lang   survey.Language
	now    time.Time
	log    *slog.Logger
}

// make returns the invited wave and the one to launch. Half of it, whose making was interrupted, is completed.
func (d *demoFieldwork) make(ctx context.Context) (invited, draft survey.Wave, err error) {
	words, people, err := panel(d.lang, panelPeople)
	if err != nil {
		return invited, draft, err
	}
	if _, total, err := d.db.People(ctx, survey.DefaultOrganisation, store.PeopleQuery{Limit: 1}); err != nil {
		return invited, draft, err
	} else if total == 0 {
		each := func(yield func(survey.Person, error) bool) {
			for _, p := range people {
				if !yield(p, nil) {
					return
				}
			}
		}
		if _, err := d.db.ImportPeople(ctx, survey.DefaultOrganisation, each, store.ImportOptions{}); err != nil {
			return invited, draft, err
		}
		name := survey.Attribute{Organisation: survey.DefaultOrganisation, Key: panelSite, Name: words.Site, Type: survey.TextAttribute}
		if err := d.db.SaveAttribute(ctx, name); err != nil {
			return invited, draft, err
		}
	}
	if invited, err = d.wave(ctx, "invited", survey.Words{
		"en": "Employees, by invitation", "pl": "Pracownicy, na zaproszenie", "ro": "Angajați, pe bază de invitație", "ru": "Сотрудники, по приглашению",
	}); err != nil {
		return invited, draft, err
	}
	if invited.State == survey.WaveDraft {
		if invited, err = d.launch(ctx, invited); err != nil {
			return invited, draft, err
		}
	}
	draft, err = d.wave(ctx, "pulse", survey.Words{
		"en": "Employees, pulse (launch it yourself)", "pl": "Pracownicy, puls (do samodzielnego uruchomienia)",
		"ro": "Angajați, puls (lansați-l dumneavoastră)", "ru": "Сотрудники, пульс (запустите сами)",
	})
	return invited, draft, err
}

// wave returns a wave of the employees' questionnaire, made as a draft where it is missing.
func (d *demoFieldwork) wave(ctx context.Context, slug string, name survey.Words) (survey.Wave, error) {
	wave, err := d.db.WaveBySlug(ctx, slug)
	if !errors.Is(err, survey.ErrNotFound) {
		return wave, err
	}
	employees := demoWave{slug: slug, name: name, questionnaire: "internal-expectations"}
	wave, err = employees.draft(ctx, d.db, d.lang)
	if err != nil {
		return wave, err
	}
	wave.Mode, wave.OpenLink, wave.Comments = survey.Anonymous, false, 2*demoThreshold
	return wave, d.db.CreateWave(ctx, &wave)
}

// launch plays the last days of fieldwork: the launch, invitations, answers day by day, a reminder, more answers.
func (d *demoFieldwork) launch(ctx context.Context, wave survey.Wave) (survey.Wave, error) {
	clock := newPlayedClock(d.now.Add(-launchedAgo))
	service, err := fieldwork.New(fieldwork.Options{Store: d.db, Secret: d.secret, Log: d.log, Now: clock.now, Random: rand.Reader, Mails: true})
	if err != nil {
		return wave, err
	}
	stationery, err := fieldwork.NewStationery()
	if err != nil {
		return wave, err
	}
	closes := clock.now().Add(invitedFor).Truncate(24 * time.Hour).Add(closingHour)
	erases := closes.AddDate(0, 6, 0)
	wave.Closes, wave.Erases = &closes, &erases
	wave.Reported = []survey.ItemCode{panelSite, "office"}
	plan := fieldwork.Plan{
		Wave: wave, Attributes: []string{panelSite}, Mail: true, Groups: nil,
		Letters: []survey.Letter{stationery.Letter(survey.InvitationLetter), stationery.Letter(survey.ReminderLetter)},
		Mailings: []survey.Mailing{
			{Kind: survey.InvitationLetter, At: clock.now()},
			{Kind: survey.ReminderLetter, At: clock.now().Add(remindAfter)},
		},
	}
	if plan.Groups, err = d.proposed(ctx, service, &plan); err != nil {
		return wave, err
	}
	if wave, err = service.Launch(ctx, plan); err != nil {
		return wave, err
	}
	mailer, err := fieldwork.NewMailer(fieldwork.MailerOptions{
		Outbox: d.db, Servers: []fieldwork.Server{d.outbox}, Stationery: stationery, Base: d.base, Token: d.secret.Token,
		Now: clock.now, Random: rand.Reader, Log: d.log, Colours: web.LetterColours(d.db),
	})
	if err != nil {
		return wave, err
	}
	days := int(launchedAgo / (24 * time.Hour))
	answering, err := d.answering(ctx, wave, days)
	if err != nil {
		return wave, err
	}
	for day := range days {
		if err := d.send(ctx, mailer, wave.ID, clock.now()); err != nil {
			return wave, err
		}
		if err := d.answer(ctx, service, wave, answering[day], clock.now()); err != nil {
			return wave, err
		}
		clock.turn(24 * time.Hour)
	}
	if err := d.remindOne(ctx, wave, clock.now()); err != nil {
		return wave, err
	}
	return wave, d.send(ctx, mailer, wave.ID, clock.now())
}

// remindOne plans a mail to somebody who has not answered yet, by hand: the newest mail of the outbox, which people
// open first, leads to a survey that can still be answered.
func (d *demoFieldwork) remindOne(ctx context.Context, wave survey.Wave, now time.Time) error {
	invited, _, err := d.db.Invitations(ctx, wave.Organisation, wave.ID, store.InvitationQuery{})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(invited, func(i store.InvitedPerson) bool { return !i.Started && !i.Finished })
	if at < 0 {
		return nil // nobody is left
	}
	return d.db.MailPerson(ctx, wave.Organisation, wave.ID, invited[at].ID, randomHex()+"@example.com", now)
}

// proposed returns the groups that the launch check proposes, as somebody takes them who reads it.
func (d *demoFieldwork) proposed(ctx context.Context, service *fieldwork.Service, plan *fieldwork.Plan) ([]fieldwork.Group, error) {
	findings, err := service.Check(ctx, plan)
	if err != nil {
		return nil, err
	}
	for _, f := range findings.Items {
		if len(f.Merge) > 0 {
			return f.Merge, nil
		}
	}
	return nil, nil
}

// send has the mails sent that are due at a moment of the play.
func (d *demoFieldwork) send(ctx context.Context, mailer *fieldwork.Mailer, wave survey.WaveID, now time.Time) error {
	sending, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- mailer.Run(sending) }()
	var err error
	for waiting := true; waiting && err == nil; {
		if waiting, err = d.waiting(ctx, wave, now); waiting {
			time.Sleep(5 * time.Millisecond)
		}
	}
	stop()
	return errors.Join(err, <-ended)
}

// waiting reports whether a mailing that is due has mails that were not sent.
func (d *demoFieldwork) waiting(ctx context.Context, wave survey.WaveID, now time.Time) (bool, error) {
	mailings, err := d.db.Mailings(ctx, survey.DefaultOrganisation, wave)
	return slices.ContainsFunc(mailings, func(m survey.Mailing) bool {
		return !m.At.After(now) && (m.State == survey.MailingPlanned || m.State == survey.MailingSending)
	}), errors.Join(err, ctx.Err())
}

// A simulatedAnswer is what one invited person sends.
type simulatedAnswer struct {
	token   string
	answers []byte
}

// answering returns who answers on which day: most after the invitation, and again after the reminder.
func (d *demoFieldwork) answering(ctx context.Context, wave survey.Wave, days int) ([][]simulatedAnswer, error) {
	invited, _, err := d.db.Invitations(ctx, wave.Organisation, wave.ID, store.InvitationQuery{})
	if err != nil {
		return nil, err
	}
	people := employees(d.lang, len(invited))
	people.seed++
	_, q, err := demoWave{questionnaire: "internal-expectations"}.version()
	if err != nil {
		return nil, err
	}
	answers, err := people.answers(q)
	if err != nil {
		return nil, err
	}
	random := mathrand.New(mathrand.NewPCG(2030, uint64(len(invited)))) //nolint:gosec // seeded on purpose, as above
	byDay := make([][]simulatedAnswer, days)
	reminded := int(remindAfter / (24 * time.Hour))
	for i := range invited {
		if random.Float64() > panelAnswers {
			continue
		}
		day := min(int(random.ExpFloat64()*1.4), reminded-1)
		if random.Float64() < 0.3 {
			day = min(reminded+int(random.ExpFloat64()), days-1)
		}
		content, err := answers[i].MarshalJSON()
		if err != nil {
			return nil, err
		}
		byDay[day] = append(byDay[day], simulatedAnswer{d.secret.Token(invited[i].ID), content})
	}
	return byDay, nil
}

// answer has people answer as they do through their links, several at once.
func (d *demoFieldwork) answer(ctx context.Context, service *fieldwork.Service, wave survey.Wave, given []simulatedAnswer, now time.Time) error {
	queue := make(chan simulatedAnswer)
	failures := make([]error, answersBatch)
	var work sync.WaitGroup
	for at := range failures {
		work.Go(func() {
			for one := range queue {
				failures[at] = errors.Join(failures[at], d.answerOne(ctx, service, wave, one, now))
			}
		})
	}
	for _, one := range given {
		queue <- one
	}
	close(queue)
	work.Wait()
	return errors.Join(failures...)
}

func (d *demoFieldwork) answerOne(ctx context.Context, service *fieldwork.Service, wave survey.Wave, one simulatedAnswer, now time.Time) error {
	who, err := service.ByToken(ctx, one.token)
	if err != nil {
		return err
	}
	r := survey.Response{
		ID: survey.ResponseID(randomHex()), Wave: wave.ID, Version: wave.Version, Language: d.lang,
		Answers: one.answers, Weight: 1, Started: now,
	}
	if err := service.Start(ctx, &who, &r); err != nil {
		return err
	}
	r.Completed = &now
	r.Revision++
	return service.Complete(ctx, &who, r)
}

// playedClock is the clock of a play: it stands until it is turned.
type playedClock struct {
	mu     sync.Mutex
	moment time.Time
}

func newPlayedClock(begins time.Time) *playedClock { return &playedClock{moment: begins} }

func (c *playedClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moment
}

func (c *playedClock) turn(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moment = c.moment.Add(by)
}
