package web

import (
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/survey"
)

// A wave that protects people, from the first answers to the last: what pages and files say of it.
func TestAProtectedWaveOnItsWay(t *testing.T) {
	f, director := newBench(t)
	outside := f.addWave(t, strings.Replace(attackedQuestions, "internal", "external", 1), survey.Wave{
		Name: "Customers", Audience: survey.External, Slug: "customers", Mode: survey.Identified,
	})
	(&attacked{wave: outside}).arriveOutside(t, f.store)
	units := survey.Segment{Code: "unit", Text: survey.Words{"en": "Unit"}, Values: []survey.Option{
		{Code: "u0", Text: survey.Words{"en": "Large"}},
		{Code: "u1", Text: survey.Words{"en": "Small"}},
		{Code: "u2"},
		{Code: "u3"},
		{Code: "u4"},
		{Code: "u5"},
	}}
	a := &attacked{random: mathrand.New(mathrand.NewPCG(5, 5))}
	inside := strings.Replace(attackedQuestions, "code: attacked", "code: inside", 1)
	a.wave = f.addWave(t, inside, survey.Wave{
		Name: "Employees", Audience: survey.Internal, Slug: "employees", Segments: []survey.Segment{units}, Reported: []survey.ItemCode{"unit"},
	})
	divergence := fmt.Sprintf("/divergence?external=%d&internal=%d&item=picks", outside.ID, a.wave.ID)
	file := fmt.Sprintf("/waves/%d/answers.csv", a.wave.ID)
	check := func(when, address string, status int, has []string, hasNot ...string) {
		t.Helper()
		got := director.look(address)
		if got.status != status {
			t.Errorf("%s: status %d, want %d", when, got.status, status)
		}
		for _, s := range has {
			if !strings.Contains(got.body, s) {
				t.Errorf("%s: %q is missing in\n%s", when, s, visible(got.body))
			}
		}
		for _, s := range hasNot {
			if strings.Contains(got.body, s) {
				t.Errorf("%s: %q must not be there", when, s)
			}
		}
	}
	a.arrive(t, f.store, 3)
	check("three", divergence, http.StatusOK, []string{"Answers from inside are waiting"}, "<figure", "Nobody has answered inside")
	check("a file of three", file, http.StatusConflict, []string{"There is nothing to export yet"}, "u0")
	check("the wave", fmt.Sprintf("/waves/%d", a.wave.ID), http.StatusOK, []string{"promised to protect people"})
	a.release = 0 // the three wait on
	a.arrive(t, f.store, 40)
	time.Sleep(600 * time.Millisecond)
	check("forty", divergence, http.StatusOK, []string{
		"as of the last step: 40 of 43 answers", `value="internal:unit:u0">`, `value="internal:unit:u5" disabled`,
		"What cannot be shown by itself", "fewer than 5, or could be worked out from the others",
	}, "Not reported", "internal:location")
	check("forty, in Polish", divergence+"&lang=pl", http.StatusOK, []string{"stan po ostatnim kroku: 40 z 43 odpowiedzi"})
	check("a part", divergence+"&lang=en&segment=internal:unit:u0", http.StatusOK, []string{"as of 40 answers counted", "Internal: Large, against the rest", "Unit"})
	for _, document := range []string{"/divergence/findings.json", "/divergence/figures.csv"} {
		check("a part that is withheld, "+document, strings.Replace(divergence, "/divergence", document, 1)+"&segment=internal:unit:u5", http.StatusOK,
			[]string{"or their answers could be worked out from what is shown of others"})
	}
	check("a part that is not reported", divergence+"&segment=internal:location:l1", http.StatusNotFound, nil)
	rows := strings.Split(strings.TrimSpace(director.look(file).body), "\n")
	if len(rows) != 41 || rows[0] != "respondent,weight,location,secret,picks" || !strings.HasPrefix(rows[1], ",1,,,") {
		t.Errorf("the file has %d lines: %s, %s", len(rows), rows[0], rows[min(1, len(rows)-1)])
	}

	// Of an identified wave everything is told, what the panel says too.
	known := &attacked{random: a.random}
	known.wave = f.addWave(t, inside, survey.Wave{
		Name: "Known", Audience: survey.Internal, Slug: "known", Mode: survey.Identified, Segments: []survey.Segment{units}, Reported: []survey.ItemCode{"unit"},
	})
	known.arrive(t, f.store, 3)
	rows = strings.Split(strings.TrimSpace(director.look(fmt.Sprintf("/waves/%d/answers.csv", known.wave.ID)).body), "\n")
	if len(rows) != 4 || rows[0] != "respondent,weight,location,secret,picks,unit" || !strings.Contains(rows[1], ",s1,") || !strings.Contains(rows[1], ",u") {
		t.Errorf("the file of an identified wave: %v", rows)
	}
}
