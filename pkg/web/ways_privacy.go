package web

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// kept says what is kept of an answer: in the asker's words, and what the program knows of itself.
func (s *Server) kept(v *visit) []string {
	f := s.frame(v.lang, "")
	var lines []string
	if own := v.wave.Promise.Kept.In(v.lang); own != "" {
		lines = append(lines, own)
	}
	if v.way == personalLink {
		lines = append(lines, s.keptOfInvited(v, &f)...)
	} else {
		lines = append(lines, f.Say("kept_answers"))
	}
	if v.wave.Protects() {
		lines = append(lines, s.phrases.SayCount(v.lang, "kept_groups", v.wave.Threshold, nil))
	}
	switch v.way {
	case personalLink:
		lines = append(lines, f.Say("kept_link"))
	case kiosk:
		lines = append(lines, f.Say("kept_stop"), f.Say("kept_kiosk"))
	case openLink, noWay:
		lines = append(lines, f.Say("kept_stop"), f.Say("kept_cookie"))
	}
	return lines
}

// keptOfInvited says what is kept of the answer of somebody who was invited by name.
func (s *Server) keptOfInvited(v *visit, f *frame) []string {
	var lines []string
	switch v.wave.Mode {
	case survey.Identified:
		lines = append(lines, f.Say("kept_by_name"))
	case survey.Confidential:
		lines = append(lines, f.Say("kept_confidential"), f.Say("kept_finished"))
	case survey.Anonymous:
		lines = append(lines, f.Say("kept_anonymous"), f.Say("kept_finished"))
	}
	if segments := v.segments(); segments != "" {
		lines = append(lines, s.phrases.Say(v.lang, "kept_segments", survey.Args{"List": segments}))
	} else if v.wave.Mode != survey.Identified {
		lines = append(lines, f.Say("kept_no_segments"))
	}
	if v.wave.Tracks {
		lines = append(lines, f.Say("kept_tracked"))
	}
	return lines
}

// segments are the names of what is kept of somebody beside her answers.
func (v *visit) segments() string {
	names := make([]string, len(v.wave.Segments))
	for i := range names {
		names[i] = v.wave.Segments[i].Text.In(v.lang)
	}
	return strings.Join(names, ", ")
}

// privacyPage says how answers are kept, at more length than the promise.
type privacyPage struct {
	frame
	contact
	Parts []privacyPart
	Home  string // where the survey begins
}

// privacyPart is a heading and what stands below it.
type privacyPart struct {
	Heading string
	Lines   []string
}

// showPrivacy tells respondents how their answers are kept, who could find out what, and what they can do.
func (s *Server) showPrivacy(c echo.Context) error {
	ctx := c.Request().Context()
	v := &visit{}
	if err := s.enter(ctx, c, v); err != nil {
		return err
	}
	if v.wave.State == survey.WaveDraft && v.way == noWay {
		return fmt.Errorf("a wave that promised nothing yet: %w", survey.ErrNotFound)
	}
	if err := s.readAnew(ctx, c, v, nil); err != nil {
		return err
	}
	page := privacyPage{frame: s.frameOf(c, v, ""), contact: contact{v.wave.Promise.Contact}, Parts: s.privacy(v)}
	page.Title = page.Say("privacy_title")
	if v.way != noWay {
		page.Home = v.address() + "?lang=" + string(v.lang)
	}
	var err error
	if page.Menu, err = s.languageLinks(c, v.lang, v.q); err != nil {
		return err
	}
	return s.show(c, http.StatusOK, "respond", "privacy", page)
}

// privacy is what the page says of a wave: of each way in only that which the reader came, or of all.
func (s *Server) privacy(v *visit) []privacyPart {
	f := s.frame(v.lang, "")
	w := &v.wave
	count := func(key string, n int) string { return s.phrases.SayCount(v.lang, key, n, nil) }
	invited := v.way == personalLink || v.way == noWay && w.Invited > 0
	var parts []privacyPart
	if invited {
		parts = s.privacyOfInvited(v, &f)
	}
	if !invited || w.OpenLink && v.way == noWay {
		lines := []string{f.Say("open_unknown")}
		if v.way == kiosk {
			lines = append(lines, f.Say("kept_kiosk"))
		} else {
			lines = append(lines, f.Say("open_cookie"))
		}
		if w.Mode == survey.Anonymous {
			lines = append(lines, f.Say("anonymous_sealed"))
			if w.Protects() {
				lines = append(lines, count("anonymous_mixed", w.Threshold))
			}
		}
		parts = append(parts, privacyPart{f.Say("open_heading"), append(lines, f.Say("open_delete"))})
	}
	if w.Protects() {
		lines := []string{count("kept_groups", w.Threshold)}
		if comments := max(w.Comments, w.Threshold); comments > 1 {
			lines = append(lines, count("privacy_comments", comments))
		}
		parts = append(parts, privacyPart{f.Say("privacy_shown"), append(lines, f.Say("privacy_files"), f.Say("privacy_fixed"), f.Say("privacy_care"))})
	}
	return parts
}

// privacyOfInvited is what the page says to those who were invited by name.
func (s *Server) privacyOfInvited(v *visit, f *frame) []privacyPart {
	w := &v.wave
	count := func(key string) string { return s.phrases.SayCount(v.lang, key, w.Threshold, nil) }
	segments := v.segments()
	var main, who, remove []string
	heading := ""
	switch w.Mode {
	case survey.Identified:
		heading = f.Say("identified_heading")
		main = []string{f.Say("identified_read")}
		remove = []string{f.Say("delete_ask")}
	case survey.Confidential:
		heading = f.Say("confidential_heading")
		main = []string{f.Say("kept_finished"), f.Say("kept_confidential")}
		if w.Protects() {
			main = append(main, count("confidential_step"))
		}
		who = []string{f.Say("confidential_who")}
		remove = []string{f.Say("delete_ask")}
		if w.Protects() {
			remove = append(remove, f.Say("privacy_erases_ask"))
		}
	case survey.Anonymous:
		heading = f.Say("anonymous_heading")
		main = []string{f.Say("kept_finished"), f.Say("anonymous_sealed")}
		if w.Protects() {
			main = append(main, count("anonymous_mixed"))
			if segments != "" {
				main = append(main, s.phrases.Say(v.lang, "anonymous_alike", survey.Args{"List": segments}))
			}
		}
		main = append(main, f.Say("anonymous_draft"))
		who = []string{f.Say("anonymous_who")}
		remove = []string{f.Say("anonymous_delete")}
	}
	beside := f.Say("kept_no_segments")
	if segments != "" {
		beside = s.phrases.Say(v.lang, "kept_segments", survey.Args{"List": segments})
	}
	notes := []string{beside, f.Say("privacy_no_reports")}
	if w.Tracks {
		notes = append(notes, f.Say("kept_tracked"))
	}
	parts := []privacyPart{{heading, append(main, notes...)}}
	if len(who) > 0 {
		parts = append(parts, privacyPart{f.Say("privacy_who"), who})
	}
	if w.Erases != nil {
		remove = append(remove, s.phrases.Say(v.lang, "privacy_erases", survey.Args{"Date": w.Erases.In(zoneOf(w)).Format(f.Say("date_layout"))}))
	} else {
		remove = append(remove, f.Say("privacy_erases_ask"))
	}
	return append(parts, privacyPart{f.Say("privacy_delete"), remove})
}
