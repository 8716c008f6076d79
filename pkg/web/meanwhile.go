package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cxmirror/pkg/survey"
)

// errOvertaken says that somebody else has saved what a form was filled with, since it was.
var errOvertaken = errors.New("somebody else has saved meanwhile")

// contested is what a form carries that two may send at once: of what it was filled with, so that who comes second
// overwrites nothing that she has not seen.
type contested struct {
	Was       string      // a mark of what the form was filled with
	Overtaken bool        // somebody else has saved since: nothing of what was sent is stored
	Meanwhile []namedText // what is there now, where it is not what was sent
}

// formMark returns a mark of what a form is filled with.
func formMark(filled any) string {
	text, err := json.Marshal(filled)
	if err != nil {
		panic(err) // it is one of the structs of this file
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// settles returns [errOvertaken] for a form that was filled with something else than is there now, unless that is what
// was sent all the same. A form without a mark, such as a program sends, takes what comes.
func settles(form *upload, now, sent any) error {
	was, is := form.text("was"), formMark(now)
	if was == "" || was == is || formMark(sent) == is {
		return nil
	}
	return errOvertaken
}

// overtake leaves on the page what is there now. Who sends the form once more has seen that.
func (p *contested) overtake(now any, differs []namedText) {
	p.Was, p.Overtaken, p.Meanwhile = formMark(now), true, differs
	for i := range p.Meanwhile {
		if p.Meanwhile[i].Text == "" {
			p.Meanwhile[i].Text = "–"
		}
	}
}

// settingsOf are what the form of an organisation is filled with.
func settingsOf(o *survey.Organisation) any {
	return struct {
		Name, Accent                   string
		Languages                      []survey.Language
		Threshold, Comments, Retention int
		LogoKind                       string
		Logo                           []byte
	}{o.Name, o.Accent, o.Languages, o.Threshold, o.Comments, o.Retention, o.LogoKind, o.Logo}
}

// editableOf are what the form of a wave is filled with.
func editableOf(w *survey.Wave) any {
	return struct {
		Name, TimeZone             string
		Opens, Closes              int64
		Limit, Threshold, Comments int
		Promise                    survey.Promise
	}{w.Name, w.TimeZone, secondsOf(w.Opens), secondsOf(w.Closes), w.Limit, w.Threshold, w.Comments, w.Promise}
}

// secondsOf is a moment as a number; 0 is none.
func secondsOf(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// namingOf are what the form of a view is filled with.
func namingOf(v *survey.View) any {
	return struct {
		Name    string
		Viewers []survey.UserID
	}{v.Name, slices.Sorted(slices.Values(v.Viewers))}
}

// writingOf are what the form of letters is filled with.
func writingOf(letters []survey.Letter) any {
	all := slices.Clone(letters)
	for i := range all {
		all[i].Wave = 0
	}
	slices.SortFunc(all, func(a, b survey.Letter) int { return slices.Compare([]byte(a.Kind), []byte(b.Kind)) })
	return all
}
