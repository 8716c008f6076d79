package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// call sends JSON to the API; a body that is a string is sent as it is, and nil is none.
func (p *person) call(method, path string, body any) answer {
	p.t.Helper()
	text, ok := body.(string)
	if body != nil && !ok {
		encoded, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		text = string(encoded)
	}
	kind := ""
	if body != nil {
		kind = "application/json"
	}
	return p.send(method, apiRoot+path, kind, strings.NewReader(text))
}

// decoded decodes an answer.
func decoded[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// inviteDepartments launches a wave to people of the departments given, by name: how many are invited, and how many of them have
// finished.
func (f *field) inviteDepartments(t *testing.T, slug string, departments map[string][2]int) survey.Wave {
	t.Helper()
	w := survey.Wave{
		Organisation: survey.DefaultOrganisation, Version: f.version(t, "internal-expectations"), Name: "Invited", Audience: survey.Internal,
		Slug: slug, State: survey.WaveDraft, Threshold: 5, Comments: 10, Mode: survey.Confidential,
	}
	if err := f.store.CreateWave(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	segment := survey.Segment{Code: "unit", Text: survey.Words{"en": "Unit"}}
	var invitations []store.NewInvitation
	var done []survey.Invitation
	for name, n := range departments {
		segment.Values = append(segment.Values, survey.Option{Code: survey.OptionCode(strings.ToLower(name)), Text: survey.Words{"en": name}})
		for i := range n[0] {
			key := fmt.Sprintf("%s-%s-%d", slug, name, i)
			person := survey.Person{Organisation: w.Organisation, Key: key, Address: key + "@example.com", Language: "en", Active: true}
			if err := f.store.SavePerson(t.Context(), &person); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf("%032x", len(invitations)+1000*int(w.ID))
			invitations = append(invitations, store.NewInvitation{
				Invitation: survey.Invitation{
					ID: survey.InvitationID(id), Person: person.ID, Language: "en",
					Attributes: map[survey.ItemCode]survey.OptionCode{"unit": survey.OptionCode(strings.ToLower(name))},
				}, TokenHash: fieldwork.HashToken(id),
			})
			if i < n[1] {
				done = append(done, invitations[len(invitations)-1].Invitation)
			}
		}
	}
	slices.SortFunc(segment.Values, func(a, b survey.Option) int { return strings.Compare(string(a.Code), string(b.Code)) })
	launched := f.now()
	w.Launched, w.Segments, w.Reported = &launched, []survey.Segment{segment}, []survey.ItemCode{"unit"}
	erases := launched.AddDate(0, 6, 0)
	w.Erases = &erases
	if _, err := f.store.LaunchWave(t.Context(), w, func(yield func(store.NewInvitation, error) bool) {
		for _, i := range invitations {
			if !yield(i, nil) {
				return
			}
		}
	}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for i := range done {
		r := survey.Response{
			ID: survey.ResponseID(fmt.Sprintf("%016x%016x", uint64(i+1)*0x9e3779b97f4a7c15, uint64(w.ID))), Wave: w.ID, Version: w.Version,
			Key: fmt.Sprintf("%064x", i+1), Language: "en", Answers: []byte(`{}`), Started: launched, Invitation: done[i].ID, Attributes: done[i].Attributes,
		}
		if err := f.store.StartResponse(t.Context(), w.Organisation, &r); err != nil {
			t.Fatal(err)
		}
		r.Answers, r.Completed, r.Page, r.Revision = []byte(`{"expectations":["speed"]}`), &launched, 1, r.Revision+1
		if err := f.store.CompleteResponse(t.Context(), w.Organisation, r, 0); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := f.store.Wave(t.Context(), w.Organisation, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// columnsOf returns the columns of a file with their cells in alphabetical order: files of waves that protect people
// have them in another order each time.
func columnsOf(t *testing.T, file string) string {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\uFEFF")))
	rows, err := reader.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var all strings.Builder
	for i, name := range rows[0] {
		var cells []string
		for _, row := range rows[1:] {
			cells = append(cells, row[i])
		}
		slices.Sort(cells)
		fmt.Fprintln(&all, name, cells)
	}
	return all.String()
}

// Every operation does what it says, and answers what the document says.
func TestAPIOperations(t *testing.T) {
	f, program := newBench(t)
	d := program.document()
	external, internal := twoSides(t, f)
	invited := f.inviteDepartments(t, "invited", map[string][2]int{"Sales": {20, 12}, "Legal": {6, 2}, "IT": {14, 9}})
	call := func(method, template, path string, body any, status int) answer {
		t.Helper()
		got := program.call(method, path, body)
		if got.status != status {
			t.Fatalf("%s %s: status %d, want %d\n%s", method, path, got.status, status, got.body)
		}
		d.holds(method, template, got)
		return got
	}

	waves := decoded[apiWaves](t, call("GET", "/waves", "/waves?limit=2&offset=1", nil, 200))
	if waves.Total != 3 || len(waves.Waves) != 2 || waves.Waves[0].ID != internal.ID || waves.Waves[0].Counts.Complete == 0 {
		t.Errorf("waves: %+v", waves)
	}
	if inside := decoded[apiWaves](t, call("GET", "/waves", "/waves?audience=external&state=open", nil, 200)); inside.Total != 1 || inside.Waves[0].ID != external.ID {
		t.Errorf("external waves: %+v", inside)
	}

	made := call("POST", "/waves", "/waves", map[string]any{"name": "Employees, autumn", "instrument": "internal-expectations", "mode": "anonymous", "threshold": 6}, 201)
	wave := decoded[apiWave](t, made)
	if wave.State != "draft" || wave.Promise.Mode != "anonymous" || wave.Promise.Threshold != 6 || wave.Promise.CommentThreshold != survey.UsualComments || made.location != fmt.Sprintf("/api/v1/waves/%d", wave.ID) {
		t.Errorf("made %+v at %s", wave, made.location)
	}
	again := decoded[apiWave](t, call("POST", "/waves", "/waves", map[string]any{"name": "Once more", "questionnaire_id": wave.QuestionnaireID, "slug": "once-more"}, 201))
	if again.QuestionnaireID != wave.QuestionnaireID || again.Link != "/o/once-more" || again.Promise.Mode != "confidential" {
		t.Errorf("made of a stored version: %+v", again)
	}
	own := decoded[apiWave](t, call("POST", "/waves", "/waves", map[string]any{"name": "Own", "yaml": commentedQuestions}, 201))
	if own.Questionnaire != "commented" {
		t.Errorf("made of YAML: %+v", own)
	}
	address := func(id survey.WaveID, rest string) string { return fmt.Sprintf("/waves/%d%s", id, rest) }
	if shown := decoded[apiWave](t, call("GET", "/waves/{id}", address(wave.ID, ""), nil, 200)); shown.Name != "Employees, autumn" {
		t.Errorf("shown %+v", shown)
	}
	changed := decoded[apiWave](t, call("PATCH", "/waves/{id}", address(wave.ID, ""), `{"name": " Employees, winter ", "closes": "2027-04-01T18:00:00+02:00", "threshold": 12}`, 200))
	if changed.Name != "Employees, winter" || changed.Closes == nil || !changed.Closes.Equal(time.Date(2027, 4, 1, 16, 0, 0, 0, time.UTC)) || changed.Promise.Threshold != 12 || changed.Promise.CommentThreshold != 12 {
		t.Errorf("changed to %+v", changed)
	}
	if left := decoded[apiWave](t, call("PATCH", "/waves/{id}", address(wave.ID, ""), `{}`, 200)); left.Closes == nil || left.Name != changed.Name {
		t.Errorf("changed nothing to %+v", left)
	}
	if open := decoded[apiWave](t, call("PATCH", "/waves/{id}", address(wave.ID, ""), `{"closes": null}`, 200)); open.Closes != nil {
		t.Errorf("closes %v", open.Closes)
	}
	for _, step := range []struct{ template, path, state string }{
		{"/waves/{id}/open", "/open", "open"}, {"/waves/{id}/close", "/close", "closed"}, {"/waves/{id}/reopen", "/reopen", "open"},
	} {
		if got := decoded[apiWave](t, call("POST", step.template, address(wave.ID, step.path), nil, 200)); got.State != step.state {
			t.Errorf("%s makes it %s", step.path, got.State)
		}
	}
	call("POST", "/waves/{id}/close", address(wave.ID, "/close"), nil, 200)
	until := decoded[apiWave](t, call("POST", "/waves/{id}/reopen", address(wave.ID, "/reopen"), `{"closes": "2027-05-01T00:00:00Z"}`, 200))
	if until.Closes == nil || until.Life != "open" {
		t.Errorf("reopened to %+v", until)
	}

	course := decoded[apiFieldwork](t, call("GET", "/waves/{id}/fieldwork", address(invited.ID, "/fieldwork"), nil, 200))
	if course.Invited == nil || course.Invited.Invited != 40 || course.Invited.Finished != 23 || course.Invited.Opened != nil || len(course.Rates) != 1 || len(course.Days) == 0 {
		t.Fatalf("fieldwork: %+v", course)
	}
	told := map[string]*int{}
	for _, g := range course.Rates[0].Groups {
		told[g.Name] = g.Finished
		if g.Withheld != (g.Finished == nil) || g.Withheld != (g.Rate == nil) {
			t.Errorf("a rate is both withheld and told: %+v", g)
		}
	}
	if told["Legal"] != nil || told["Sales"] != nil && told["IT"] != nil {
		t.Errorf("rates: %s", mustJSON(t, course.Rates))
	}
	if all := course.Days[len(course.Days)-1].All; all != 23 || course.Projected == nil || course.Projected.TooEarly == nil {
		t.Errorf("course: %s", mustJSON(t, course))
	}

	comparison := call("GET", "/divergence", fmt.Sprintf("/divergence?external=%d&internal=%d&top=2", external.ID, internal.ID), nil, 200)
	page := program.look(fmt.Sprintf("/divergence/findings.json?external=%d&internal=%d&top=2", external.ID, internal.ID))
	if comparison.body != page.body || len(page.body) < 1000 {
		t.Error("the API and the page's file do not say the same")
	}
	if polish := call("GET", "/divergence", "/divergence?lang=pl&item=expectations", nil, 200); polish.body != program.look("/divergence/findings.json?lang=pl&item=expectations").body {
		t.Error("the API and the page's file do not say the same in Polish")
	}
	program.look("/divergence/findings.json?lang=en")

	commented := f.addWave(t, strings.Replace(commentedQuestions, "version: 1", "version: 2", 1), survey.Wave{Name: "Commented", Audience: survey.Internal, Slug: "comments", Mode: survey.Identified, Comments: 3})
	f.addComments(t, commented, []string{"More light", "Less noise", "Write to anna@example.com", "Better coffee"})
	comments := decoded[apiComments](t, call("GET", "/waves/{id}/comments", address(commented.ID, "/comments?limit=2"), nil, 200))
	if comments.Total != 3 || len(comments.Comments) != 2 || comments.Flagged != 1 || comments.Withheld != nil || *comments.Item != "comment" {
		t.Errorf("comments: %+v", comments)
	}
	none := decoded[apiComments](t, call("GET", "/waves/{id}/comments", address(again.ID, "/comments"), nil, 200))
	if none.Total != 0 || none.Comments == nil {
		t.Errorf("comments of nobody: %+v", none)
	}
	file := call("GET", "/waves/{id}/answers.csv", address(external.ID, "/answers.csv"), nil, 200)
	if want := program.look(address(external.ID, "/answers.csv")); columnsOf(t, file.body) != columnsOf(t, want.body) || file.header.Get("Content-Disposition") != want.header.Get("Content-Disposition") {
		t.Error("the API and the page export other answers")
	}

	given := map[string]any{"people": []map[string]any{
		{"address": "ana@example.org", "name": "Ana Pop", "language": "ro", "key": "E1", "attributes": map[string]string{"department": "Sales", "level": "2"}},
		{"address": "no address", "key": "E2"},
		{"address": "ion@example.org", "key": "E3", "active": false, "attributes": map[string]string{"department": "Sales,\n\"North\""}},
		{"address": "ana@example.org", "key": "E4"},
		{},
	}, "dry_run": true}
	dry := decoded[apiImported](t, call("POST", "/people", "/people", given, 200))
	given["dry_run"] = false
	wet := decoded[apiImported](t, call("POST", "/people", "/people", given, 200))
	if dry.Stored || !wet.Stored || dry.New != 2 || wet.New != 2 || wet.Accepted != 2 || wet.Rejected != 3 || wet.Total != dry.Total+2 {
		t.Errorf("import: dry %+v, wet %+v", dry, wet)
	}
	given["people"] = []map[string]any{{"address": "no address"}}
	if none := decoded[apiImported](t, call("POST", "/people", "/people", given, 200)); none.Stored || none.Accepted != 0 || none.Rejected != 1 || none.Total != wet.Total {
		t.Errorf("import of nobody: %+v", none)
	}
	events, _, err := f.store.AuditEvents(t.Context(), survey.DefaultOrganisation, store.AuditQuery{Action: "people"})
	if err != nil || len(events) != 1 || events[0].Action != "people.imported" ||
		!maps.Equal(events[0].Details, map[string]string{"new": "2", "updated": "0", "unchanged": "0", "deactivated": "0", "rejected": "3"}) {
		t.Errorf("the trail tells %+v, %v; want the import that stored somebody, with its counts", events, err)
	}
	var named []string
	for _, r := range wet.Rejections {
		named = append(named, fmt.Sprint(r.Index, r.Field))
		if strings.Contains(r.Message, "example.org") || strings.Contains(r.Message, "line") {
			t.Errorf("a rejection quotes what was sent, or a line that there is not: %+v", r)
		}
	}
	if !slices.Equal(slices.Compact(named), []string{"1address", "3address", "4address", "4key"}) {
		t.Errorf("rejected: %v", named)
	}
	people := decoded[apiPeople](t, call("GET", "/people", "/people?q=example.org&limit=10", nil, 200))
	if people.Total != 2 || people.People[0].Attributes["department"] != "Sales" && people.People[1].Attributes["department"] != "Sales" {
		t.Errorf("people: %s", mustJSON(t, people))
	}
	if inactive := decoded[apiPeople](t, call("GET", "/people", "/people?state=inactive", nil, 200)); inactive.Total != 1 || inactive.People[0].Key != "E3" || inactive.People[0].Attributes["department"] != `Sales, "North"` {
		t.Errorf("inactive: %s", mustJSON(t, inactive))
	}

	questionnaires := decoded[apiQuestionnaires](t, call("GET", "/questionnaires", "/questionnaires", nil, 200))
	if questionnaires.Total < 3 || len(questionnaires.Instruments) == 0 {
		t.Errorf("questionnaires: %+v", questionnaires)
	}
	source := call("GET", "/questionnaires/{id}", fmt.Sprintf("/questionnaires/%d", own.QuestionnaireID), nil, 200)
	if source.body != commentedQuestions {
		t.Errorf("the YAML came back as %q", source.body)
	}

	d.operations(func(method, path string, _ map[string]any) {
		if !d.used[method+" "+path] {
			t.Errorf("%s %s was never called", method, path)
		}
	})
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
