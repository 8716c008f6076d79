package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

type demoCommand struct {
	serverFlags

	Data     string `default:"cxmirror-data" placeholder:"DIR" help:"Directory of the demonstration's database; made when missing."`
	Fresh    bool   `help:"Throw away what was changed and answered in the demonstration, and start anew."`
	Language string `default:"en" enum:"en,pl,ro,ru" help:"Language of names and comments in a new demonstration: ${enum}."`
}

// Help is printed by demo --help.
func (demoCommand) Help() string {
	return `Makes a company with two sides, 1,200 customers and 300 employees, and a pilot of 50, whose answers are simulated, and
two smaller organisations that a consultant works for too; serves them on this machine, and says where. Everything
works as it does with real answers: answer yourself through the links, and watch the figures change. Every page and every file says that the answers are simulated.

  cxmirror demo
  cxmirror demo --language pl
  cxmirror demo --fresh

The demonstration is kept in the file demo.db in --data; the next start shows it as it was left.`
}

// demoWave is one wave of the demonstration.
type demoWave struct {
	slug          string
	name          survey.Words
	questionnaire string
	population    *population

	organisation survey.OrganisationID // 0 is the company
	asker        survey.Words          // nil is the company
}

// owner returns whose wave it is.
func (d *demoWave) owner() survey.OrganisationID {
	if d.organisation == 0 {
		return survey.DefaultOrganisation
	}
	return d.organisation
}

func demoWaves(lang survey.Language) []demoWave {
	return []demoWave{
		{
			slug:          "customers",
			name:          survey.Words{"en": "Customers", "pl": "Klienci", "ro": "Clienți", "ru": "Клиенты"},
			questionnaire: "external-expectations", population: customers(lang, 1200),
		},
		{
			slug:          "employees",
			name:          survey.Words{"en": "Employees", "pl": "Pracownicy", "ro": "Angajați", "ru": "Сотрудники"},
			questionnaire: "internal-expectations", population: employees(lang, 300),
		},
		{
			slug: "pilot",
			name: survey.Words{
				"en": "Employees, pilot in customer service", "pl": "Pracownicy, pilotaż w obsłudze klienta",
				"ro": "Angajați, pilot în asistență clienți", "ru": "Сотрудники, пилот в обслуживании клиентов",
			},
			questionnaire: "internal-expectations", population: pilot(lang, 50),
		},
	}
}

// demoThreshold is the smallest base shown of employees: they are not to be told apart, made up or not. Customers
// answer by an open link and are many; their answers are seen as they come.
const demoThreshold = 5

// demoOutbox is the folder in the data directory where the demonstration's mails go.
const demoOutbox = "outbox"

// Run makes the demonstration where there is none, and serves it.
func (c demoCommand) Run(w *world) error {
	log := c.logger(w)
	if err := errors.Join(c.check(), c.checkAddress()); err != nil {
		return err
	}
	if len(c.Mail) == 0 { // made-up people have no post boxes
		c.Mail = []string{"folder:" + filepath.Join(c.Data, demoOutbox)}
	}
	// The address comes first: while another demonstration holds it, its database is not touched.
	listener, err := listenAt(w.ctx, "listen", c.Listen, false)
	if err != nil {
		return fmt.Errorf("%w (is a demonstration running already?)", err)
	}
	// So does the claim: one at another address may serve the database that is to be thrown away.
	claim, err := databaseFlags{Data: c.Data}.claim(demoDatabase)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer releaseDatabase(claim, log)
	db, err := c.database(w.ctx, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer closeDatabase(db, log)
	waves, err := makeDemo(w.ctx, db, survey.Language(c.Language), w.now())
	if err != nil {
		return errors.Join(fmt.Errorf("make the demonstration: %w; cxmirror demo --fresh starts anew", err), listener.Close())
	}
	address := "http://" + listener.Addr().String()
	if c.guest, err = c.office(w, db, waves); err != nil {
		return errors.Join(fmt.Errorf("make the demonstration's organisations: %w; cxmirror demo --fresh starts anew", err), listener.Close())
	}
	invited, draft, err := c.fieldwork(w, db, listener)
	if err != nil {
		return errors.Join(fmt.Errorf("make the demonstration's fieldwork: %w; cxmirror demo --fresh starts anew", err), listener.Close())
	}
	if err := welcome(w, address, waves, invited, draft); err != nil {
		return errors.Join(err, listener.Close())
	}
	return c.serve(w, listener, db, c.Data, log)
}

// checkAddress refuses addresses that others reach: whoever opens a demonstration is let in, as the owner of everything.
func (c demoCommand) checkAddress() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return usage("%s is %q: it takes a host and a port, such as 127.0.0.1:8080 (%v)", setting("listen"), c.Listen, err)
	}
	if !onlyHere(host) {
		return usage("%s is %q: a demonstration lets everybody in, and answers on this machine only: 127.0.0.1, [::1] or localhost", setting("listen"), c.Listen)
	}
	return nil
}

// office makes the other organisations, and who works where.
func (c demoCommand) office(w *world, db *store.Store, company []survey.Wave) (guest survey.UserID, err error) {
	people, err := w.offline(db, nowhere, "")
	if err != nil {
		return 0, err
	}
	d := demoOffice{Store: db, people: people, lang: survey.Language(c.Language), now: w.now()}
	return d.make(w.ctx, company)
}

// fieldwork makes the panel, and what it was invited to.
func (c demoCommand) fieldwork(w *world, db *store.Store, listener net.Listener) (invited, draft survey.Wave, err error) {
	secret, err := c.secret(w.ctx, db, c.Data)
	if err != nil {
		return invited, draft, err
	}
	base, err := c.base(listener.Addr())
	if err != nil {
		return invited, draft, err
	}
	outbox, err := fieldwork.ParseServer("folder:" + filepath.Join(c.Data, demoOutbox))
	if err != nil {
		return invited, draft, err
	}
	played := slog.New(slog.DiscardHandler) // what is played happened days ago, and is no news
	fielded := demoFieldwork{db: db, secret: secret, base: base, outbox: outbox, lang: survey.Language(c.Language), now: w.now(), log: played}
	return fielded.make(w.ctx)
}

// database opens the demonstration's database, emptied if it is to be fresh.
func (c demoCommand) database(ctx context.Context, log *slog.Logger) (*store.Store, error) {
	if c.Fresh {
		for _, end := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(c.Data, demoDatabase+end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s: %w", setting("fresh"), err)
			}
		}
		if err := os.RemoveAll(filepath.Join(c.Data, demoOutbox)); err != nil {
			return nil, fmt.Errorf("%s: %w", setting("fresh"), err)
		}
	}
	db, err := databaseFlags{Data: c.Data}.open(ctx, demoDatabase, log)
	if err != nil {
		return nil, err
	}
	if _, _, err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// welcome prints what to look at.
func welcome(w *world, address string, waves []survey.Wave, invited, draft survey.Wave) error {
	_, err := fmt.Fprintf(w.stdout, `cxmirror is at %[1]s

  %[1]s/%[2]s
      what customers and employees expect, side by side
  %[1]s/
      surveys, waves and how many answered
  %[1]s/o/%[3]s
      the questions, as a customer meets them: answer, and the figures change
  %[1]s/waves/%[4]d/fieldwork
      an anonymous survey among employees: who was invited, how many answered, what is planned
  %[1]s/outbox
      the mails they were sent, each with a personal link; nothing leaves this machine
  %[1]s/waves/%[5]d/launch
      another one to launch yourself
  %[1]s/sign-in
      the door. You are let in without, as a guest who sees all of it; the bar above the pages shows them as each role
      sees them, and beside your name you change between three organisations, which do not see each other's answers.
      These can sign in too, by the password "%[7]s":
      %[6]s

All people and all answers are simulated. Ctrl-C stops; the next start shows everything as you left it, and
cxmirror demo --fresh starts anew.
`, address, fmt.Sprintf("divergence?external=%d&internal=%d", waves[0].ID, waves[1].ID), waves[0].Slug, invited.ID, draft.ID, demoUsers(), demoPassword)
	return err
}

// makeDemo makes the waves that are missing, and simulates answers to those that have none. Half a
// demonstration, whose making was interrupted, is so completed.
func makeDemo(ctx context.Context, db *store.Store, lang survey.Language, now time.Time) ([]survey.Wave, error) {
	var made []survey.Wave
	for _, wave := range demoWaves(lang) {
		stored, err := wave.make(ctx, db, lang, now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", wave.slug, err)
		}
		made = append(made, stored)
	}
	return made, nil
}

func (d demoWave) make(ctx context.Context, db *store.Store, lang survey.Language, now time.Time) (survey.Wave, error) {
	wave, err := db.WaveBySlug(ctx, d.slug)
	if errors.Is(err, survey.ErrNotFound) {
		wave, err = d.create(ctx, db, lang)
	}
	if err != nil {
		return wave, err
	}
	// Answers come all or not at all, so that a wave with some has all. Later somebody may have erased some.
	counts, err := db.Counts(ctx, d.owner(), wave.ID)
	if err != nil || counts.Complete > 0 {
		return wave, err
	}
	_, q, err := d.version()
	if err != nil {
		return wave, err
	}
	answers, err := d.population.answers(q)
	if err != nil {
		return wave, err
	}
	_, err = db.ImportResponses(ctx, d.owner(), wave.ID, d.responses(answers, &wave, now))
	return wave, err
}

// version is the bundled questionnaire, as it is stored.
func (d demoWave) version() (*survey.Version, *survey.Questionnaire, error) {
	v := &survey.Version{Organisation: d.owner(), Frames: map[string][]byte{}}
	var err error
	if v.Source, err = surveys.Questionnaire(d.questionnaire); err != nil {
		return nil, nil, err
	}
	q, err := survey.Parse(v.Source, d.questionnaire+".yaml", func(code string) ([]byte, error) {
		frame, err := surveys.Frame(code)
		v.Frames[code] = frame
		return frame, err
	})
	if err != nil {
		return nil, nil, err
	}
	v.Code, v.Number = q.Code, q.Version
	return v, q, nil
}

// askedBy returns who asks.
func (d *demoWave) askedBy() survey.Words {
	if d.asker != nil {
		return d.asker
	}
	return demoAsker()
}

// create stores the questionnaire and an open wave of it.
func (d demoWave) create(ctx context.Context, db *store.Store, lang survey.Language) (survey.Wave, error) {
	wave, err := d.draft(ctx, db, lang)
	if err != nil {
		return wave, err
	}
	wave.State = survey.WaveOpen
	return wave, db.CreateWave(ctx, &wave)
}

// draft stores the questionnaire and returns a wave of it that nobody can answer yet.
func (d demoWave) draft(ctx context.Context, db *store.Store, lang survey.Language) (survey.Wave, error) {
	version, q, err := d.version()
	if err != nil {
		return survey.Wave{}, err
	}
	if err := db.SaveVersion(ctx, version); err != nil {
		return survey.Wave{}, err
	}
	threshold := demoThreshold
	if q.Audience == survey.External {
		threshold = 1
	}
	return survey.Wave{
		Organisation: d.owner(), Version: version.ID, Name: d.name.In(lang), Audience: q.Audience,
		Slug: d.slug, State: survey.WaveDraft, Threshold: threshold, Simulated: true,
		Mode: survey.Confidential, OpenLink: true, OncePer: true,
		Promise: survey.Promise{
			Asker: d.askedBy(),
			Purpose: survey.Words{
				"en": "To see how a survey feels to those who answer it.", "pl": "Aby zobaczyć, jak wygląda ankieta z perspektywy osób, które ją wypełniają.",
				"ro": "Pentru a vedea cum arată un sondaj pentru cei care răspund.", "ru": "Чтобы увидеть опрос глазами тех, кто на него отвечает.",
			},
			Minutes: 3,
			Kept: survey.Words{
				"en": "What you answer stays on this computer, among simulated answers.", "pl": "Odpowiedzi zostają na tym komputerze, wśród odpowiedzi symulowanych.",
				"ro": "Răspunsurile rămân pe acest calculator, printre răspunsuri simulate.", "ru": "Ответы остаются на этом компьютере, среди смоделированных ответов.",
			},
		},
	}, nil
}

// responses turns answers into responses that came in over the last four weeks, most of them early, as
// answers to an invitation do.
func (d demoWave) responses(answers []survey.Answers, wave *survey.Wave, now time.Time) iter.Seq2[survey.Response, error] {
	const days = 28
	return func(yield func(survey.Response, error) bool) {
		for i, a := range answers {
			age := days * (1 - float64(i)/float64(len(answers))) * (1 - float64(i)/float64(len(answers)))
			completed := now.Add(-time.Duration(age * float64(24*time.Hour)))
			src, err := a.MarshalJSON()
			response := survey.Response{
				ID: survey.ResponseID(randomHex()), Wave: wave.ID, Version: wave.Version, Language: d.population.language,
				Answers: src, Weight: 1, Started: completed.Add(-3 * time.Minute), Completed: &completed,
			}
			if !yield(response, err) || err != nil {
				return
			}
		}
	}
}

// randomHex returns 16 random bytes in hexadecimal digits.
func randomHex() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: the program is ended if the machine has no randomness
	return hex.EncodeToString(b)
}
