package web

import (
	"bytes"
	"errors"
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// Parameters of the addresses that forms are sent to.
const (
	shownFor    = "organisation" // that the page was shown for
	sendsAnyway = "there"        // work in that one, and send the form there
)

// errOtherOrganisation is a form of a page that was shown for another organisation than the one worked in now, or
// before there was another.
var errOtherOrganisation = errors.New("the form was shown for another organisation")

// sameOrganisation refuses what a page sends that was not shown for the organisation worked in now: who works in
// two, in two tabs, saves nothing into the wrong one. It lets through whoever has seen that, and says where it goes.
// Who works in one has nowhere else to save to.
func (s *Server) sameOrganisation(c echo.Context) error {
	actor := actorOf(c)
	if c.Request().Method != http.MethodPost || len(actor.Memberships) < 2 || ofAPI(c.Path()) {
		return nil
	}
	shown := c.QueryParam(shownFor)
	if shown == strconv.FormatInt(int64(actor.Organisation.ID), 10) {
		return nil
	}
	if id, err := strconv.ParseInt(shown, 10, 64); err == nil && c.QueryParam(sendsAnyway) != "" {
		return s.workIn(c, survey.OrganisationID(id))
	}
	return errOtherOrganisation
}

// sendThere returns the name of the organisation that a refused form was shown for, and the address that sends it
// there. A page that was shown before there was a choice is for the one worked in now.
func sendThere(c echo.Context, actor *access.Actor) (name, address string) {
	to := *c.Request().URL
	query := to.Query()
	organisation := actor.Organisation
	for i := range actor.Memberships {
		if one := actor.Memberships[i].Organisation; strconv.FormatInt(int64(one.ID), 10) == query.Get(shownFor) {
			organisation = one
			query.Set(sendsAnyway, "1")
		}
	}
	query.Set(shownFor, strconv.FormatInt(int64(organisation.ID), 10))
	to.RawQuery = query.Encode()
	return organisation.Name, to.RequestURI()
}

// markForms adds to the addresses that the forms of a page are sent to for which organisation it was shown; here is the
// path of the page itself. Templates escape what people wrote, so that every tag found here is one of theirs.
func markForms(page []byte, here string, organisation survey.OrganisationID) []byte {
	mark := shownFor + "=" + strconv.FormatInt(int64(organisation), 10)
	marked := make([]byte, 0, len(page)+256)
	for {
		start := bytes.IndexByte(page, '<')
		if start < 0 {
			return append(marked, page...)
		}
		marked = append(marked, page[:start]...)
		page = page[start:]
		end := bytes.IndexByte(page, '>')
		if end < 0 {
			return append(marked, page...)
		}
		tag := page[:end+1]
		page = page[end+1:]
		switch {
		case bytes.HasPrefix(tag, []byte("<form ")) && bytes.Contains(tag, []byte(` method="post"`)):
			tag = markAddress(tag, ` action="`, here, mark)
		case bytes.HasPrefix(tag, []byte("<button ")) && bytes.Contains(tag, []byte(` formaction="`)):
			tag = markAddress(tag, ` formaction="`, here, mark)
		}
		marked = append(marked, tag...)
	}
}

// markAddress adds a parameter to the address in an attribute of a tag. A tag without the attribute is given the
// address of the page.
func markAddress(tag []byte, attribute, here, mark string) []byte {
	before, rest, has := strings.Cut(string(tag), attribute)
	if !has {
		return []byte(strings.TrimSuffix(before, ">") + attribute + html.EscapeString(here) + "?" + mark + `">`)
	}
	address, behind, _ := strings.Cut(rest, `"`)
	address, fragment, hasFragment := strings.Cut(address, "#")
	if strings.Contains(address, shownFor+"=") {
		return tag
	}
	join := "?"
	if strings.Contains(address, "?") {
		join = "&amp;"
	}
	address += join + mark
	if hasFragment {
		address += "#" + fragment
	}
	return []byte(before + attribute + address + `"` + behind)
}
