package web

import (
	"net/http"
	"strings"
	"testing"

	"cxmirror/pkg/survey"
)

// The picture of how a wave goes says the finding and what it is made of, and can be taken away as it is or as its
// table; before anybody has finished there is none.
func TestCourseIsShownAndDownloaded(t *testing.T) {
	f, director := newBench(t)
	w := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers, spring", Audience: survey.External, Slug: "customers", Simulated: true})
	page := "/waves/1/fieldwork"
	director.look(page).expect(t, http.StatusOK, []string{"As soon as somebody has finished"}, "finished.svg")
	for _, file := range []string{"/finished.svg", "/finished.csv"} {
		director.look(page+file).expect(t, http.StatusNotFound, nil)
	}
	f.addMore(t, w, 23)
	got := director.look(page)
	got.expect(t, http.StatusOK, []string{"23 people have finished", "2027-03-14 (UTC)", "Day by day as a table"})
	got.holds(t, `href="/waves/1/fieldwork/finished.svg"`, `href="/waves/1/fieldwork/finished.csv"`, "<svg")

	list := director.look(page + "/finished.csv")
	if want := "day_utc,invited,finished,finished_in_all,reminder\n2027-03-14,0,23,23,\n"; list.body != want {
		t.Errorf("the table is %q, want %q", list.body, want)
	}
	for _, file := range []struct{ address, says string }{
		{"/finished.svg", "23 people have finished"},
		{"/finished.svg?theme=dark", "#1b1f27"},
		{"/finished.svg?lang=pl", "Skończyły 23 osoby"}, // the last: a language that was chosen stays
	} {
		address, says := file.address, file.says
		drawn := director.look(page + address)
		if drawn.status != http.StatusOK || !strings.HasPrefix(drawn.body, "<svg") || !strings.Contains(drawn.body, says) || !strings.Contains(drawn.body, "Customers, spring") {
			t.Errorf("%s: status %d, no %q in it", address, drawn.status, says)
		}
		if name := drawn.header.Get("Content-Disposition"); !strings.Contains(name, `filename="customers-finished-simulated.svg"`) {
			t.Errorf("%s is called %q", address, name)
		}
	}
	director.look("/waves/2/fieldwork/finished.svg").expect(t, http.StatusNotFound, nil)
}
