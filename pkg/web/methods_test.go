package web

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// allowedAt returns the methods that the table of rights lets somebody send to an address, of whichever routes lead
// there.
func allowedAt(address string, may func(*rule) bool) (allowed []string, known []string) {
	for route, r := range rights {
		method, path, _ := strings.Cut(route, " ")
		if !regexp.MustCompile("^" + parameterOf.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$").MatchString(address) {
			continue
		}
		known = append(known, method)
		if !may(&r) {
			continue
		}
		allowed = append(allowed, method)
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	slices.Sort(known)
	return slices.Compact(allowed), slices.Compact(known)
}

// Every address is asked for what it does not take, by everybody: it says what it takes of her, and not what of others.
func TestMethodsThatAreNotTaken(t *testing.T) {
	f, known := newOffice(t, storetest.SQLite(t))
	other := f.addOrganisation(t, "The other")
	stranger := f.addUser(t, "stranger@example.com")
	f.setRoles(t, other.ID, stranger, survey.Owner)
	holder := func(roles ...survey.Role) func(*rule) bool {
		return func(r *rule) bool {
			return r.reach != byRight || slices.ContainsFunc(roles, func(role survey.Role) bool {
				return access.May([]survey.Role{role}, r.right) || r.also != "" && access.May([]survey.Role{role}, r.also)
			})
		}
	}
	people := map[string]struct {
		person *person
		may    func(*rule) bool
	}{
		"nobody":             {f.person(t), func(r *rule) bool { return r.reach == everyone || r.reach == visitors }},
		"an owner":           {f.as(t, f.addUser(t, "owner.of@example.com", survey.Owner), survey.DefaultOrganisation), holder(survey.Owner)},
		"a viewer":           {f.as(t, f.addUser(t, "viewer.of@example.com", survey.Viewer), survey.DefaultOrganisation), holder(survey.Viewer)},
		"an owner elsewhere": {f.as(t, stranger, other.ID), holder(survey.Owner)},
	}
	told := map[string]map[string]string{} // by address and method: what owners are told
	asked := 0
	for name, who := range people {
		seen := map[string]bool{}
		for _, route := range slices.Sorted(maps.Keys(rights)) {
			_, address := known.address(t, route)
			if seen[address] {
				continue
			}
			seen[address] = true
			allowed, taken := allowedAt(address, who.may)
			for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodPost, http.MethodGet, "BREW"} {
				if slices.Contains(taken, method) {
					continue
				}
				asked++
				got := who.person.send(method, address, "", nil)
				want, allow := http.StatusMethodNotAllowed, strings.Join(allowed, ", ")
				if len(allowed) == 0 {
					if want = http.StatusForbidden; name == "nobody" {
						want = http.StatusUnauthorized
						if method == http.MethodGet && !ofAPI(address) {
							want = http.StatusSeeOther // to where she signs in
						}
					}
				}
				methods := strings.Split(got.header.Get("Allow"), ", ")
				slices.Sort(methods)
				if got.status != want || strings.Join(methods, ", ") != allow {
					t.Errorf("%s of %s %s: %d, Allow %q; want %d and %q", name, method, address, got.status, methods, want, allow)
				}
				if ofAPI(address) && !strings.HasPrefix(got.header.Get("Content-Type"), problemType) {
					t.Errorf("%s of %s %s: it comes as %s", name, method, address, got.header.Get("Content-Type"))
				}
				if strings.Contains(name, "owner") {
					key := method + " " + address
					if told[key] == nil {
						told[key] = map[string]string{}
					}
					told[key][name] = got.header.Get("Allow")
				}
			}
		}
	}
	for key, by := range told {
		if by["an owner"] != by["an owner elsewhere"] {
			t.Errorf("%s tells whose it is: %v", key, by)
		}
	}
	if asked < 1000 {
		t.Errorf("only %d were asked", asked)
	}
	// What leads nowhere is nowhere, whatever is asked of it.
	for _, address := range []string{"/nowhere", "/waves/1/", "/waves//edit", "/waves/1/edit/more", "/api/v1/nowhere", "/api/v1/waves/1/"} {
		for _, method := range []string{http.MethodGet, http.MethodPut} {
			if got := people["an owner"].person.send(method, address, "", nil); got.status != http.StatusNotFound || got.header.Get("Allow") != "" {
				t.Errorf("%s %s: %d, Allow %q; want 404", method, address, got.status, got.header.Get("Allow"))
			}
		}
	}
	page := people["an owner"].person.send(http.MethodPut, "/waves/1", "", nil)
	if !strings.Contains(visible(page.body), "Nothing can be done like that here") {
		t.Errorf("the page says %s", visible(page.body))
	}
}
