package web

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// sentKey is where the form of a request lies in its context, so that the page of an error can give it back.
const sentKey = "sent"

// keptLimit is how many bytes of a file the page of an error gives back. A larger one has to be chosen again.
const keptLimit = 16 << 20

// troublePage is an error at the workbench: what happened, what to do, and what was typed.
type troublePage struct {
	room
	Text    string
	Request string // the id under which it is logged
	Retry   string // the address to load again, if that may help
	Back    string // the address of the room one came from
	BackTo  string // what it is called

	SignIn bool   // first of all
	Having string // access: whose roles do

	Again string      // the address to send the form to once more, if that may help
	Where string      // the organisation that it goes to then, where that has to be said
	Sent  []sentField // what was sent
	Lost  string      // the file that has to be chosen again
}

// sentField is a field of a form that could not be used.
type sentField struct {
	Name, Value string
	Label       string // "" where it says nothing to people
}

// ofRespondents reports whether an address is one that respondents are given. Errors there are told in their
// languages; all others are the workbench's, and its operators'.
func ofRespondents(path string) bool {
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch kind {
	case "o", "s", "k", "c", "u", "privacy":
		return true
	}
	return false
}

// showWorkbenchTrouble shows the page of an error in the frame of the workbench, with a way on and with what
// was typed.
func (s *Server) showWorkbenchTrouble(c echo.Context, t trouble, cause error) error {
	c.Response().Header().Set("Content-Security-Policy", workbenchPolicy)
	page := troublePage{room: s.room(c, ""), Request: requestID(c), Back: "/"}
	if t.status == http.StatusNotFound || t.status == http.StatusMethodNotAllowed {
		page.Languages = nil // they would lead to an address that is none
	}
	key := t.workbenchPhrase()
	page.Title, page.Text = page.T(key+"_title"), page.phrases.Say(page.Lang, key+"_text", survey.Args{
		"File": page.Integer(uploadLimit >> 20),
	})
	if t.phrase == "not_found" && t.status == http.StatusNotFound && page.actor != nil && len(page.actor.Memberships) > 1 {
		page.Text += " " + page.T("trouble_not_found_elsewhere")
	}
	page.BackTo = page.T("trouble_to_waves")
	if !page.May(string(access.SeeWaves)) {
		page.BackTo = page.T("trouble_to_start")
	}
	if may, ok := errors.AsType[mayNotError](cause); ok {
		page.Having = page.whoMay(may.right)
	}
	if strings.HasPrefix(c.Request().URL.Path, "/people") && page.mayBack(access.SeePeople) {
		page.Back, page.BackTo = "/people", page.T("trouble_to_people")
	}
	if id, err := strconv.ParseInt(c.Param("id"), 10, 64); err == nil && !errors.Is(cause, survey.ErrNotFound) && page.mayBack(access.SeeWaves) {
		page.Back, page.BackTo = "/waves/"+strconv.FormatInt(id, 10), page.T("trouble_to_wave")
	}
	ours := t.status >= http.StatusInternalServerError
	if c.Request().Method == http.MethodGet {
		if ours {
			page.Retry = c.Request().URL.RequestURI()
		}
		return s.show(c, t.status, "workbench", "trouble", page)
	}
	switch {
	case errors.Is(cause, errOtherOrganisation):
		page.Where, page.Again = sendThere(c, page.actor)
	case errors.Is(cause, errSignedOut):
		page.SignIn, page.Again = true, c.Request().URL.RequestURI()
	case ours, errors.Is(cause, errIncomplete), errors.Is(cause, errTooMany):
		page.Again = c.Request().URL.RequestURI()
	}
	if sent, ok := c.Get(sentKey).(*upload); ok && !errors.Is(cause, errTooSlow) {
		page.Sent, page.Lost = sent.kept(page.room)
	}
	return s.show(c, t.status, "workbench", "trouble", page)
}

// workbenchPhrase returns where the words of an error begin that are said at the workbench.
func (t trouble) workbenchPhrase() string {
	if t.status == http.StatusMethodNotAllowed {
		return "trouble_method"
	}
	switch t.phrase {
	case "not_found", "conflict", "away", "error", "too_large", "signed_out", "may_not", "other_organisation", "link_used", "too_many", "too_slow", "token":
		return "trouble_" + t.phrase
	}
	if t.status == http.StatusForbidden {
		return "trouble_foreign"
	}
	return "trouble_refused"
}

// mayBack reports whether a way back may be offered that needs a right. Of whom the server does not know now, since
// its database is away, it offers the room that she came from.
func (r room) mayBack(right access.Right) bool { return r.actor == nil || r.actor.May(right) }

// whoMay says whose roles have a right.
func (r room) whoMay(right access.Right) string {
	if right == access.Administer {
		return r.T("role_administrator")
	}
	var roles []string
	for _, role := range survey.Roles() {
		if access.May([]survey.Role{role}, right) {
			roles = append(roles, r.T("role_"+string(role)))
		}
	}
	return strings.Join(roles, ", ")
}

// receiveForm reads a form as [readUpload] does, and keeps what arrived for the page of an error.
func receiveForm(c echo.Context, limit int64) (*upload, error) {
	form, err := readUpload(c.Request(), limit)
	arrived(c)
	if form != nil {
		c.Set(sentKey, form)
	}
	return form, err
}

// kept returns what was sent, as a form can send it again, and the name of a file that it cannot. A confirmation
// is not among it: whoever confirms has to see first what there is to confirm now.
func (u *upload) kept(r room) (fields []sentField, lost string) {
	file, layout := u.files["file"], u.files["map_file"]
	for _, name := range slices.Sorted(maps.Keys(u.fields)) {
		replaced := len(file.content) > 0 && (name == "packed" || name == "file_name") || len(layout.content) > 0 && name == "map"
		if name == "confirmed" || replaced || name == "password" || name == "new_password" || name == "again" || name == "code" {
			continue // who confirms has to look again, and secrets are typed again
		}
		for _, value := range u.fields[name] {
			fields = append(fields, sentField{name, value, r.labelOf(name)})
		}
	}
	switch {
	case len(file.content) == 0:
	case len(file.content) > keptLimit:
		lost = file.name
	default:
		packed, err := pack(file.content)
		if err != nil {
			return fields, file.name
		}
		fields = append(fields, sentField{"file_name", file.name, r.T("trouble_file")}, sentField{"packed", packed, ""})
	}
	if len(layout.content) > 0 {
		fields = append(fields, sentField{"map", string(layout.content), r.T("import_map_file")})
	}
	return fields, lost
}

// labelOf says what people know a field as; nothing of fields they do not see. A field of one language has the
// language behind a dot.
func (r room) labelOf(name string) string {
	field, lang, _ := strings.Cut(name, ".")
	label := ""
	switch field {
	case "name", "slug", "opens", "closes", "limit", "threshold", "minutes", "contact", "homepage", "asker", "purpose", "kept":
		label = r.T(field)
	case "questionnaire":
		label = r.T("which_questionnaire")
	case "source":
		label = r.T("own_questionnaire")
	case "map":
		label = r.T("import_map")
	case "file_name":
		label = r.T("trouble_file")
	}
	if label != "" && lang != "" {
		label += " (" + lang + ")"
	}
	return label
}

// pack makes text of a file, which a form can carry.
func pack(content []byte) (string, error) {
	var packed bytes.Buffer
	to := gzip.NewWriter(&packed)
	if _, err := to.Write(content); err != nil {
		return "", err
	}
	if err := to.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}
