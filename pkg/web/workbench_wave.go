package web

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// Bounds of what a wave's form takes.
const (
	longestName      = 120     // characters
	longestPromise   = 1000    // characters of one text
	longestSource    = 1 << 20 // bytes of a questionnaire
	defaultThreshold = 5
	timeOfForm       = "2006-01-02T15:04" // as the browser's field for date and time writes it
)

var slugPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// wavePage is one wave.
type wavePage struct {
	room
	Wave     waveLine
	Link     string
	Opened   string // dates, ready to print
	Closes   string
	Limit    string
	Items    int
	Pages    int
	Promised bool   // the promise says who asks and why
	Problem  string // why what was asked for was not done
	Imported int    // responses that were just stored from a file
	Loopback bool
	Protects bool // files of its answers leave out what could tell who somebody is
}

func (s *Server) showWave(c echo.Context) error {
	return s.showWaveWith(c, http.StatusOK, "")
}

func (s *Server) showWaveWith(c echo.Context, status int, problem string) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	counts, err := s.store.Counts(ctx, wave.Organisation, wave.ID)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(ctx, s.organisationOf(c), wave.Version)
	if err != nil {
		return err
	}
	page := wavePage{
		room: s.room(c, "waves"), Link: s.linkOf(c, &wave), Items: len(q.Items), Pages: q.pages,
		Promised: len(wave.Promise.Asker) > 0 && len(wave.Promise.Purpose) > 0, Problem: problem, Loopback: !s.public, Protects: wave.Protects(),
	}
	if page.Wave, err = s.waveLine(c, page.room, wave, counts); err != nil {
		return err
	}
	page.Title, page.Simulated = wave.Name, wave.Simulated
	if n, err := strconv.Atoi(c.QueryParam("imported")); err == nil {
		page.Imported = max(0, n)
	}
	page.Opened, page.Closes = momentText(wave.Opens, &wave), momentText(wave.Closes, &wave)
	if wave.Limit > 0 {
		page.Limit = page.Integer(wave.Limit)
	}
	return s.show(c, status, "workbench", "wave", page)
}

func (s *Server) openWave(c echo.Context) error {
	return s.changeState(c, survey.WaveOpen)
}

func (s *Server) closeWave(c echo.Context) error {
	return s.changeState(c, survey.WaveClosed)
}

// changeState opens or closes a wave. A wave that could not take a single answer is not opened: the page says
// what to change first.
func (s *Server) changeState(c echo.Context, state survey.WaveState) error {
	wave, err := s.waveOf(c)
	if err != nil {
		return err
	}
	if state == survey.WaveOpen && wave.Closes != nil && !s.now().Before(*wave.Closes) {
		return s.showWaveWith(c, http.StatusConflict, "problem_closes_past")
	}
	if state == survey.WaveClosed { // what waits is added to the results first
		_, err = s.fieldwork.Close(c.Request().Context(), wave.Organisation, wave.ID)
	} else {
		wave.State = state
		err = s.store.UpdateWave(c.Request().Context(), wave)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d", wave.ID))
}

// instrument is a bundled questionnaire to choose from.
type instrument struct {
	Code     string
	Version  int
	Title    string
	Intro    string
	Audience survey.Audience
	Items    int
	Chosen   bool
}

type newWavePage struct {
	room
	Instruments []instrument
	Chosen      string // the code of an instrument, or "own"
	Name        string
	Slug        string
	Source      string // the YAML of an own questionnaire, as given
	Mode        survey.Mode
	Threshold   string // "" is what is usual for those who are asked
	Modes       []survey.Mode
	Problems    map[string]string
	Mistakes    []string // of the YAML, each with its line and a caret
}

func (s *Server) showNewWave(c echo.Context) error {
	page, err := s.newWave(c)
	if err != nil {
		return err
	}
	page.Chosen = page.Instruments[0].Code
	return s.show(c, http.StatusOK, "workbench", "new-wave", page)
}

func (s *Server) newWave(c echo.Context) (newWavePage, error) {
	page := newWavePage{room: s.room(c, "waves"), Problems: map[string]string{}, Mode: survey.Confidential, Modes: survey.Modes()}
	page.Title = page.T("new_wave")
	for _, code := range surveys.Names() {
		q, _, err := bundled(code)
		if err != nil {
			return page, err
		}
		page.Instruments = append(page.Instruments, instrument{
			Code: code, Version: q.Version, Title: q.Title.In(page.Lang), Intro: q.Intro.In(page.Lang),
			Audience: q.Audience, Items: len(q.Items),
		})
	}
	return page, nil
}

// bundled returns a questionnaire that comes with the program, and its source.
func bundled(code string) (*survey.Questionnaire, []byte, error) {
	source, err := surveys.Questionnaire(code)
	if err != nil {
		return nil, nil, err
	}
	q, err := survey.Parse(source, code+".yaml", surveys.Frame)
	return q, source, err
}

// createWave makes a wave of a bundled instrument or of an own questionnaire. What cannot be read is said
// beside what was sent, and nothing that was typed is lost.
func (s *Server) createWave(c echo.Context) error {
	form, err := receiveForm(c, uploadLimit)
	if err != nil {
		return err
	}
	page, err := s.newWave(c)
	if err != nil {
		return err
	}
	page.Chosen, page.Name, page.Slug = form.text("questionnaire"), form.text("name"), form.text("slug")
	page.Mode, page.Threshold = survey.Mode(cmp.Or(form.text("mode"), string(survey.Confidential))), strings.TrimSpace(form.text("threshold"))
	fileName := page.readSource(form)
	q, version := s.versionOf(s.organisationOf(c), &page, fileName)
	page.checkName()
	if page.Slug == "" && q != nil {
		page.Slug = slugOf(page.Name, q.Code)
	}
	if page.Slug != "" && (!slugPattern.MatchString(page.Slug) || len(page.Slug) > 60) {
		page.Problems["slug"] = page.T("problem_slug")
	}
	threshold := page.checkPromise(q)
	if len(page.Problems) > 0 || len(page.Mistakes) > 0 {
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "new-wave", page)
	}
	ctx := c.Request().Context()
	err = s.store.SaveVersion(ctx, &version)
	if errors.Is(err, survey.ErrConflict) {
		page.Mistakes = append(page.Mistakes, page.phrases.Say(page.Lang, "mistake_version", survey.Args{"Code": version.Code, "Number": version.Number}))
		return s.show(c, http.StatusConflict, "workbench", "new-wave", page)
	}
	if err != nil {
		return err
	}
	wave := survey.Wave{
		Organisation: s.organisationOf(c), Version: version.ID, Name: page.Name, Audience: q.Audience,
		Slug: page.Slug, State: survey.WaveDraft, Threshold: threshold, Comments: threshold,
		Mode: page.Mode, OpenLink: true, OncePer: true,
	}
	if wave.Audience != survey.External && wave.Protects() {
		wave.Comments = max(wave.Comments, usualComments)
	}
	if wave.Audience == survey.Everyone {
		wave.Audience = survey.External
	}
	err = s.store.CreateWave(ctx, &wave)
	if errors.Is(err, survey.ErrSlugTaken) {
		page.Problems["slug"] = page.With("problem_slug_taken", "Slug", page.Slug)
		return s.show(c, http.StatusConflict, "workbench", "new-wave", page)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d/edit", wave.ID))
}

// readSource takes the questionnaire from the file that was sent, or else from the field, and returns the name to
// call it by. A file that is no questionnaire leaves what stands in the field as it is.
func (p *newWavePage) readSource(form *upload) (fileName string) {
	p.Source = form.text("source")
	if p.Chosen != "own" {
		return "" // a file chosen before another choice was made is not meant
	}
	file, err := fileOf(form)
	switch {
	case err != nil || len(file.content) == 0:
		return "questionnaire.yaml"
	case len(file.content) > longestSource:
		p.Mistakes = append(p.Mistakes, p.phrases.Say(p.Lang, "mistake_too_long", survey.Args{"File": file.name, "Limit": p.Integer(longestSource >> 20)}))
	case !utf8.Valid(file.content):
		p.Mistakes = append(p.Mistakes, p.With("mistake_not_utf8", "File", file.name))
	default:
		p.Source = string(file.content)
	}
	return file.name
}

func (p *newWavePage) checkName() {
	switch p.Name = strings.TrimSpace(p.Name); {
	case p.Name == "":
		p.Problems["name"] = p.T("problem_no_name")
	case utf8.RuneCountInString(p.Name) > longestName:
		p.Problems["name"] = p.N("problem_too_long", longestName)
	}
}

// checkPromise looks at how answers are to be kept, and returns the smallest group shown. Where nothing is said, it is
// that of colleagues, who know each other; customers who come by an open link do not.
func (p *newWavePage) checkPromise(q *survey.Questionnaire) int {
	if !slices.Contains(p.Modes, p.Mode) {
		p.Problems["mode"] = p.T("launch_problem_mode")
	}
	threshold := defaultThreshold
	if q != nil && (q.Audience == survey.External || q.Audience == survey.Everyone) && p.Mode != survey.Anonymous {
		threshold = 1
	}
	if p.Threshold == "" {
		return threshold
	}
	n, err := strconv.Atoi(p.Threshold)
	switch {
	case err != nil || n < 1 || n > 1000:
		p.Problems["threshold"] = p.phrases.Say(p.Lang, "problem_number", survey.Args{"Low": p.Integer(1), "High": p.Integer(1000)})
	case p.Mode == survey.Anonymous && n < 3:
		p.Problems["threshold"] = p.T("launch_problem_threshold_anonymous")
	}
	return n
}

// versionOf reads the questionnaire that was chosen or sent, and puts what is wrong with it on the page.
func (s *Server) versionOf(organisation survey.OrganisationID, page *newWavePage, fileName string) (*survey.Questionnaire, survey.Version) {
	var q *survey.Questionnaire
	var source []byte
	var err error
	version := survey.Version{Organisation: organisation, Frames: map[string][]byte{}}
	frames := func(code string) ([]byte, error) {
		frame, err := surveys.Frame(code)
		if err == nil {
			version.Frames[code] = frame
		}
		return frame, err
	}
	switch {
	case page.Chosen == "own" && strings.TrimSpace(page.Source) == "":
		if len(page.Mistakes) == 0 {
			page.Problems["source"] = page.T("problem_no_source")
		}
		return nil, version
	case page.Chosen == "own" && len(page.Source) > longestSource:
		page.Mistakes = append(page.Mistakes, page.phrases.Say(page.Lang, "mistake_too_long", survey.Args{"File": fileName, "Limit": page.Integer(longestSource >> 20)}))
		return nil, version
	case page.Chosen == "own" && len(page.Mistakes) > 0: // of the file that was to take its place
		return nil, version
	case page.Chosen == "own":
		source = []byte(page.Source)
	default:
		source, err = surveys.Questionnaire(page.Chosen)
		if errors.Is(err, fs.ErrNotExist) {
			page.Problems["questionnaire"] = page.T("problem_no_questionnaire")
			return nil, version
		}
		fileName = page.Chosen + ".yaml"
	}
	if err == nil {
		q, err = survey.Parse(source, fileName, frames)
	}
	if mistakes, ok := errors.AsType[survey.Diagnostics](err); ok {
		for _, mistake := range mistakes {
			page.Mistakes = append(page.Mistakes, mistake.String())
		}
		return nil, version
	}
	if err != nil {
		page.Mistakes = append(page.Mistakes, err.Error())
		return nil, version
	}
	version.Code, version.Number, version.Source = q.Code, q.Version, source
	return q, version
}

// slugOf proposes the address of a link: the letters and digits of the name, or else the questionnaire's code.
func slugOf(name, code string) string {
	var b strings.Builder
	gap := false
	for _, r := range strings.ToLower(name) {
		plain, ok := plainLetter(r)
		if !ok {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('-')
		}
		gap = false
		b.WriteString(plain)
		if b.Len() >= 40 {
			break
		}
	}
	if b.Len() < 3 {
		return strings.NewReplacer("_", "-", ".", "-").Replace(code)
	}
	return b.String()
}

// plainLetter returns the ASCII of a letter or digit that may stand in an address, with the marks of Polish and
// Romanian taken off.
func plainLetter(r rune) (string, bool) {
	if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
		return string(r), true
	}
	marked, plain := []rune("ąćęłńóśźżăâîșşțţäöüßé"), []string{
		"a", "c", "e", "l", "n", "o", "s", "z", "z", "a", "a", "i", "s", "s", "t", "t", "a", "o", "u", "ss", "e",
	}
	if i := slices.Index(marked, r); i >= 0 {
		return plain[i], true
	}
	return "", false
}
