package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// bouncesLookedUp is how many addresses are looked up together.
const bouncesLookedUp = 1000

// bouncesPage takes what mail servers sent back, and shows what would be noted before it is.
type bouncesPage struct {
	room
	File     string // its id; "" is none yet
	Name     string
	Gone     bool // it was there, and is not kept any more
	Problems []string

	Total   int
	Counts  []bounceCount
	Bounces []bounceLine
	More    int
	Skipped []string
	Unknown int // addresses that nobody in the panel has
	Noted   *fieldwork.BouncesNoted
}

// bounceCount is how many bounces are of a kind.
type bounceCount struct {
	Kind  exchange.BounceKind
	Count string
}

// bounceLine is a mail that came back, and whose it was.
type bounceLine struct {
	exchange.Bounce
	Person survey.PersonID // 0 is nobody's
	Whose  string
}

func (s *Server) showBounces(c echo.Context) error {
	return s.show(c, http.StatusOK, "workbench", "bounces", s.bouncesPage(c))
}

func (s *Server) bouncesPage(c echo.Context) bouncesPage {
	page := bouncesPage{room: s.room(c, "people")}
	page.Title = page.T("bounces")
	return page
}

// receiveBounces takes a file and goes on to the page that shows what is in it.
func (s *Server) receiveBounces(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	form, err := receiveForm(c, uploadLimit)
	page := s.bouncesPage(c)
	if errors.Is(err, errTooLarge) {
		page.Problems = []string{page.With("problem_file_too_large", "Limit", page.Integer(uploadLimit>>20))}
		return s.show(c, http.StatusRequestEntityTooLarge, "workbench", "bounces", page)
	}
	if err != nil {
		return err
	}
	file, err := fileOf(form)
	if err != nil {
		return err
	}
	if len(file.content) == 0 {
		page.Problems = []string{page.T("bounces_no_file")}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "bounces", page)
	}
	id, err := s.shelf.keep(s.organisationOf(c), "bounces", file)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/people/bounces/"+id)
}

// keptBounces returns the file that an address names. Where it is not kept any more, the page says so and is shown
// already; the file is nil then.
func (s *Server) keptBounces(c echo.Context) (*keptFile, bouncesPage, error) {
	page := s.bouncesPage(c)
	file, err := s.shelf.find(s.organisationOf(c), "bounces", c.Param("file"))
	if errors.Is(err, errNotKept) {
		page.Gone = true
		return nil, page, s.show(c, http.StatusNotFound, "workbench", "bounces", page)
	}
	if err != nil {
		return nil, page, err
	}
	page.File, page.Name = c.Param("file"), file.name
	return file, page, nil
}

// showBouncesPreview shows what would be noted, or what was.
func (s *Server) showBouncesPreview(c echo.Context) error {
	file, page, err := s.keptBounces(c)
	if err != nil || file == nil {
		return err
	}
	file.mu.Lock()
	noted, done := file.done.(fieldwork.BouncesNoted)
	file.mu.Unlock()
	if done {
		page.Noted = &noted
		return s.show(c, http.StatusOK, "workbench", "bounces", page)
	}
	reader, err := exchange.OpenBounces(file.open(), file.name)
	if err != nil {
		if page.Problems = page.fileProblems(err); page.Problems == nil {
			return err
		}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "bounces", page)
	}
	if err := s.listBounces(c.Request().Context(), s.organisationOf(c), &page, reader); err != nil {
		return err
	}
	if err := reader.Err(); err != nil {
		if page.Problems = page.fileProblems(err); page.Problems == nil {
			return err
		}
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "bounces", page)
	}
	return s.show(c, http.StatusOK, "workbench", "bounces", page)
}

// listBounces puts the bounces of a file onto the page, with the people whose they are.
func (s *Server) listBounces(ctx context.Context, organisation survey.OrganisationID, page *bouncesPage, reader *exchange.BounceReader) error {
	counts := make(map[exchange.BounceKind]int)
	var batch []exchange.Bounce
	flush := func() error {
		addresses := make([]string, len(batch))
		for i := range batch {
			addresses[i] = batch[i].Address
		}
		people, err := s.store.PeopleByAddress(ctx, organisation, addresses)
		if err != nil {
			return err
		}
		for _, bounce := range batch {
			line := bounceLine{Bounce: bounce}
			if whose := people[strings.ToLower(bounce.Address)]; len(whose) > 0 {
				line.Person, line.Whose = whose[0].ID, shownName(&whose[0])
			} else {
				page.Unknown++
			}
			if len(page.Bounces) < rejectionsShown {
				page.Bounces = append(page.Bounces, line)
			}
		}
		batch = batch[:0]
		return nil
	}
	for bounce := range reader.Bounces() {
		page.Total++
		counts[bounce.Kind]++
		if batch = append(batch, bounce); len(batch) == bouncesLookedUp {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	page.More = page.Total - len(page.Bounces)
	for _, kind := range []exchange.BounceKind{exchange.BouncePermanent, exchange.BounceTransient, exchange.BounceUnclear, exchange.BounceDelayed} {
		if counts[kind] > 0 {
			page.Counts = append(page.Counts, bounceCount{kind, page.Integer(counts[kind])})
		}
	}
	for _, skipped := range reader.Skipped() {
		page.Skipped = append(page.Skipped, fmt.Sprintf("%s:%d: %s", skipped.File, skipped.Line, skipped.ExplainAs(page.faultWords(skipped.RowFault))))
	}
	return nil
}

// noteBounces notes the bounces of a file. Asked twice, it says what came of it the first time.
func (s *Server) noteBounces(c echo.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), importPatience)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	file, _, err := s.keptBounces(c)
	if err != nil || file == nil {
		return err
	}
	address := "/people/bounces/" + c.Param("file")
	file.mu.Lock()
	defer file.mu.Unlock()
	if _, done := file.done.(fieldwork.BouncesNoted); done {
		return ledBack(c, address)
	}
	reader, err := exchange.OpenBounces(file.open(), file.name)
	if err != nil {
		return ledBack(c, address) // which says what is wrong with it
	}
	// To its end before anything is noted: a file that is broken is not noted by half.
	bounces := slices.Collect(reader.Bounces())
	if reader.Err() != nil {
		return ledBack(c, address)
	}
	noted, err := fieldwork.NoteBounces(ctx, s.store, s.organisationOf(c), slices.Values(bounces), s.now())
	if err != nil {
		return err
	}
	file.done = noted
	return c.Redirect(http.StatusSeeOther, address)
}
