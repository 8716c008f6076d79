package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

const commentedQuestions = `
code: commented
version: 1
audience: internal
languages: [en]
title: Commented
items:
  - {code: department, kind: single, background: true, text: Where?, options: [{code: it, text: IT}, {code: hr, text: HR}]}
  - {code: picks, kind: multi, text: Which?, options: [{code: a, text: a}, {code: b, text: b}]}
  - {code: comment, kind: text, text: What else?}
`

// addComments imports people who wrote something.
func (f *field) addComments(t *testing.T, w survey.Wave, texts []string) {
	t.Helper()
	completed := noon
	_, err := f.store.ImportResponses(t.Context(), survey.DefaultOrganisation, w.ID, func(yield func(survey.Response, error) bool) {
		for i, text := range texts {
			answers, err := json.Marshal(map[string]any{"picks": []string{"a"}, "department": "it", "comment": text})
			response := survey.Response{
				ID: survey.ResponseID(fmt.Sprintf("%016x%016x", uint64(i+1)*0x9e3779b97f4a7c15, uint64(w.ID))), Version: w.Version, Language: "en",
				Answers: answers, Started: noon, Completed: &completed,
			}
			if !yield(response, err) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Comments are shown of enough people only, in an order that tells nothing, and those that name somebody of the panel
// only to who asks to see them.
func TestComments(t *testing.T) {
	f, director := newBench(t)
	if err := f.store.SavePerson(t.Context(), &survey.Person{
		Organisation: survey.DefaultOrganisation, Key: "1", Name: "Katarzyna Wiśniewska", Address: "k.wisniewska@example.org", Active: true,
	}); err != nil {
		t.Fatal(err)
	}
	wave := f.addWave(t, commentedQuestions, survey.Wave{Name: "Employees", Audience: survey.Internal, Slug: "employees", Comments: 10})
	comments := fmt.Sprintf("/waves/%d/comments", wave.ID)
	has := func(when string, page answer, want []string, not ...string) {
		t.Helper()
		if page.status != http.StatusOK {
			t.Errorf("%s: status %d", when, page.status)
		}
		for _, s := range want {
			if !strings.Contains(page.body, s) {
				t.Errorf("%s: %q is missing in\n%s", when, s, visible(page.body))
			}
		}
		for _, s := range not {
			if strings.Contains(page.body, s) {
				t.Errorf("%s: %q must not be there", when, s)
			}
		}
	}
	has("nobody", director.look(comments), []string{"No comments to show yet"})
	var texts []string
	for i := range 9 {
		texts = append(texts, fmt.Sprintf("comment number %d <b>", i))
	}
	f.addComments(t, wave, texts)
	time.Sleep(600 * time.Millisecond) // the wave in memory is looked at anew
	has("nine of ten", director.look(comments), []string{"Too few comments", "At least 10"}, "comment number")
	other := f.addWave(t, strings.Replace(commentedQuestions, "version: 1", "version: 2", 1), survey.Wave{Name: "More", Audience: survey.Internal, Slug: "more", Comments: 10})
	texts = append(texts, "Wiśniewskiej wszystko zawdzięczam", "call me on +48 601 234 567", "")
	f.addComments(t, other, texts)
	comments = fmt.Sprintf("/waves/%d/comments", other.ID)
	page := director.look(comments)
	has("eleven", page, []string{"9 comments", "2 comments mention a person", "comment number 3 &lt;b&gt;", "12 of 12 answers"}, "zawdzięczam", "601 234", "<b>")
	if strings.Index(page.body, "number 0") < strings.Index(page.body, "number 1") && strings.Index(page.body, "number 1") < strings.Index(page.body, "number 2") &&
		strings.Index(page.body, "number 2") < strings.Index(page.body, "number 3") && strings.Index(page.body, "number 3") < strings.Index(page.body, "number 4") {
		t.Error("comments are in the order in which they came")
	}
	has("those that mention somebody", director.look(comments+"?flagged=1"), []string{
		`<mark title="a name">Wiśniewskiej</mark> wszystko`, `<mark title="a telephone number">`, "Back to the other comments",
	}, "comment number 3")
	if got := director.look(comments + "?item=picks"); got.status != http.StatusNotFound {
		t.Errorf("comments on what is no text: status %d", got.status)
	}
	silent := f.addWave(t, "external-expectations", survey.Wave{Name: "No words", Audience: survey.External, Slug: "none"})
	if got := director.look(fmt.Sprintf("/waves/%d/comments", silent.ID)); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	// What a file takes out of the wave has neither words nor departments.
	file := director.look(fmt.Sprintf("/waves/%d/answers.csv", other.ID))
	lines := strings.Split(strings.TrimSpace(file.body), "\n")
	if file.status != http.StatusOK || len(lines) != 13 || lines[1] != ",1,,a," {
		t.Errorf("status %d:\n%s", file.status, file.body)
	}
}

// reviewedWave has nine comments that mention nobody and two that do.
func reviewedWave(t *testing.T, f *field) survey.Wave {
	t.Helper()
	if err := f.store.SavePerson(t.Context(), &survey.Person{Organisation: survey.DefaultOrganisation, Key: "1", Name: "Katarzyna Wiśniewska", Active: true}); err != nil {
		t.Fatal(err)
	}
	wave := f.addWave(t, commentedQuestions, survey.Wave{Name: "Employees", Audience: survey.Internal, Slug: "employees", Comments: 10})
	texts := []string{"Wiśniewskiej wszystko zawdzięczam", "call me on +48 601 234 567"}
	for i := range 9 {
		texts = append(texts, fmt.Sprintf("comment number %d", i))
	}
	f.addComments(t, wave, texts)
	return wave
}

// Comments that mention somebody are seen with the others once somebody who may has looked at them and says so, and
// not before.
func TestCommentsAreReviewed(t *testing.T) {
	f, _ := newBench(t)
	wave := reviewedWave(t, f)
	hr := f.as(t, f.addUser(t, "hr@example.com", survey.HR), survey.DefaultOrganisation)
	analyst := f.as(t, f.addUser(t, "analyst@example.com", survey.Analyst), survey.DefaultOrganisation)
	comments := fmt.Sprintf("/waves/%d/comments", wave.ID)
	look := func(when string, p *person, address string, want []string, not ...string) string {
		t.Helper()
		page := p.look(address)
		if page.status != http.StatusOK {
			t.Fatalf("%s: status %d", when, page.status)
		}
		for _, s := range want {
			if !strings.Contains(page.body, s) {
				t.Errorf("%s: %q is missing in\n%s", when, s, visible(page.body))
			}
		}
		for _, s := range not {
			if strings.Contains(page.body, s) {
				t.Errorf("%s: %q must not be there", when, s)
			}
		}
		return page.body
	}
	look("the analyst", analyst, comments, []string{"9 comments", "2 comments mention a person. They are kept apart until"}, "zawdzięczam", "flagged=1", "<mark")
	if got := analyst.look(comments + "?flagged=1"); got.status != http.StatusForbidden {
		t.Errorf("the analyst looks at what mentions somebody: status %d", got.status)
	}
	waiting := look("HR", hr, comments, []string{"wszystko zawdzięczam", "601 234 567", "These 2 comments", "Show with the others", "Keep apart"}, "comment number", "Back to the other")
	key := func(text string) string {
		t.Helper()
		before, _, _ := strings.Cut(waiting, text)
		_, id, ok := strings.Cut(before[strings.LastIndex(before, "<li"):], `id="c-`)
		if !ok || len(id) < 32 {
			t.Fatalf("no comment with %q", text)
		}
		return id[:32]
	}
	name, phone := key("zawdzięczam"), key("call me on")
	decide := func(p *person, comment, review string) int {
		t.Helper()
		return p.post(comments, url.Values{"item": {"comment"}, "comment": {comment}, "review": {review}}).status
	}
	for what, got := range map[string]int{
		"the analyst":         decide(analyst, name, "released"),
		"no such comment":     decide(hr, strings.Repeat("0", 32), "released"),
		"no such decision":    decide(hr, name, "maybe"),
		"another item's name": hr.post(comments, url.Values{"item": {"picks"}, "comment": {name}, "review": {"released"}}).status,
	} {
		if got != http.StatusForbidden && got != http.StatusNotFound {
			t.Errorf("%s: status %d", what, got)
		}
	}
	for _, decided := range [][2]string{{name, "released"}, {phone, "kept"}} {
		if got := decide(hr, decided[0], decided[1]); got != http.StatusSeeOther {
			t.Fatalf("%s: status %d", decided[1], got)
		}
	}
	look("the analyst, afterwards", analyst, comments, []string{"10 comments", "Wiśniewskiej wszystko zawdzięczam", "One comment mentions a person. It is kept apart"}, "601 234", "<mark")
	look("HR, afterwards", hr, comments, []string{"Looked at, shown with the others.", "Looked at, stays apart.", "This comment has a name"})
	if decide(hr, phone, "released") != http.StatusSeeOther || decide(hr, name, "kept") != http.StatusSeeOther {
		t.Error("what was decided cannot be decided anew")
	}
	look("the other way round", analyst, comments, []string{"call me on", "10 comments"}, "zawdzięczam")
	if decide(hr, name, "released") != http.StatusSeeOther {
		t.Error("it cannot be released")
	}
	look("all", hr, comments, []string{"Every comment that mentions a person has been looked at"}, "Not yet")
	events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{})
	if err != nil || !slices.ContainsFunc(events, func(e survey.AuditEvent) bool { return e.Action == "comment.reviewed" && e.Who == "hr@example.com" }) {
		t.Errorf("the trail does not tell who looked: %v, %v", events, err)
	}
}

// The page on which comments are looked at, as a picture.
func TestReviewInABrowser(t *testing.T) {
	b := chromium(t)
	f, _ := newBench(t)
	wave := reviewedWave(t, f)
	for _, look := range []struct {
		name, language string
		width, height  int64
		dark           bool
	}{{"1280-light", "pl", 1280, 800, false}, {"390-dark", "ru", 390, 844, true}, {"320-light", "ro", 320, 640, false}} {
		b.window(look.width, look.height, look.dark)
		b.forget()
		b.language(look.language)
		b.open(fmt.Sprintf("%s/waves/%d/comments?flagged=1", f.http.URL, wave.ID))
		name := "review-" + look.name
		b.fits(name)
		b.accessible(name)
		b.whole(name)
	}
}
