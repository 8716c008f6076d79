package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

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
