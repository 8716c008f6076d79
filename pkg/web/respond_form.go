package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// Fields that a page adds to a form. No code of a questionnaire begins with an underscore.
const (
	fieldAct      = "_act"      // which button: next, back, or stay
	fieldLanguage = "_language" // the language chosen from the menu
	fieldIn       = "_in"       // the language the page was shown in
	fieldUp       = "_up"       // "item.option": rank it higher
	fieldDown     = "_down"     // and lower
	fieldShown    = "_shown"    // the items that stood on the page, separated by blanks
	fieldVersion  = "_version"  // of the questionnaire the page was made of
	fieldBefore   = "_before"   // the answers of other pages, as JSON: to show the page again without the database
	fieldKey      = "_key"      // of a response that is to begin, so that it begins once
)

// Errors of forms.
var (
	errTooLarge   = errors.New("more was sent than a form may hold")
	errIncomplete = errors.New("the form did not arrive whole")
)

// sentForm is what a browser sent, its own fields apart from the answers.
type sentForm struct {
	answers map[string][]string
	own     url.Values
}

func (f *sentForm) shown() []string { return strings.Fields(f.own.Get(fieldShown)) }

// readForm reads a form of at most formLimit bytes. What arrived is returned even where the error is
// errIncomplete; other errors are errTooLarge and errTooSlow.
func readForm(c echo.Context) (*sentForm, error) {
	defer arrived(c)
	r := c.Request()
	body, err := io.ReadAll(io.LimitReader(r.Body, formLimit+1))
	if len(body) > formLimit {
		// A browser reads our answer only once it could send all it has. What comes beyond is not kept.
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, uploadLimit)) // what matters is known
		return nil, errTooLarge
	}
	if errors.Is(err, errTooSlow) {
		return nil, errTooSlow
	}
	whole := err == nil
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var values url.Values
	if err == nil && kind == "multipart/form-data" {
		values, err = partsOf(body, parameters["boundary"])
	} else {
		values, err = url.ParseQuery(string(body)) // of a broken field, the rest is still there
	}
	form := &sentForm{answers: make(map[string][]string), own: make(url.Values)}
	for key, given := range values {
		if strings.HasPrefix(key, "_") {
			form.own[key] = given
			continue
		}
		for i := range given { // browsers send line ends as CR LF, whatever was typed
			given[i] = strings.ReplaceAll(given[i], "\r\n", "\n")
		}
		form.answers[key] = given
	}
	if !whole || err != nil {
		return form, errIncomplete
	}
	return form, nil
}

// partsOf reads the fields of a multipart body, as far as it goes.
func partsOf(body []byte, boundary string) (url.Values, error) {
	values := make(url.Values)
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return values, err
		}
		content, err := io.ReadAll(part)
		values.Add(part.FormName(), string(content))
		if err != nil {
			return values, err
		}
	}
}

// moveOrder returns a form in which one option of a ranking stands higher or lower: what the buttons beside it
// ask for. An option without a place gets the next free one. It reports whether the form asked for a move.
func moveOrder(q *questionnaire, form *sentForm) bool {
	name, by := form.own.Get(fieldUp), -1
	if name == "" {
		name, by = form.own.Get(fieldDown), 1
	}
	code, option, ok := strings.Cut(name, ".")
	if !ok {
		return false
	}
	item, ok := q.Item(survey.ItemCode(code))
	if !ok || item.Kind != survey.Rank {
		return false
	}
	order := givenOrder(item, form.answers)
	for i := range item.Options { // an order replaces places
		delete(form.answers, code+"."+string(item.Options[i].Code))
	}
	form.answers[code] = moved(order, option, by)
	return true
}
