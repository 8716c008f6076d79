package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// splitsOffer is what the results of a wave that became anonymous are better split by than as was chosen.
type splitsOffer struct {
	Says string
}

// proposedSplits returns what is proposed for a draft, as the form names it.
func (s *Server) proposedSplits(c echo.Context, d *drafted) ([]string, error) {
	proposed := *d
	if err := s.fieldwork.ProposeSplits(c.Request().Context(), &proposed.plan); err != nil {
		return nil, err
	}
	return reportedNames(&proposed), nil
}

// offerSplits returns what is offered for a draft: nothing if it is not anonymous, or splits by no more than what is
// proposed.
func (s *Server) offerSplits(c echo.Context, page *launchPromisePage, d *drafted) (*splitsOffer, error) {
	if d.plan.Wave.Mode != survey.Anonymous {
		return nil, nil //nolint:nilnil // documented: there is nothing to offer
	}
	proposed, err := s.proposedSplits(c, d)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(reportedNames(d), func(name string) bool { return !slices.Contains(proposed, name) }) {
		return nil, nil //nolint:nilnil // see above
	}
	if len(proposed) == 0 {
		return &splitsOffer{page.T("launch_splits_offer_nothing")}, nil
	}
	says := make([]string, len(proposed))
	for i, name := range proposed {
		says[i] = name
		if at := slices.IndexFunc(page.Reportables, func(one reportable) bool { return one.Name == name }); at >= 0 {
			says[i] = page.Reportables[at].Says
		}
	}
	return &splitsOffer{page.With("launch_splits_offer", "Names", strings.Join(says, ", "))}, nil
}

// takeSplits makes a draft split its results by what was offered.
func (s *Server) takeSplits(c echo.Context, d *drafted) error {
	address := "/waves/" + c.Param("id") + "/launch/promise"
	if d.plan.Wave.Mode != survey.Anonymous { // changed back on another page meanwhile
		return c.Redirect(http.StatusSeeOther, address)
	}
	proposed, err := s.proposedSplits(c, d)
	if err != nil {
		return err
	}
	setReported(d, proposed)
	if err := s.saveDraft(c.Request().Context(), &d.plan); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, address+"?splits=taken")
}
