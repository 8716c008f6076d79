package web

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// A house is a server with organisations whose answers whoever runs it wants to see and must not: two of several that are
// in use, one of them archived, and one that comes into use while she is at work.
type house struct {
	*field

	random  *mathrand.Rand
	mind    int  // what she has set it on
	patient bool // she keeps a link until there is something to be seen by it
	root    survey.User
	secret  map[survey.OrganisationID]string // what is to be read where nobody must; the name of a wave
	late    survey.OrganisationID            // in use later
	harry   survey.UserID                    // who works there, as its owner knows
	empty   survey.OrganisationID            // never
	owners  map[survey.OrganisationID]survey.User

	// Off is a rule that is broken behind the server's back, as if it did not hold: then she must get in, or the test
	// would prove nothing.
	off brokenRule

	browsers []*person              // in which she is signed in, or was
	had      map[survey.UserID]bool // accounts whose passwords she chose
	walked   map[string]int         // routes
	links    []string               // that she was shown, and has not used
	tokens   []string               // that she made in others' names
	taken    int                    // links that she used
	shown    int                    // links that she saw
}

// What she may have set her mind on.
const (
	onLinks    = iota // to those who work where nothing is to be seen yet
	onAccounts        // of those whom owners expect
	onOwners          // in whose place she could be
	minds             // how many these are
)

// brokenRule is a rule that an attack is tried without.
type brokenRule string

// The rules, each of which keeps her out by itself.
const (
	allHold       brokenRule = ""
	ownersInUse   brokenRule = "whoever runs the server makes nobody an owner where there is something to see"
	groupsInUse   brokenRule = "only owners say which groups have which roles"
	linksInUse    brokenRule = "no link is shown to an account that opens something"
	shownLinks    brokenRule = "a link that was shown opens nothing that is in use later"
	unprovedAnew  brokenRule = "an account that opens nothing begins anew when it is invited"
	tokensOfLinks brokenRule = "the tokens of an account end when a link is accepted that others have seen"
)

const attackersPassword = "nobody would guess this one"

// newHouse builds the house. It sends mail, to its users alone, or none.
func newHouse(t *testing.T, db *store.Store, mail bool, seed uint64, off brokenRule) *house {
	t.Helper()
	f, _ := newBenchIn(t, db)
	f.signedInOnly(t)
	h := &house{
		field: f, random: mathrand.New(mathrand.NewPCG(seed, 7)), mind: int(seed % minds), patient: seed%minds == onLinks, off: off,
		secret: make(map[survey.OrganisationID]string), owners: make(map[survey.OrganisationID]survey.User),
		had: make(map[survey.UserID]bool), walked: make(map[string]int),
	}
	f.server.access = testAccess(t, f.store, f.now, func(o *access.Options) {
		if mail {
			o.Mail = func(context.Context, access.Letter) error { return nil }
		}
	})
	second, archived := f.addOrganisation(t, "Second"), f.addOrganisation(t, "Archived")
	h.late, h.empty = f.addOrganisation(t, "Late").ID, f.addOrganisation(t, "Empty").ID
	for i, id := range []survey.OrganisationID{survey.DefaultOrganisation, second.ID, archived.ID, h.late} {
		owner := f.addUser(t, fmt.Sprintf("owner%d@client.example", i))
		f.setPassword(t, owner, ownPassword)
		f.setRoles(t, id, owner, survey.Owner)
		h.owners[id] = owner
	}
	for _, id := range []survey.OrganisationID{survey.DefaultOrganisation, second.ID, archived.ID} {
		h.use(t, id)
	}
	archived.Archived = new(f.now())
	if err := storetest.SaveOrganisation(t.Context(), f.store, archived); err != nil {
		t.Fatal(err)
	}
	f.addUser(t, "awaited@client.example", survey.HR) // and has not accepted yet
	consultant := f.addUser(t, "consultant@agency.example", survey.Consultant)
	f.setRoles(t, second.ID, consultant, survey.Consultant)
	f.setPassword(t, consultant, ownPassword)
	harry := f.addUser(t, "harry@client.example")
	f.setRoles(t, h.late, harry, survey.HR)
	f.setPassword(t, harry, ownPassword)
	h.harry = harry.ID
	h.root = f.addUser(t, "root@server.example")
	h.root.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, h.root); err != nil {
		t.Fatal(err)
	}
	f.setPassword(t, h.root, attackersPassword)
	h.browsers = []*person{f.as(t, h.root, 0)}
	return h
}

// use brings an organisation into use: it has a wave, whose name is the secret.
func (h *house) use(t *testing.T, id survey.OrganisationID) {
	t.Helper()
	v := survey.Version{Organisation: id, Code: "q", Number: 1, Source: []byte("{code: q, version: 1, audience: internal, languages: [en], title: {en: Q}, items: [{code: a, kind: text, text: {en: A}}]}"), Stored: noon}
	if err := h.store.SaveVersion(t.Context(), &v); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("Secret of %d, %d", id, h.random.IntN(1e6))
	w := survey.Wave{Organisation: id, Version: v.ID, Name: name, Audience: survey.Internal, Slug: fmt.Sprintf("slug-%d", id), State: survey.WaveOpen, Threshold: 5}
	if err := h.store.CreateWave(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	h.secret[id] = name
}

// Addresses that owners invite, and that whoever runs the server may make accounts for before they do.
var expected = []string{"anna@client.example", "ben@client.example", "awaited@client.example", "consultant@agency.example"}

// powerRoutes are all routes of those who run the server: the table says which.
func powerRoutes() []string {
	var routes []string
	for _, route := range slices.Sorted(maps.Keys(rights)) {
		if r := rights[route]; r.reach == byRight && (r.right == access.Administer || r.also == access.Administer) {
			routes = append(routes, route)
		}
	}
	return routes
}

// oneOf returns one of several.
func oneOf[T any](h *house, of []T) T { return of[h.random.IntN(len(of))] }

// chance reports true n times of a hundred.
func (h *house) chance(n int) bool { return h.random.IntN(100) < n }

// step is one thing that she does, or that others do meanwhile.
func (h *house) step(t *testing.T, routes []string) {
	t.Helper()
	h.pass(7 * time.Second)
	switch n := h.random.IntN(100); {
	case n < 62:
		h.request(t, oneOf(h, routes))
	case n < 72 && len(h.links) > 0:
		h.follow(t, h.random.IntN(len(h.links)))
	case n < 84:
		h.asMember(t)
	case n < 95:
		h.ownerActs(t)
	default:
		h.tryGroups(t)
	}
}

// request is one of hers, with whatever she likes in the address and in the form.
func (h *house) request(t *testing.T, route string) {
	t.Helper()
	users, err := h.store.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	organisations, err := h.store.Organisations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	user, organisation := oneOf(h, users), oneOf(h, organisations)
	var mind struct { // what she has set it on: she tries that more often
		route  string
		users  []survey.UserID
		within []survey.OrganisationID
	}
	switch h.mind {
	case onLinks:
		mind.route, mind.users = "POST /instance/users/:user/link", []survey.UserID{h.owners[h.late].ID, h.harry}
	case onAccounts:
		mind.route = "POST /instance/users"
	case onOwners:
		mind.route = oneOf(h, []string{"POST /instance/users/:user/disable", "POST /instance/organisations/:organisation/owner"})
		members, err := h.store.Members(t.Context(), survey.DefaultOrganisation)
		if err != nil {
			t.Fatal(err)
		}
		for i := range members {
			if !members[i].User.Disabled && slices.Contains(members[i].Roles, survey.Owner) {
				mind.users = append(mind.users, members[i].User.ID)
			}
		}
		mind.within = []survey.OrganisationID{survey.DefaultOrganisation}
	}
	if h.chance(25) {
		route = mind.route
		if len(mind.users) > 0 {
			id := oneOf(h, mind.users)
			if at := slices.IndexFunc(users, func(u survey.User) bool { return u.ID == id }); at >= 0 {
				user = users[at]
			}
		}
		if len(mind.within) > 0 {
			organisation = organisations[slices.IndexFunc(organisations, func(o survey.Organisation) bool { return o.ID == mind.within[0] })]
		}
	}
	method, path, _ := strings.Cut(route, " ")
	spares := user.ID == h.root.ID && (strings.HasSuffix(path, "/administrator") || strings.HasSuffix(path, "/disable") || strings.HasSuffix(path, "/delete"))
	spares = spares || strings.HasSuffix(path, "/archive") && h.chance(70) // nobody works in what is archived
	if spares || strings.HasSuffix(path, ":organisation/delete") && !h.chance(5) {
		return
	}
	h.walked[route]++
	path = strings.NewReplacer(":organisation", strconv.Itoa(int(organisation.ID)), ":user", strconv.Itoa(int(user.ID))).Replace(path)
	address := oneOf(h, append(slices.Clone(expected), h.root.Address, h.root.Address, user.Address, fmt.Sprintf("new%d@server.example", h.random.IntN(5))))
	form := url.Values{
		"name": {fmt.Sprintf("Org %d", h.random.IntN(1000))}, "owner": {address}, "address": {address}, "administrator": {oneOf(h, []string{"yes", "no", ""})},
		"password": {attackersPassword}, "typed": {oneOf(h, []string{user.Address, organisation.Name, ""})},
		"group": {"attackers"}, "in": {strconv.Itoa(int(organisation.ID))}, "role": {"owner"},
	}
	root := h.browsers[0]
	if method == http.MethodGet {
		h.collect(root.get(path + oneOf(h, []string{"", "?scope=everywhere"})))
		return
	}
	got := root.post(path, form)
	h.collect(got)
	h.breakRule(t, got, path, user, organisation, address)
}

// breakRule does what the server would have done without a rule that is off.
func (h *house) breakRule(t *testing.T, got answer, path string, user survey.User, organisation survey.Organisation, address string) {
	t.Helper()
	ctx := t.Context()
	refused := got.status == http.StatusConflict
	switch {
	case h.off == ownersInUse && refused && strings.HasSuffix(path, "/owner") && strings.Contains(got.body, "so nobody is made its owner from here"):
		owner, err := h.store.UserByAddress(ctx, address)
		if err == nil {
			err = h.store.SetRoles(ctx, organisation.ID, owner.ID, []survey.Role{survey.Owner})
		}
		if err != nil && !errors.Is(err, survey.ErrNotFound) {
			t.Fatal(err)
		}
	case h.off == linksInUse && refused && strings.HasSuffix(path, "/link") && strings.Contains(got.body, "works in an organisation that has surveys or people"):
		link, err := h.server.access.NewLink(ctx, user.ID, survey.ResetLink)
		if err != nil {
			t.Fatal(err)
		}
		h.links = append(h.links, strings.TrimPrefix(link, "https://survey.example.org"))
	}
}

// tryGroups is a group of hers with a role everywhere, as whoever runs the server once could say.
func (h *house) tryGroups(t *testing.T) {
	t.Helper()
	var mine []survey.GroupRole
	for id := range h.secret {
		form := url.Values{"group": {"attackers"}, "in": {strconv.Itoa(int(id))}, "role": {"owner"}}
		for _, path := range []string{"/instance/groups", "/members/groups", fmt.Sprintf("/members/groups?%s=%d", shownFor, id)} {
			h.browsers[0].post(path, form)
		}
		if h.off == groupsInUse {
			mine = append(mine, survey.GroupRole{Group: "attackers", Organisation: id, Role: survey.Owner})
		}
	}
	stored, err := h.store.GroupRoles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range stored {
		if _, used := h.secret[g.Organisation]; used && h.off == allHold {
			t.Errorf("a group of hers: %+v", g)
		}
	}
	if _, err := h.store.SetRolesFromGroups(t.Context(), h.root.ID, append(stored, mine...)); err != nil { // her sign-on
		t.Fatal(err)
	}
}

var linkShown = regexp.MustCompile(`https://survey\.example\.org(/(?:invitation|reset|set-up)/[A-Za-z0-9_-]+)`)

// collect keeps links that an answer shows.
func (h *house) collect(got answer) {
	for _, found := range linkShown.FindAllStringSubmatch(got.body+got.location, -1) {
		h.links = append(h.links, found[1])
		h.shown++
	}
}

// follow uses a link that she was shown.
func (h *house) follow(t *testing.T, at int) {
	t.Helper()
	path := h.links[at]
	link, works := h.linkOf(t, path)
	if h.patient && works && link.User == h.harry {
		return // there is nothing to be seen yet
	}
	h.links = slices.Delete(h.links, at, at+1)
	p := h.person(t)
	got := p.post(path, url.Values{"name": {"Eve"}, "password": {attackersPassword}, "again": {attackersPassword}})
	if got.status == http.StatusSeeOther != works {
		t.Errorf("a link that works, %v, was answered with %d: %s", works, got.status, visible(got.body))
	}
	if works {
		h.browsers, h.had[link.User] = append(h.browsers, p), true
		h.taken++
	}
}

// linkOf is what the database has of a link, as long as it works.
func (h *house) linkOf(t *testing.T, path string) (link survey.SignInLink, works bool) {
	t.Helper()
	kind, secret, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	hash := sha256.Sum256([]byte(secret))
	link, err := h.store.Link(t.Context(), hash[:], survey.LinkKind(kind), h.now())
	if err != nil && !errors.Is(err, survey.ErrNotFound) {
		t.Fatal(err)
	}
	if err != nil {
		return link, false
	}
	user, err := h.store.User(t.Context(), link.User)
	return link, err == nil && !user.Disabled
}

// asMember is what she does in an organisation that is not in use, in whosever name she works there.
func (h *house) asMember(t *testing.T) {
	t.Helper()
	p := oneOf(h, h.browsers)
	organisations, err := h.store.Organisations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id := strconv.Itoa(int(oneOf(h, organisations).ID))
	if h.chance(50) {
		id = strconv.Itoa(int(h.late))
	}
	p.post("/work-in", url.Values{"to": {id}})
	address := oneOf(h, expected)
	if h.mind == onAccounts { // which work nowhere until owners trust them
		address = "new@server.example"
	}
	switch h.random.IntN(6) {
	case 0, 1, 2:
		made := p.post("/tokens", url.Values{"name": {"x"}, "rights": {string(access.SeeWaves), string(access.ExportAnswers)}, "days": {"30"}})
		if token := regexp.MustCompile(`id="made"[^>]* value="([^"]+)"`).FindStringSubmatch(made.body); token != nil {
			h.tokens = append(h.tokens, token[1])
		}
	case 3:
		p.post("/members/groups", url.Values{"group": {"attackers"}, "role": {"owner"}})
	default:
		h.collect(p.post("/members", url.Values{"address": {address}, "roles": {oneOf(h, []string{"viewer", "owner"})}}))
	}
}

// ownerActs is an owner who trusts nobody but those whom she expects: she invites them, again if need be, and makes more
// of them. Links that she sees she hands over to them.
func (h *house) ownerActs(t *testing.T) {
	t.Helper()
	ids := slices.Sorted(maps.Keys(h.secret))
	id := oneOf(h, ids)
	owner, err := h.store.User(t.Context(), h.owners[id].ID)
	if errors.Is(err, survey.ErrNotFound) || err == nil && owner.Disabled {
		return // whoever runs the server keeps her out
	}
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("?%s=%d", shownFor, id)
	p := h.as(t, owner, id)
	if actor, err := h.server.access.Actor(t.Context(), owner.ID, id); err != nil || actor.Organisation.ID != id {
		return // it is in the archive
	}
	invited := oneOf(h, expected)
	got := p.post("/members"+at, url.Values{"address": {invited}, "roles": {"analyst", "owner"}})
	user, err := h.store.UserByAddress(t.Context(), invited)
	if err != nil {
		t.Fatal(err, got.status, visible(got.body))
	}
	switch {
	case h.off == unprovedAnew && got.status == http.StatusCreated && h.had[user.ID]:
		h.setPassword(t, user, attackersPassword) // as if the account had been trusted, and its password still let in
	case h.chance(40):
		p.post(fmt.Sprintf("/members/%d/invite%s", user.ID, at), nil)
	case h.chance(40):
		p.post(fmt.Sprintf("/members/%d/roles%s", user.ID, at), url.Values{"roles": {"owner", "hr"}})
	}
}

// beginLate is the owner of what was not in use yet, who begins. If somebody has taken her account she gets it back by a
// link that is handed over, and before she asks anybody anything she looks who works there, and removes whom she does
// not know, or who says that somebody else has his account.
func (h *house) beginLate(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	owner, err := h.store.User(ctx, h.owners[h.late].ID)
	if _, used := h.secret[h.late]; used || errors.Is(err, survey.ErrNotFound) || err == nil && (owner.Disabled || h.taken == 0) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	link, err := h.server.access.NewLink(ctx, owner.ID, survey.ResetLink)
	if err != nil {
		t.Fatal(err)
	}
	if h.off == tokensOfLinks {
		err = h.server.access.SetPassword(ctx, owner.ID, ownPassword)
	} else if got := h.person(t).post(strings.TrimPrefix(link, "https://survey.example.org"), url.Values{"name": {"Lena"}, "password": {ownPassword}, "again": {ownPassword}}); got.status != http.StatusSeeOther {
		t.Fatalf("she does not get her account back: %d %s", got.status, visible(got.body))
	}
	if err != nil {
		t.Fatal(err)
	}
	delete(h.had, owner.ID)
	actor, err := h.server.access.Actor(ctx, owner.ID, h.late)
	if err != nil || actor.Organisation.ID != h.late || !actor.May(access.ManageMembers) {
		return // it is in the archive, or hers no longer
	}
	members, err := h.store.Members(ctx, h.late)
	if err != nil {
		t.Fatal(err)
	}
	p, at := h.as(t, owner, h.late), fmt.Sprintf("?%s=%d", shownFor, h.late)
	for i := range members {
		if id := members[i].User.ID; id != owner.ID && (id != h.harry || h.had[id]) {
			if got := p.post(fmt.Sprintf("/members/%d/remove%s", id, at), nil); got.status != http.StatusSeeOther {
				t.Fatalf("remove: %d %s", got.status, visible(got.body))
			}
		}
	}
	p.post("/members/groups"+at, url.Values{"group": {""}, "role": {"hr"}})
	kept := make(map[string]survey.SignInLink)
	for _, path := range h.links {
		if link, works := h.linkOf(t, path); works {
			kept[path] = link
		}
	}
	h.use(t, h.late)
	if h.off != shownLinks {
		return
	}
	for _, link := range kept { // they go on working, as if nobody asked
		link.Way = survey.ByHand
		if err := h.store.CreateLink(ctx, link); err != nil {
			t.Fatal(err)
		}
	}
}

// leaks says what she can read that she must not, in all the browsers that she has, with all the passwords she could know,
// and with all tokens.
func (h *house) leaks(t *testing.T) []string {
	t.Helper()
	users, err := h.store.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	browsers := slices.Clone(h.browsers)
	for i := range users {
		h.pass(time.Minute)
		if p, got := h.signIn(t, users[i], attackersPassword); got.status == http.StatusSeeOther {
			browsers = append(browsers, p)
		}
	}
	var found []string
	for _, id := range slices.Sorted(maps.Keys(h.secret)) {
		look := func(how, body string) {
			if strings.Contains(body, h.secret[id]) {
				found = append(found, how)
			}
		}
		for _, p := range browsers {
			p.post("/work-in", url.Values{"to": {strconv.Itoa(int(id))}})
			who := regexp.MustCompile(`<summary>.*?<span>([^<]*)</span>`).FindStringSubmatch(p.get("/profile").body)
			for _, path := range []string{"/", "/divergence", "/api/v1/waves", "/audit"} {
				look(fmt.Sprintf("%s of organisation %d as %q", path, id, who), p.get(path).body)
			}
		}
		for _, token := range h.tokens {
			p := h.person(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+"/api/v1/waves", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			response, err := p.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			look(fmt.Sprintf("the waves of organisation %d by a token", id), string(body))
		}
	}
	return found
}

// attack lets her try for a number of steps, and says what she can read at the end.
func (h *house) attack(t *testing.T, steps int) []string {
	t.Helper()
	routes := powerRoutes()
	for i := range steps {
		h.step(t, routes)
		if i > steps/2 && h.chance(3) {
			h.beginLate(t)
		}
	}
	h.patient = false
	for len(h.links) > 0 {
		h.follow(t, 0)
	}
	return h.leaks(t)
}

const attackSteps = 160

// Whoever runs the server and works nowhere does whatever its pages let her do, in any order, to anybody: she makes users,
// owners and administrators, disables and deletes them, is shown links, uses them at once or later, works in others' names
// where there is nothing to see, and waits for owners to trust accounts that she has made. She reads nothing of any
// organisation that has something to be read.
func TestWhoRunsTheServerSeesNoAnswers(t *testing.T) {
	t.Parallel()
	for engine, open := range storetest.Engines() {
		for _, mail := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, mail %v", engine, mail), func(t *testing.T) {
				t.Parallel()
				seeds := minds
				if engine == "postgres" || testing.Short() {
					seeds = 1
				}
				walked, taken, begun := make(map[string]int), 0, 0
				for seed := range seeds {
					h := newHouse(t, open(t), mail, uint64(seed), allHold)
					for _, leak := range h.attack(t, attackSteps) {
						t.Errorf("seed %d: she reads %s", seed, leak)
					}
					if mail && h.shown > 0 {
						t.Errorf("seed %d: where mail is sent she was shown %d links", seed, h.shown)
					}
					if _, used := h.secret[h.late]; used {
						begun++
					}
					taken += h.taken
					for route, n := range h.walked {
						walked[route] += n
					}
				}
				t.Logf("she used %d links; what was not in use came into use %d times; routes %v", taken, begun, walked)
				if !mail && taken < seeds {
					t.Errorf("she used only %d links: that proves nothing", taken)
				}
				for _, route := range powerRoutes() {
					if walked[route] == 0 && seeds == minds && route != "POST /instance/organisations/:organisation/delete" {
						t.Errorf("%s was never tried", route)
					}
				}
			})
		}
	}
}

// The same attack gets in as soon as one of the rules that keep her out does not hold.
func TestWithoutARuleWhoRunsTheServerSeesAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("attacks the server up to 144 times")
	}
	t.Parallel()
	for _, rule := range []brokenRule{ownersInUse, groupsInUse, linksInUse, shownLinks, unprovedAnew, tokensOfLinks} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			const most = 8 * minds
			for seed := range most {
				h := newHouse(t, storetest.Open(t, storetest.SQLite(t)), false, uint64(seed), rule)
				if found := h.attack(t, attackSteps); len(found) > 0 {
					t.Logf("seed %d: she reads %s", seed, found[0])
					return
				}
			}
			t.Errorf("she reads nothing without the rule, in %d attacks: they prove nothing of it", most)
		})
	}
}
