package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// invitations are those of the wave as the database has them.
func (f *fielded) invitations() []store.InvitedPerson {
	f.t.Helper()
	all, _, err := f.db.Invitations(f.t.Context(), survey.DefaultOrganisation, f.wave, store.InvitationQuery{})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

// countedPage returns the page about the fieldwork, which says how many answers are complete and how many of them
// are in the results, once no step comes in between.
func (f *fielded) countedPage() string {
	f.t.Helper()
	for {
		before, err := f.db.Counts(f.t.Context(), survey.DefaultOrganisation, f.wave)
		if err != nil {
			f.t.Fatal(err)
		}
		page := f.desk.look(f.path("/fieldwork"))
		after, err := f.db.Counts(f.t.Context(), survey.DefaultOrganisation, f.wave)
		if err != nil {
			f.t.Fatal(err)
		}
		if after.Counted != before.Counted {
			continue
		}
		if before.Complete != len(f.picked) {
			f.t.Errorf("%d people finished, and the database has %d", len(f.picked), before.Complete)
		}
		f.says(page, fmt.Sprintf("%d answers are complete; %d are in the results.", before.Complete, before.Counted))
		return page.body
	}
}

var (
	countOf = regexp.MustCompile(`(?s)<dt>([^<]*)</dt><dd[^>]*>(?:<a[^>]*>)?([\d\s\x{a0},.]+)`)
	rateRow = regexp.MustCompile(`(?s)<tr><th scope="row">([^<]*)</th><td>(?:<meter[^>]*></meter>)?</td><td class="n">(.*?)</td></tr>`)
	rateOf  = regexp.MustCompile(`<small>(\d+)/(\d+)</small>`)
)

// progressPage holds the figures of the page about the fieldwork to the database, and both to what people did.
func (f *fielded) progressPage(life string) {
	f.t.Helper()
	page := f.countedPage()
	shown := map[string]int{}
	for _, m := range countOf.FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, m[2]))
		if err != nil {
			f.t.Fatalf("%s is %q", m[1], m[2])
		}
		shown[m[1]] = n
	}
	stored := map[string]int{}
	type group struct{ invited, finished int }
	groups := map[survey.ItemCode]map[survey.OptionCode]group{}
	for _, i := range f.invitations() {
		for name, is := range map[string]bool{
			"Invited": true, "Sent": i.Invited != nil, "Started": i.Started, "Finished": i.Finished, "Not delivered": i.Failed != "", "Want no mail": i.Unsubscribed,
		} {
			if is {
				stored[name]++
			}
		}
		for code, value := range i.Attributes {
			if groups[code] == nil {
				groups[code] = map[survey.OptionCode]group{}
			}
			g := groups[code][value]
			if g.invited++; i.Finished {
				g.finished++
			}
			groups[code][value] = g
		}
	}
	begun := len(f.picked)
	for i := range f.people {
		if _, finished := f.picked[i]; stops(i) && !finished || i == lateOne && life == "closed" {
			begun++
		}
	}
	did := map[string]int{"Invited": invitedPeople, "Sent": invitedPeople - 1, "Started": begun, "Finished": len(f.picked), "Not delivered": 2, "Want no mail": 3}
	if !maps.Equal(shown, stored) || !maps.Equal(stored, did) {
		f.t.Errorf("%s: the page says %v, the database %v, and people did %v", life, shown, stored, did)
	}
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil || len(wave.Segments) != 2 {
		f.t.Fatalf("the wave reports %+v, %v", wave.Segments, err)
	}
	rows := map[string]string{}
	for _, row := range rateRow.FindAllStringSubmatch(page, -1) {
		rows[html.UnescapeString(row[1])] = row[2]
	}
	told := 0
	for _, segment := range wave.Segments {
		hidden := 0
		for _, value := range segment.Values {
			g, row := groups[segment.Code][value.Code], rows[value.Text.In("en")]
			figures := rateOf.FindStringSubmatch(row)
			switch {
			case figures == nil && !strings.Contains(row, "withheld"):
				f.t.Errorf("nothing is said of %s: %q", value.Text.In("en"), row)
			case figures == nil:
				hidden += g.finished
			case figures[1] != strconv.Itoa(g.finished) || figures[2] != strconv.Itoa(g.invited):
				f.t.Errorf("of %s the page says %v, the database %+v", value.Text.In("en"), figures, g)
			case g.finished < smallest:
				f.t.Errorf("the page tells that %d people of %s finished", g.finished, value.Text.In("en"))
			default:
				told++
			}
		}
		if hidden > 0 && hidden < smallest {
			f.t.Errorf("subtraction tells that %d people of hidden groups by %s finished", hidden, segment.Code)
		}
	}
	if told < 3 {
		f.t.Errorf("only %d groups are told: %v", told, rows)
	}
}

// results looks at the comparison with customers, of everybody and of each group.
func (f *fielded) results() {
	f.t.Helper()
	query := fmt.Sprintf("external=%d&internal=%d&item=expectations", f.external, f.wave)
	f.says(f.desk.look("/divergence?"+query), fmt.Sprintf("%d", len(f.picked)))
	whole := parseComparison(f.t, f.desk.look("/divergence/findings.json?"+query).body)
	if whole.Internal.N != len(f.picked) || len(whole.Items) == 0 {
		f.t.Errorf("results are of %d people and %d items, want %d people", whole.Internal.N, len(whole.Items), len(f.picked))
	}
	count := map[string]int{}
	attributes := map[string]map[string]int{}
	for row, err := range f.db.Answers(f.t.Context(), survey.DefaultOrganisation, f.wave, store.Mark{}) {
		if err != nil {
			f.t.Fatal(err)
		}
		answers, err := f.q.ParseAnswers(row.Answers)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, code := range answers.Form()["expectations"] {
			count[code]++
		}
		var said map[string]string
		if len(row.Attributes) > 0 {
			if err := json.Unmarshal(row.Attributes, &said); err != nil {
				f.t.Fatal(err)
			}
		}
		for code, value := range said {
			if attributes[code] == nil {
				attributes[code] = map[string]int{}
			}
			attributes[code][value]++
		}
	}
	for _, e := range whole.Internal.Ranking {
		// Single options may stand as they were before the last few answered, who are too few to be told of.
		later, fewer := whole.Internal.N-e.N, count[e.Code]-e.Count
		if !e.Withheld && (fewer < 0 || fewer > later || 3*later > whole.Internal.N) {
			f.t.Errorf("%s was picked by %d of %d, results say %d of %d", e.Code, count[e.Code], whole.Internal.N, e.Count, e.N)
		}
	}
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil {
		f.t.Fatal(err)
	}
	shown, withheld := 0, 0
	for _, segment := range wave.Segments {
		hidden := 0
		for _, value := range segment.Values {
			part := query + "&segment=" + url.QueryEscape(fmt.Sprintf("internal:%s:%s", segment.Code, value.Code))
			there := attributes[string(segment.Code)][string(value.Code)]
			got := f.desk.do(http.MethodGet, "/divergence/findings.json?"+part, "", nil)
			page := f.desk.look("/divergence?" + part)
			if c := parseComparison(f.t, got.body); got.status == http.StatusOK && c.Internal.N > 0 {
				shown++
				if there < smallest || c.Internal.N != there {
					f.t.Errorf("%s %s has %d people, and results of %d are shown", segment.Code, value.Text.In("en"), there, c.Internal.N)
				}
				continue
			}
			withheld++
			hidden += there
			if strings.Contains(page.body, "data-option") || !strings.Contains(strings.ToLower(readable(page.body)), "withheld") {
				f.t.Errorf("%s is withheld, and the page says:\n%s", value.Text.In("en"), readable(page.body))
			}
		}
		if hidden > 0 && hidden < smallest {
			f.t.Errorf("subtraction tells of %d people who are withheld by %s", hidden, segment.Code)
		}
	}
	f.t.Logf("%d groups are shown, %d withheld, of %v", shown, withheld, attributes)
	if shown < 2 || withheld < 2 {
		f.t.Errorf("%d groups are shown and %d withheld, of %v", shown, withheld, attributes)
	}
}

// export takes the answers out: those that are complete, and nothing of who gave them.
func (f *fielded) export(want int) {
	f.t.Helper()
	text := f.desk.look(f.path("/answers.csv")).body
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF"))).ReadAll()
	if err != nil {
		f.t.Fatal(err)
	}
	at := slices.Index(rows[0], "expectations")
	if at < 0 || len(rows)-1 > want || 3*len(rows) < 2*want { // the last few may be too few to be told of
		f.t.Fatalf("%d answers in columns %v, want %d", len(rows)-1, rows[0], want)
	}
	for _, column := range []string{"respondent", "weight", "panel_department", "location", "department", "comment"} {
		if i := slices.Index(rows[0], column); i >= 0 && slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != rows[1][i] || row[i] != "" && row[i] != "1" }) {
			f.t.Errorf("the export tells %s", column) // and not the weight of everybody
		}
	}
	exported := map[string]int{}
	for _, row := range rows[1:] {
		picked := strings.Split(row[at], ";")
		slices.Sort(picked)
		exported[strings.Join(picked, ";")]++
	}
	missing := 0
	for _, picked := range f.picked {
		if exported[picked]--; exported[picked] < 0 {
			missing++
		}
	}
	if left := len(f.picked) - (len(rows) - 1); missing != left {
		f.t.Errorf("%d answers are not in the export, want %d", missing, left)
	}
	private := []string{"Zofia", "Wanda", "Wyjątkowa", "@", "What person", "E-0", "survey.example.org"}
	for _, link := range f.links {
		private = append(private, strings.TrimPrefix(link, "/s/"))
	}
	for _, i := range f.invitations() {
		private = append(private, string(i.ID))
	}
	for _, word := range private {
		if strings.Contains(text, word) {
			f.t.Errorf("the export holds %q", word)
		}
	}
	if moment := regexp.MustCompile(`\d\d:\d\d|20\d\d-\d\d`).FindString(text); moment != "" {
		f.t.Errorf("the export holds the time %q", moment)
	}
}

// erase takes one person out of everything, and looks for what is left of her.
func (f *fielded) erase() {
	f.t.Helper()
	she := f.people[erasedOne]
	traces := []string{"Wyjątkowa", "wyjatkowa", she.address, she.key}
	before := wholeDatabase(f.t, f.engine, f.dsn)
	for _, trace := range traces {
		if !strings.Contains(before, trace) {
			f.t.Errorf("%q was not in the database before: the search finds nothing", trace)
		}
	}
	found, _, err := f.db.People(f.t.Context(), survey.DefaultOrganisation, store.PeopleQuery{Text: "Wyjatkowa"})
	if err != nil || len(found) != 1 {
		f.t.Fatalf("%d people of her name, %v", len(found), err)
	}
	address := fmt.Sprintf("/people/%d/erase", found[0].ID)
	receipt := f.desk.step(address, address, func(v url.Values) { v.Set("sure", "yes"); v.Set("by", "Data protection officer") })
	text := f.desk.look(receipt + "/text").body
	f.says(f.desk.look(receipt), "Data protection officer")
	// Her answer counts among others: it stays as a figure, so that no look before and after shows it.
	left := len(f.picked)
	lines := []string{"1  entry in the list of people", "1  invitation: name, link, access code", "1  mail, sent or waiting", "0  responses"}
	if f.mode == survey.Confidential {
		lines = append(lines, "1  link from a response to the person")
	}
	for _, line := range lines {
		if !strings.Contains(text, line) {
			f.t.Errorf("the receipt does not say %q:\n%s", line, text)
		}
	}
	after := wholeDatabase(f.t, f.engine, f.dsn)
	for _, trace := range traces {
		for line := range strings.Lines(after) {
			if strings.Contains(line, trace) {
				f.t.Errorf("after the erasure %q is left: %.200s", trace, line)
			}
		}
		if strings.Contains(text, trace) {
			f.t.Errorf("the receipt holds %q", trace)
		}
	}
	if f.engine == "sqlite" {
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(f.dsn + suffix)
			if err != nil && suffix == "" {
				f.t.Fatal(err)
			}
			for _, trace := range traces {
				if strings.Contains(string(content), trace) {
					f.t.Errorf("after the erasure %q is left in the file%s", trace, suffix)
				}
			}
		}
	}
	if status, _, body, err := f.respondent(erasedOne).send(f.t.Context(), http.MethodGet, f.links[she.address], nil); err != nil || status != http.StatusNotFound {
		f.t.Errorf("her link leads to status %d, %v: %s", status, err, readable(body))
	}
	counts, err := f.db.Counts(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil || counts.Complete != left {
		f.t.Errorf("%d answers are left, want %d: %v", counts.Complete, left, err)
	}
	f.export(left)
}

// logged looks for people in what the programs have logged.
func (f *fielded) logged() {
	f.t.Helper()
	for _, log := range f.logs {
		text := log.String()
		if !strings.Contains(text, "listening") {
			f.t.Error("nothing was logged: the search finds nothing")
		}
		private := []string{"Zofia", "zofia", "Wyj", "people.example.org", "What person", "level=ERROR", "panic"}
		for _, link := range f.links {
			private = append(private, strings.TrimPrefix(link, "/s/"))
		}
		for line := range strings.Lines(text) {
			for _, word := range private {
				if strings.Contains(line, word) {
					f.t.Errorf("the log holds %q: %.300s", word, line)
				}
			}
		}
	}
}

// peak ends the program and returns how much memory it took at most, in MiB.
func (f *fielded) peak() int64 {
	f.t.Helper()
	f.server.kill()
	used, ok := f.server.command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		f.t.Fatal("the system does not say how much memory a program took")
	}
	return used.Maxrss >> 10
}
