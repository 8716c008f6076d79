package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/html"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// A server with a route that the table of rights does not have, or the other way round, does not start.
func TestEveryRouteHasItsLine(t *testing.T) {
	f, _ := newBench(t)
	routes := func() *echo.Echo {
		e := echo.New()
		f.server.routes(e)
		return e
	}
	if err := make(ruledRoutes).add(routes().Routes(), true); err != nil {
		t.Errorf("the routes there are: %v", err)
	}
	more := routes()
	more.GET("/waves/:id/secrets", func(echo.Context) error { return nil })
	if err := make(ruledRoutes).add(more.Routes(), true); err == nil || !strings.Contains(err.Error(), "GET /waves/:id/secrets") {
		t.Errorf("a route without a line: %v", err)
	}
	few := slices.DeleteFunc(routes().Routes(), func(r *echo.Route) bool { return r.Path == "/waves/:id/answers.csv" })
	if err := make(ruledRoutes).add(few, true); err == nil || !strings.Contains(err.Error(), "GET /waves/:id/answers.csv") {
		t.Errorf("a line without a route: %v", err)
	}
	for route, r := range rights {
		if r.reach == byRight && r.right != access.Administer && !slices.Contains(access.Rights(), r.right) {
			t.Errorf("%s needs %q, which no role has", route, r.right)
		}
	}
}

// parameters of addresses, and what tests put in their place.
type parameters map[string]string

var parameterOf = regexp.MustCompile(`:[a-z]+`)

// address is that of a route with its parameters filled in. A parameter that nobody has thought of fails the test.
func (p parameters) address(t *testing.T, route string) (method, address string) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	return method, parameterOf.ReplaceAllStringFunc(path, func(name string) string {
		value, ok := p[name[1:]]
		if !ok {
			t.Fatalf("%s: what stands for %s? Add it to the parameters of this test", route, name)
		}
		return value
	})
}

// office is a server with everything in it that addresses can name, all of the first organisation.
func newOffice(t *testing.T, dsn string) (*launchField, parameters) {
	t.Helper()
	f, _ := newLaunch(t, storetest.Open(t, dsn), func(w *survey.Wave) { w.Slug = "staff" })
	f.http.Close() // it answers everybody as an owner
	f.http = httptest.NewServer(f.server.Handler())
	t.Cleanup(f.http.Close)
	hr := f.as(t, f.addUser(t, "hr@example.com", survey.HR, survey.Analyst), survey.DefaultOrganisation)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers of the first", Audience: survey.External, Slug: "first-customers", OpenLink: true, Kiosk: true})
	owner := f.addUser(t, "maker@example.com", survey.Owner)
	view := survey.View{Organisation: survey.DefaultOrganisation, Name: "For the board of the first", Query: "top=3", Maker: owner.ID, Created: f.now()}
	if err := f.store.CreateView(t.Context(), &view); err != nil {
		t.Fatal(err)
	}
	token := survey.APIToken{Organisation: survey.DefaultOrganisation, User: owner.ID, Name: "Intranet of the first", Rights: []string{"results.see"}, Prefix: "cxm_abcdef", Hash: make([]byte, 32), Created: f.now(), Expires: f.now().AddDate(0, 0, 7)}
	if err := f.store.CreateToken(t.Context(), &token); err != nil {
		t.Fatal(err)
	}
	kept := hr.sendForm("/people/import", nil, map[string][2]string{"file": {"staff.csv", "key;name;address\nnew-1;Anna New;new@example.com\n"}})
	file := regexp.MustCompile(`/people/import/([^/?]+)`).FindStringSubmatch(kept.location)
	if file == nil {
		t.Fatalf("a file is not kept: %d %s", kept.status, kept.body)
	}
	return f, parameters{
		"id": fmt.Sprint(f.draft.ID), "person": "1", "attribute": "unit", "view": fmt.Sprint(view.ID), "file": file[1], "mail": "1.eml",
		"slug": "first-customers", "token": fmt.Sprint(token.ID), "user": fmt.Sprint(owner.ID), "page": "1", "secret": "unknown", "name": "unknown.css",
		"kind": "invitation", "organisation": "2", "language": "en", "format": "csv", "document": "findings.json",
	}
}

// Every route, for every role: whoever may not is refused, and whoever may is not. The routes are those of the table,
// which are those of the server.
func TestRolesOnEveryRoute(t *testing.T) {
	f, known := newOffice(t, storetest.SQLite(t))
	type someone struct {
		name string
		user survey.User
		may  func(*rule) bool
	}
	var all []someone
	for _, role := range survey.Roles() {
		all = append(all, someone{string(role), f.addUser(t, string(role)+".role@example.com", role), func(r *rule) bool {
			return r.reach != byRight || access.May([]survey.Role{role}, r.right) || r.also != "" && access.May([]survey.Role{role}, r.also)
		}})
	}
	all = append(all,
		someone{"nobody", survey.User{}, func(r *rule) bool { return r.reach == everyone || r.reach == visitors }},
		someone{"member of nothing", f.addUser(t, "lost@example.com"), func(r *rule) bool { return r.reach != byRight }},
	)
	administrator := f.addUser(t, "administrator@example.com")
	administrator.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, administrator); err != nil {
		t.Fatal(err)
	}
	all = append(all, someone{"administrator", administrator, func(r *rule) bool {
		return r.reach != byRight || r.right == access.Administer || r.also == access.Administer
	}})

	refused, admitted := 0, 0
	for _, who := range all {
		t.Run(who.name, func(t *testing.T) {
			session := ""
			for _, route := range slices.Sorted(maps.Keys(rights)) {
				r := rights[route]
				method, address := known.address(t, route)
				p := f.person(t)
				if who.user.ID != 0 {
					if session == "" || strings.HasPrefix(address, "/sign-") || method == http.MethodPost && r.reach != byRight {
						session = f.session(t, who.user, survey.DefaultOrganisation) // the one before may have ended
					}
					p.hold(session)
				}
				got := p.send(method, address, map[bool]string{true: "application/x-www-form-urlencoded"}[method == http.MethodPost], strings.NewReader(""))
				if strings.HasPrefix(address, "/sign-") {
					session = "" // it may have ended there
				}
				out := got.status == http.StatusSeeOther && strings.HasPrefix(got.location, signInPath+"?next=") || got.location == signInPath && address == "/"
				closed := out || got.status == http.StatusUnauthorized || got.status == http.StatusForbidden
				switch may := who.may(&r); {
				case may && closed:
					t.Errorf("%s: refused with %d (%s), and the table lets her: %s", route, got.status, got.location, visible(got.body))
				case !may && !closed:
					t.Errorf("%s: status %d (%s), and the table refuses her", route, got.status, got.location)
				case !may && who.user.ID != 0 && got.status != http.StatusForbidden:
					t.Errorf("%s: status %d, want 403", route, got.status)
				case !may && who.user.ID == 0 && out != (method == http.MethodGet && !ofAPI(address)):
					t.Errorf("%s: %d %s; want pages to lead to the sign-in page, and forms to say so", route, got.status, got.location)
				case may:
					admitted++
				default:
					refused++
				}
			}
		})
	}
	if refused < 300 || admitted < 300 {
		t.Errorf("%d refused and %d admitted: that cannot be every route for every role", refused, admitted)
	}
}

// hold gives a browser the session of a token.
func (p *person) hold(token string) {
	p.t.Helper()
	address, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	p.client.Jar.SetCookies(address, []*http.Cookie{{Name: plainCookie, Value: token, Path: "/"}})
}

// identifying are the parameters that name what belongs to an organisation.
var identifying = []string{"id", "person", "attribute", "view", "file", "mail", "user", "token"}

// An owner of one organisation finds nothing of another's: every route that names anything is walked with what is the
// other's, in the address and in the form, and nothing is shown, and nothing changes.
func TestForeignIDsOnEveryRoute(t *testing.T) {
	for engine, dsnOf := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			dsn := dsnOf(t)
			f, known := newOffice(t, dsn)
			other := f.addOrganisation(t, "The other")
			stranger := f.addUser(t, "stranger@example.com")
			f.setRoles(t, other.ID, stranger, survey.Roles()...)
			p := f.as(t, stranger, other.ID)
			p.get("/") // notes the visit
			before := rowsOf(t, dsn)
			theirs := regexp.MustCompile(`Anna|Employees, spring|of the first|@example\.com`)
			walked := 0
			for _, route := range slices.Sorted(maps.Keys(rights)) {
				r := rights[route]
				if r.reach != byRight || r.right == access.Administer {
					continue
				}
				method, address := known.address(t, route)
				named := slices.ContainsFunc(identifying, func(name string) bool { return strings.Contains(route, ":"+name) })
				var got answer
				switch {
				case ofAPI(address) && strings.HasSuffix(address, "/reopen"):
					got = p.send(method, address, "application/json", strings.NewReader(`{"closes": "2027-08-01T00:00:00Z"}`))
				case ofAPI(address) && method == http.MethodPatch:
					got = p.send(method, address, "application/json", strings.NewReader(`{"name": "Taken over"}`))
				case ofAPI(address):
					got = p.send(method, address, "", nil)
				case method == http.MethodPost:
					got = p.post(address, url.Values{
						"id": {"1"}, "people": {"1"}, "person": {"1"}, "mailing": {"1"}, "invitation": {"1"}, "attribute": {"unit"}, "value": {"1"}, "values": {"1", "2"},
						"action": {"deactivate"}, "do": {"deactivate"}, "name": {""}, "confirmed": {"1"},
					})
				default:
					got = p.get(address + "?" + url.Values{"external": {"2"}, "internal": {"1"}, "width": {"700"}}.Encode())
				}
				if named && got.status != http.StatusNotFound {
					t.Errorf("%s: status %d (%s), want 404: %s", route, got.status, got.location, visible(got.body))
				}
				if found := theirs.FindString(strings.ReplaceAll(got.body, stranger.Address, "")); found != "" {
					t.Errorf("%s shows %q:\n%s", route, found, visible(got.body))
				}
				walked++
			}
			if walked < 80 {
				t.Errorf("only %d routes were walked", walked)
			}
			if after := rowsOf(t, dsn); !slices.Equal(before, after) {
				t.Errorf("something has changed: %s", differing(before, after))
			}
		})
	}
}

// rowsOf is everything in a database but sessions and what the second organisation may have made of its own.
func rowsOf(t *testing.T, dsn string) []string {
	t.Helper()
	var rows []string
	for _, row := range storetest.Dump(t, dsn) {
		if row.Table != "sessions" && row.Table != "audit_events" && !strings.Contains(row.Table, "sequence") {
			rows = append(rows, fmt.Sprint(row))
		}
	}
	slices.Sort(rows)
	return rows
}

func differing(before, after []string) string {
	var lines []string
	for _, row := range before {
		if !slices.Contains(after, row) {
			lines = append(lines, "- "+row)
		}
	}
	for _, row := range after {
		if !slices.Contains(before, row) {
			lines = append(lines, "+ "+row)
		}
	}
	return cmp.Or(strings.Join(lines, "\n"), "the number of rows")
}

// Whatever a page offers, whoever looks at it may have: every page that a role reaches by links is looked at, and every
// link and form on it is held against the table.
func TestNoLinkIsRefused(t *testing.T) {
	f, _ := newOffice(t, storetest.SQLite(t))
	twoSides(t, f.field)
	f.inviteDepartments(t, "invited", map[string][2]int{"Sales": {20, 12}, "Legal": {6, 2}, "IT": {14, 9}})
	f.wave = f.draft
	router := echo.New()
	f.server.routes(router)
	routeOf := func(method, address string) string {
		path, _, _ := strings.Cut(address, "?")
		path, _, _ = strings.Cut(path, "#")
		c := router.NewContext(httptest.NewRequest(method, "/", nil), httptest.NewRecorder())
		router.Router().Find(method, path, c)
		return method + " " + c.Path()
	}
	for _, role := range survey.Roles() {
		t.Run(string(role), func(t *testing.T) {
			user := f.addUser(t, string(role)+".walks@example.com", role)
			if role == survey.Viewer {
				err := f.store.ChangeView(t.Context(), survey.DefaultOrganisation, 1, func(view *survey.View) error {
					view.Viewers = []survey.UserID{user.ID}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			p := f.as(t, user, survey.DefaultOrganisation)
			looked := make(map[string]int) // at pages of a route
			seen := make(map[string]bool)
			waiting := []string{"/"}
			offered := 0
			for len(waiting) > 0 {
				from := waiting[0]
				waiting = waiting[1:]
				page := p.get(from)
				if page.status == http.StatusSeeOther {
					if !seen[page.location] {
						seen[page.location] = true
						waiting = append(waiting, page.location)
					}
					continue
				}
				if page.status >= http.StatusBadRequest && page.status != http.StatusConflict { // there is nothing to export yet
					t.Errorf("%s: status %d: %s", from, page.status, visible(page.body))
				}
				for method, addresses := range offeredBy(t, page) {
					for _, address := range addresses {
						if !strings.HasPrefix(address, "/") {
							continue
						}
						route := routeOf(method, address)
						r, known := rights[route]
						if !known {
							t.Errorf("%s offers %s %s, which is no route", from, method, address)
							continue
						}
						offered++
						if r.reach == byRight && !access.May([]survey.Role{role}, r.right) && (r.also == "" || !access.May([]survey.Role{role}, r.also)) {
							t.Errorf("%s offers %s, which is refused", from, route)
						}
						if method == http.MethodGet && r.reach != everyone && r.reach != visitors && !seen[address] && looked[route] < 4 {
							seen[address] = true
							looked[route]++
							waiting = append(waiting, address)
						}
					}
				}
			}
			if least := map[survey.Role]int{survey.Viewer: 4}[role]; offered < cmp.Or(least, 100) || len(looked) < cmp.Or(least/2, 10) {
				t.Errorf("%d links on pages of %d routes: %v", offered, len(looked), looked)
			}
		})
	}
}

// offeredBy returns the addresses that a page leads to, by method.
func offeredBy(t *testing.T, page answer) map[string][]string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page.body))
	if err != nil {
		t.Fatal(err)
	}
	offered := make(map[string][]string)
	for n := range root.Descendants() {
		attributes := make(map[string]string)
		for _, at := range n.Attr {
			attributes[at.Key] = at.Val
		}
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "a" || n.Data == "iframe" || n.Data == "img":
			offered[http.MethodGet] = append(offered[http.MethodGet], cmp.Or(attributes["href"], attributes["src"]))
		case n.Data == "form":
			method := strings.ToUpper(cmp.Or(attributes["method"], "get"))
			offered[method] = append(offered[method], attributes["action"])
		case attributes["formaction"] != "":
			offered[http.MethodPost] = append(offered[http.MethodPost], attributes["formaction"])
		case attributes["data-pictures"] != "":
			offered[http.MethodGet] = append(offered[http.MethodGet], attributes["data-pictures"]+"&width=700")
		}
	}
	return offered
}
