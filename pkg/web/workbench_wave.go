package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// Bounds of what a wave's form takes.
const (
	longestName      = 120                // characters
	longestPromise   = 1000               // characters of one text
	longestSource    = 1 << 20            // bytes of a questionnaire
	ownQuestionnaire = "own"              // is chosen where the YAML of one is sent
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
	Protects bool   // files of its answers leave out what could tell who somebody is

	ByInvitation bool // nobody answers by an open link or at a kiosk
}

// MayImport reports whether files of answers are taken: not into a wave that protects those who were invited to it.
func (p wavePage) MayImport() bool {
	return p.May(string(access.ImportAnswers)) && !refusesFiles(&p.Wave.Wave)
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
		Promised: len(wave.Promise.Asker) > 0 && len(wave.Promise.Purpose) > 0, Problem: problem, Protects: wave.Protects(),
		ByInvitation: wave.Launched != nil && !wave.OpenLink && !wave.Kiosk,
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
	err = s.turn(c.Request().Context(), wave, state)
	if errors.Is(err, fieldwork.ErrPast) {
		return s.showWaveWith(c, http.StatusConflict, "problem_closes_past")
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d", wave.ID))
}

// turn opens or closes a wave. One whose closing date has gone by is not opened: [fieldwork.ErrPast].
func (s *Server) turn(ctx context.Context, wave survey.Wave, state survey.WaveState) error {
	if state == survey.WaveClosed { // what waits is added to the results first
		_, err := s.fieldwork.Close(ctx, wave.Organisation, wave.ID)
		return err
	}
	if wave.Closes != nil && !s.now().Before(*wave.Closes) {
		return fieldwork.ErrPast
	}
	wave.State = state
	return s.store.UpdateWave(ctx, wave)
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
	newWave
	Instruments []instrument
	Modes       []survey.Mode
	Usual       string // the smallest group shown of employees, where nothing else is said
}

// newWave is a wave as somebody asks for it, on the page or by a program, and what is wrong with that.
type newWave struct {
	Chosen    string           // the code of an instrument, or ownQuestionnaire
	Stored    survey.VersionID // instead; 0 is none
	Name      string
	Slug      string // of the open link; "" is one made of the name
	Source    string // the YAML of an own questionnaire, as given
	Mode      survey.Mode
	Threshold string // "" is what is usual for those who are asked

	Problems    map[string]string  // by field
	Mistakes    []string           // of the YAML, each with its line and a caret
	Diagnostics survey.Diagnostics // the same, where the questionnaire's grammar found them

	words room // that problems are said in
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
	page := newWavePage{room: s.room(c, "waves"), Modes: survey.Modes()}
	page.Title = page.T("new_wave")
	usual, err := s.store.Organisation(c.Request().Context(), s.organisationOf(c))
	if err != nil {
		return page, err
	}
	page.Usual = page.Integer(usual.Threshold)
	page.newWave = newWave{Problems: map[string]string{}, Mode: survey.Confidential, words: page.room}
	for _, code := range surveys.Names() {
		q, err := bundled(code)
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

// bundled returns a questionnaire that comes with the program.
func bundled(code string) (*survey.Questionnaire, error) {
	source, err := surveys.Questionnaire(code)
	if err != nil {
		return nil, err
	}
	return survey.Parse(source, code+".yaml", surveys.Frame)
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
	wave, err := s.makeWave(c.Request().Context(), s.organisationOf(c), &page.newWave, fileName)
	switch {
	case errors.Is(err, errProblems):
		return s.show(c, http.StatusUnprocessableEntity, "workbench", "new-wave", page)
	case errors.Is(err, survey.ErrConflict), errors.Is(err, survey.ErrSlugTaken):
		return s.show(c, http.StatusConflict, "workbench", "new-wave", page)
	case err != nil:
		return err
	}
	return c.Redirect(http.StatusSeeOther, fmt.Sprintf("/waves/%d/edit", wave.ID))
}

// errProblems says that what was asked for cannot be done as it is, and that the problems are noted where it was.
var errProblems = errors.New("there are problems, each noted")

// makeWave stores the wave that n asks for. What keeps it from being made is noted in n, and the error is errProblems,
// [survey.ErrConflict] if another questionnaire has the version's number, or [survey.ErrSlugTaken].
func (s *Server) makeWave(ctx context.Context, organisation survey.OrganisationID, n *newWave, fileName string) (survey.Wave, error) {
	q, version, err := s.versionOf(ctx, organisation, n, fileName)
	if err != nil {
		return survey.Wave{}, err
	}
	n.checkName()
	if n.Slug == "" && q != nil {
		n.Slug = slugOf(n.Name, q.Code)
	}
	if n.Slug != "" && (!slugPattern.MatchString(n.Slug) || len(n.Slug) > 60) {
		n.Problems["slug"] = n.words.T("problem_slug")
	}
	usual, err := s.store.Organisation(ctx, organisation)
	if err != nil {
		return survey.Wave{}, err
	}
	zone, err := s.proposedZone(ctx, organisation, n.words.Lang)
	if err != nil {
		return survey.Wave{}, err
	}
	threshold := n.checkPromise(q, usual.Threshold)
	if len(n.Problems) > 0 || len(n.Mistakes) > 0 {
		return survey.Wave{}, errProblems
	}
	if version.ID == 0 {
		err := s.store.SaveVersion(ctx, &version)
		if errors.Is(err, survey.ErrConflict) {
			n.Mistakes = append(n.Mistakes, n.words.phrases.Say(n.words.Lang, "mistake_version", survey.Args{"Code": version.Code, "Number": version.Number}))
		}
		if err != nil {
			return survey.Wave{}, err
		}
	}
	wave := survey.Wave{
		Organisation: organisation, Version: version.ID, Name: n.Name, Audience: q.Audience,
		Slug: n.Slug, State: survey.WaveDraft, Threshold: threshold, Comments: threshold,
		Mode: n.Mode, OpenLink: true, OncePer: true, TimeZone: zone,
	}
	if wave.Audience != survey.External && wave.Protects() {
		wave.Comments = max(wave.Comments, usual.Comments)
	}
	if wave.Audience == survey.Everyone {
		wave.Audience = survey.External
	}
	err = s.store.CreateWave(ctx, &wave)
	if errors.Is(err, survey.ErrSlugTaken) {
		n.Problems["slug"] = n.words.With("problem_slug_taken", "Slug", n.Slug)
	}
	return wave, err
}

// proposedZone is the time zone of a new wave: that of the organisation's newest one that has any, or else where people
// who read the language mostly live; "" is not known.
func (s *Server) proposedZone(ctx context.Context, organisation survey.OrganisationID, lang survey.Language) (string, error) {
	waves, err := s.store.Waves(ctx, organisation)
	if err != nil {
		return "", err
	}
	for i := range waves {
		if waves[i].TimeZone != "" {
			return waves[i].TimeZone, nil
		}
	}
	return usualZone(lang), nil
}

// readSource takes the questionnaire from the file that was sent, or else from the field, and returns the name to
// call it by. A file that is no questionnaire leaves what stands in the field as it is.
func (n *newWave) readSource(form *upload) (fileName string) {
	n.Source = form.text("source")
	if n.Chosen != ownQuestionnaire {
		return "" // a file chosen before another choice was made is not meant
	}
	file, err := fileOf(form)
	switch {
	case err != nil || len(file.content) == 0:
		return "questionnaire.yaml"
	case len(file.content) > longestSource:
		n.Mistakes = append(n.Mistakes, n.words.phrases.Say(n.words.Lang, "mistake_too_long", survey.Args{"File": file.name, "Limit": n.words.Integer(longestSource >> 20)}))
	case !utf8.Valid(file.content):
		n.Mistakes = append(n.Mistakes, n.words.With("mistake_not_utf8", "File", file.name))
	default:
		n.Source = string(file.content)
	}
	return file.name
}

func (n *newWave) checkName() {
	switch n.Name = survey.OneLine(n.Name); {
	case n.Name == "":
		n.Problems["name"] = n.words.T("problem_no_name")
	case utf8.RuneCountInString(n.Name) > longestName:
		n.Problems["name"] = n.words.N("problem_too_long", longestName)
	}
}

// checkPromise looks at how answers are to be kept, and returns the smallest group shown. Where nothing is said, it is
// the organisation's for colleagues, who know each other; customers who come by an open link do not.
func (n *newWave) checkPromise(q *survey.Questionnaire, usual int) int {
	if !slices.Contains(survey.Modes(), n.Mode) {
		n.Problems["mode"] = n.words.T("launch_problem_mode")
	}
	threshold := usual
	switch {
	case n.Mode == survey.Anonymous:
		threshold = max(usual, leastAnonymous)
	case q != nil && (q.Audience == survey.External || q.Audience == survey.Everyone):
		threshold = 1
	}
	if n.Threshold == "" {
		return threshold
	}
	least, err := strconv.Atoi(n.Threshold)
	switch {
	case err != nil || least < 1 || least > 1000:
		n.Problems["threshold"] = n.words.phrases.Say(n.words.Lang, "problem_number", survey.Args{"Low": n.words.Integer(1), "High": n.words.Integer(1000)})
	case n.Mode == survey.Anonymous && least < leastAnonymous:
		n.Problems["threshold"] = n.words.T("launch_problem_threshold_anonymous")
	}
	return least
}

// versionOf reads the questionnaire that was chosen or sent, and notes what is wrong with it. A stored one that the
// organisation does not have is [survey.ErrNotFound].
func (s *Server) versionOf(ctx context.Context, organisation survey.OrganisationID, n *newWave, fileName string) (*survey.Questionnaire, survey.Version, error) {
	version := survey.Version{Organisation: organisation, Frames: map[string][]byte{}}
	if n.Stored != 0 {
		version, err := s.store.Version(ctx, organisation, n.Stored)
		if err != nil {
			return nil, version, err
		}
		q, err := version.Questionnaire()
		return q, version, err
	}
	source, fileName, ok := n.source(fileName)
	if !ok {
		return nil, version, nil
	}
	q, err := survey.Parse(source, fileName, func(code string) ([]byte, error) {
		frame, err := surveys.Frame(code)
		if err == nil {
			version.Frames[code] = frame
		}
		return frame, err
	})
	if mistakes, ok := errors.AsType[survey.Diagnostics](err); ok {
		for _, mistake := range mistakes {
			n.Mistakes = append(n.Mistakes, mistake.String())
		}
		n.Diagnostics = mistakes
		return nil, version, nil
	}
	if err != nil {
		return nil, version, err
	}
	version.Code, version.Number, version.Source = q.Code, q.Version, source
	return q, version, nil
}

// source returns the YAML that was chosen or sent, and the name to call it by; false if there is none to be read.
func (n *newWave) source(fileName string) (source []byte, name string, ok bool) {
	if n.Chosen != ownQuestionnaire {
		source, err := surveys.Questionnaire(n.Chosen)
		if err != nil { // those there are, are embedded
			n.Problems["questionnaire"] = n.words.T("problem_no_questionnaire")
		}
		return source, n.Chosen + ".yaml", err == nil
	}
	switch {
	case strings.TrimSpace(n.Source) == "":
		if len(n.Mistakes) == 0 {
			n.Problems["source"] = n.words.T("problem_no_source")
		}
		return nil, fileName, false
	case len(n.Source) > longestSource:
		n.Mistakes = append(n.Mistakes, n.words.phrases.Say(n.words.Lang, "mistake_too_long", survey.Args{"File": fileName, "Limit": n.words.Integer(longestSource >> 20)}))
		return nil, fileName, false
	}
	return []byte(n.Source), fileName, len(n.Mistakes) == 0 // those of the file that was to take its place
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
