package web

import (
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// The same people answered on both sides. A part of one side is refused in words that give the reason, with a way
// to what can be compared, and no figure of it is to be had by another address.
func TestPartsOfPeopleOnBothSides(t *testing.T) {
	f, director := newBench(t)
	external := f.addWave(t, "external-expectations", survey.Wave{Mode: survey.Identified, Name: "As customers", Audience: survey.External, Slug: "customers"})
	internal := f.addWave(t, "internal-expectations", survey.Wave{Mode: survey.Identified, Name: "As colleagues", Audience: survey.Internal, Slug: "colleagues"})
	for _, wave := range []survey.Wave{external, internal} {
		var file strings.Builder
		file.WriteString("respondent,expectations,department\n")
		if wave.ID == external.ID {
			file.Reset()
			file.WriteString("respondent,expectations,channel\n")
		}
		for i := range 40 {
			background := []string{"operations", "sales"}[i%2]
			if wave.ID == external.ID {
				background = []string{"phone", "email"}[i%2]
			}
			fmt.Fprintf(&file, "person-%d,%s,%s\n", i, []string{"speed;courtesy", "speed;needs_met", "listening"}[(i+int(wave.ID))%3], background)
		}
		path := fmt.Sprintf("/waves/%d/import", wave.ID)
		preview := director.sendForm(path, nil, map[string][2]string{"file": {"answers.csv", file.String()}})
		sent := preview.hidden()
		sent["confirmed"] = "yes"
		if got := director.sendForm(path, sent, nil); got.status != http.StatusSeeOther {
			t.Fatalf("status %d:\n%s", got.status, visible(preview.body))
		}
	}
	pair := fmt.Sprintf("external=%d&internal=%d&item=expectations", external.ID, internal.ID)
	whole := director.look("/divergence?" + pair)
	if whole.status != http.StatusOK || !strings.Contains(whole.body, "<figure") {
		t.Fatalf("whole sides, status %d:\n%s", whole.status, visible(whole.body))
	}
	part := "&segment=internal:department:operations"
	got := director.look("/divergence?" + pair + part)
	for _, want := range []string{
		"Only whole sides can be compared here", "each has to be compared with herself", "not yet for a part", "Compare the whole sides",
		`value="internal:department:operations" selected`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%q is not on the page:\n%s", want, visible(got.body))
		}
	}
	if strings.Contains(got.body, "<figure") || strings.Contains(got.body, "figures.csv") {
		t.Error("there are figures of a part")
	}
	way := regexp.MustCompile(`<a class="button main" href="(/divergence[^"]*)"`).FindStringSubmatch(got.body)
	if way == nil || !strings.Contains(director.look(html.UnescapeString(way[1])).body, "<figure") {
		t.Errorf("the way %q does not lead to the whole sides", way)
	}
	for _, document := range []string{"figures.csv", "findings.json", "report.html", "mirror.svg"} {
		if got := director.look("/divergence/" + document + "?" + pair + part); got.status != http.StatusNotFound {
			t.Errorf("%s: status %d", document, got.status)
		}
	}
}
