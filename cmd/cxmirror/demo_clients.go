package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// demoPassword is that of every user of a demonstration but its guest, who has none. It is printed, and the
// demonstration answers on this machine only.
const demoPassword = "everything here is simulated"

// demoAddress is that of whoever looks at the demonstration without signing in. Nobody can sign in with it.
const demoAddress = "guest@example.com"

// demoClient is an organisation of the demonstration beside the company itself: a consultant works for it too.
type demoClient struct {
	key    string // begins the addresses of its waves
	name   survey.Words
	change func(outside, inside *population) // what is different there
}

func demoClients() []demoClient {
	return []demoClient{
		{
			"hotels",
			survey.Words{"en": "Made-Up Hotels", "pl": "Hotele Zmyślone", "ro": "Hoteluri Inventate", "ru": "Отели «Вымысел»"},
			func(outside, inside *population) {
				outside.worth["courtesy"], outside.worth["surprise"], outside.worth["competence"] = 1.5, 0.4, 0.5
				outside.grades["speed"], outside.grades["courtesy"] = 4.1, 4.6
				inside.worth["courtesy"], inside.worth["informed"] = 0.9, 1.1
			},
		},
		{
			"clinics",
			survey.Words{"en": "Made-Up Clinics", "pl": "Kliniki Zmyślone", "ro": "Clinici Inventate", "ru": "Клиники «Вымысел»"},
			func(outside, inside *population) {
				outside.worth["listening"], outside.worth["access"], outside.worth["speed"] = 1.5, 1.2, 0.3
				outside.grades["access"], outside.grades["listening"] = 2.8, 3.9
				inside.worth["reliability"], inside.worth["listening"] = 1.3, 0.9
			},
		},
	}
}

// How many people answered at each client.
const (
	clientCustomers = 140
	clientEmployees = 60
)

// waves are those of a client: both sides, as the company has them.
func (d *demoClient) waves(lang survey.Language, organisation survey.OrganisationID) []demoWave {
	outside, inside := customers(lang, clientCustomers), employees(lang, clientEmployees)
	outside.seed += uint64(len(d.key))
	inside.seed += uint64(len(d.key))
	d.change(outside, inside)
	both := demoWaves(lang)[:2]
	for i, population := range []*population{outside, inside} {
		both[i].slug, both[i].population = d.key+"-"+both[i].slug, population
		both[i].organisation, both[i].asker = organisation, d.name
	}
	return both
}

// demoOffice makes the organisations of the demonstration and who works in them, where they are missing.
type demoOffice struct {
	*store.Store

	people *access.Service
	lang   survey.Language
	now    time.Time
}

// make returns the guest. The company's waves are there already.
func (d *demoOffice) make(ctx context.Context, company []survey.Wave) (guest survey.UserID, err error) {
	if err := d.nameCompany(ctx); err != nil {
		return 0, err
	}
	guest, err = d.guest(ctx)
	if err != nil {
		return 0, err
	}
	users, err := d.users(ctx)
	if err != nil {
		return 0, err
	}
	if err := d.view(ctx, guest, users["viewer@example.com"], company); err != nil {
		return 0, err
	}
	clients, err := d.clients(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range clients {
		if err := d.SetRoles(ctx, id, guest, []survey.Role{survey.Owner}); err != nil {
			return 0, err
		}
		if consultant, ok := users["consultant@example.com"]; ok {
			if err := d.SetRoles(ctx, id, consultant, []survey.Role{survey.Consultant}); err != nil {
				return 0, err
			}
		}
	}
	return guest, nil
}

// nameCompany gives the organisation that there is from the start the company's name, unless somebody has given it
// another.
func (d *demoOffice) nameCompany(ctx context.Context) error {
	company, err := d.Organisation(ctx, survey.DefaultOrganisation)
	if err != nil || company.Name != "default" {
		return err
	}
	company.Name = demoAsker().In(d.lang)
	return d.SaveOrganisation(ctx, company)
}

// clients makes the other organisations, and returns them in order.
func (d *demoOffice) clients(ctx context.Context) ([]survey.OrganisationID, error) {
	var made []survey.OrganisationID
	for _, client := range demoClients() {
		id, err := d.client(ctx, &client)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", client.key, err)
		}
		made = append(made, id)
	}
	return made, nil
}

// client returns an organisation, known by its waves: people may have renamed it. Its waves are made last, so that one
// whose making was interrupted is found by its name.
func (d *demoOffice) client(ctx context.Context, client *demoClient) (survey.OrganisationID, error) {
	wave, err := d.WaveBySlug(ctx, client.waves(d.lang, 0)[0].slug)
	if err == nil {
		return wave.Organisation, nil
	}
	if !errors.Is(err, survey.ErrNotFound) {
		return 0, err
	}
	organisation := survey.Organisation{Name: client.name.In(d.lang)}
	all, err := d.Organisations(ctx)
	if err != nil {
		return 0, err
	}
	for i := range all {
		if all[i].Name == organisation.Name {
			organisation = all[i]
		}
	}
	if organisation.ID == 0 {
		if err := d.CreateOrganisation(ctx, &organisation); err != nil {
			return 0, err
		}
	}
	for _, wave := range client.waves(d.lang, organisation.ID) {
		if _, err := wave.make(ctx, d.Store, d.lang, d.now); err != nil {
			return 0, err
		}
	}
	return organisation.ID, nil
}

// guest returns the user that everybody is who looks at the demonstration: it shows everything that there is.
func (d *demoOffice) guest(ctx context.Context) (survey.UserID, error) {
	guest, err := d.UserByAddress(ctx, demoAddress)
	if errors.Is(err, survey.ErrNotFound) {
		name := survey.Words{"en": "Guest", "pl": "Gość", "ro": "Oaspete", "ru": "Гость"}
		guest = survey.User{Address: demoAddress, Name: name.In(d.lang), Administrator: true, Created: d.now}
		err = d.CreateUser(ctx, &guest)
	}
	if err != nil {
		return 0, err
	}
	return guest.ID, d.SetRoles(ctx, survey.DefaultOrganisation, guest.ID, []survey.Role{survey.Owner})
}

// users makes one user in each role of the company, and returns those that it has made by their addresses. Those that
// were there stay as somebody may have changed them.
func (d *demoOffice) users(ctx context.Context) (map[string]survey.UserID, error) {
	var names map[survey.Language]panelWords
	if err := json.Unmarshal(peopleFile, &names); err != nil {
		return nil, fmt.Errorf("simulated people: %w", err)
	}
	made, hash := map[string]survey.UserID{}, ""
	for i, role := range survey.Roles() {
		words := names[d.lang]
		user := survey.User{
			Address: string(role) + "@example.com", Language: d.lang, Created: d.now, PasswordHash: hash,
			Name: words.Given[i%len(words.Given)] + " " + words.Family[i%len(words.Family)],
		}
		if _, err := d.UserByAddress(ctx, user.Address); !errors.Is(err, survey.ErrNotFound) {
			if err != nil {
				return nil, err
			}
			continue
		}
		if err := d.CreateUser(ctx, &user); err != nil {
			return nil, err
		}
		if hash == "" { // one hash is worked out for all: it takes its time, and its salt guards nothing here
			if err := d.people.SetPassword(ctx, user.ID, demoPassword); err != nil {
				return nil, err
			}
			stored, err := d.User(ctx, user.ID)
			if err != nil {
				return nil, err
			}
			hash = stored.PasswordHash
		}
		if err := d.SetRoles(ctx, survey.DefaultOrganisation, user.ID, []survey.Role{role}); err != nil {
			return nil, err
		}
		made[user.Address] = user.ID
	}
	return made, nil
}

// view names a view of results to the viewer when she is made, so that she has something to see.
func (d *demoOffice) view(ctx context.Context, guest, viewer survey.UserID, company []survey.Wave) error {
	if viewer == 0 {
		return nil
	}
	name := survey.Words{
		"en": "Customers and employees", "pl": "Klienci i pracownicy", "ro": "Clienți și angajați", "ru": "Клиенты и сотрудники",
	}
	return d.CreateView(ctx, &survey.View{
		Organisation: survey.DefaultOrganisation, Name: name.In(d.lang), Maker: guest, Created: d.now, Viewers: []survey.UserID{viewer},
		Query: fmt.Sprintf("external=%d&internal=%d", company[0].ID, company[1].ID),
	})
}

// demoUsers says who can sign in.
func demoUsers() string {
	all := make([]string, len(survey.Roles()))
	for i, role := range survey.Roles() {
		all[i] = string(role) + "@example.com"
	}
	return strings.Join(all, ", ")
}

// demoAsker is the company itself.
func demoAsker() survey.Words {
	return survey.Words{
		"en": "The Made-Up Company", "pl": "Firma Zmyślona", "ro": "Compania Inventată", "ru": "Компания «Вымысел»",
	}
}
