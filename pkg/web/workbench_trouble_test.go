package web

import (
	"encoding/base64"
	"html"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// inTheFrame fails unless an answer is a page of the workbench that leads on and, if it is only of an error, says
// the id of its request.
func (a answer) inTheFrame(t *testing.T, status int, back string, has ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d", a.status, status)
	}
	has = append(has, `href="`+back+`"`)
	if status != http.StatusServiceUnavailable { // without its database the server knows nobody
		has = append(has, `<nav aria-label`)
	}
	if strings.Contains(a.body, "Number of this request") || status >= http.StatusInternalServerError {
		has = append(has, "Number of this request: "+a.header.Get("X-Request-Id")+"<")
	}
	for _, want := range has {
		if !strings.Contains(a.body, want) {
			t.Errorf("%q is not on the page:\n%s", want, visible(a.body))
		}
	}
	if strings.Contains(a.body, "/static/respond-") || regexp.MustCompile(`\[trouble_[a-z_]+\]`).MatchString(a.body) {
		t.Errorf("it is a respondent's page, or lacks words:\n%s", a.body)
	}
}

var hiddenFields = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// hidden returns the fields that a page sends again.
func (a answer) hidden() map[string]string {
	fields := map[string]string{}
	for _, m := range hiddenFields.FindAllStringSubmatch(a.body, -1) {
		fields[html.UnescapeString(m[1])] = html.UnescapeString(m[2])
	}
	return fields
}

// What is not there, or not wanted, is said in the frame of the workbench; respondents keep their own page.
func TestTroubleInTheWorkbench(t *testing.T) {
	f, director := newBench(t)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers"})
	director.look("/waves/7").inTheFrame(t, http.StatusNotFound, "/", "There is nothing here")
	director.look("/nowhere").inTheFrame(t, http.StatusNotFound, "/", "There is nothing here")
	director.look("/divergence/cake.svg").inTheFrame(t, http.StatusNotFound, "/", "There is nothing here")
	if got := director.look("/o/nowhere"); got.status != http.StatusNotFound || strings.Contains(got.body, "<nav aria-label") || !strings.Contains(got.body, "/static/respond-") {
		t.Errorf("a respondent's page, status %d:\n%s", got.status, got.body)
	}

	// A page of another site sends a form: nothing is done, and nothing of it can be sent on from here.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.http.URL+"/waves/1/edit", strings.NewReader("name=Taken+over"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	foreign := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	if foreign.status != http.StatusForbidden || !strings.Contains(foreign.body, "This request came from another site") {
		t.Errorf("status %d: %s", foreign.status, visible(foreign.body))
	}
	if strings.Contains(foreign.body, "Taken over") || strings.Contains(foreign.body, "<form") {
		t.Errorf("it offers to send what another site made up:\n%s", foreign.body)
	}

	// Half a form: what arrived is there, and can be sent.
	var half strings.Builder
	form := multipart.NewWriter(&half)
	_ = form.WriteField("name", "Half\na <b>name</b>")
	_ = form.WriteField("slug", "half")
	got := director.send(http.MethodPost, "/waves/1/edit", form.FormDataContentType(), strings.NewReader(half.String()))
	got.inTheFrame(t, http.StatusBadRequest, "/waves/1", "a &lt;b&gt;name&lt;/b&gt;", "Send it again")
	if fields := got.hidden(); fields["name"] != "Half\na <b>name</b>" {
		t.Errorf("it would send %q", fields)
	}
	director.look("/waves/7?lang=pl").inTheFrame(t, http.StatusNotFound, "/", "Nic tu nie ma", `<html lang="pl">`, "Numer tego żądania")
}

// A file too large is refused on the page that asked for it, and what was typed beside it is still there.
func TestFilesTooLarge(t *testing.T) {
	f, director := newBench(t)
	f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers"})
	large := strings.Repeat("a,b,c\n", uploadLimit/6+1)
	got := director.sendForm("/waves/1/import", map[string]string{"map": "columns: {a: channel}"}, map[string][2]string{"file": {"large.csv", large}})
	got.inTheFrame(t, http.StatusRequestEntityTooLarge, "/waves/1", "The file is larger than 64 MB", "columns: {a: channel}")

	// The fields of a browser come in the order of the page: the name stands behind the file.
	fields := map[string]string{"questionnaire": "own", "name": "Żółta fala", "slug": "zolta"}
	got = director.sendForm("/waves/new", fields, map[string][2]string{"file": {"large.yaml", strings.Repeat("# x\n", longestSource/4+1)}})
	got.inTheFrame(t, http.StatusUnprocessableEntity, "/", "large.yaml is longer than a questionnaire may be: at most 1 MB", `value="Żółta fala"`, `value="zolta"`)
	if strings.Contains(got.body, "# x\n# x") {
		t.Error("the file is on the page")
	}
	got = director.sendForm("/waves/1/edit", map[string]string{"name": "Customers", "threshold": "5", "asker.pl": strings.Repeat("ą", 2<<20)}, nil)
	got.inTheFrame(t, http.StatusUnprocessableEntity, "/waves/1", "At most 1,000 characters", "ąąąą")
	if waves, err := f.store.Waves(t.Context(), survey.DefaultOrganisation); err != nil || len(waves) != 1 {
		t.Errorf("%d waves, %v", len(waves), err)
	}
}

// The database is away while a director sends forms: every one comes back with what was typed, and the button on
// the page of the error sends it once more when the database is there again.
func TestDatabaseAwayFromTheWorkbench(t *testing.T) {
	line := newCuttableLine(t, storetest.Postgres(t))
	f, director := newBenchIn(t, storetest.Open(t, line.dsn))
	wave := f.addWave(t, "external-expectations", survey.Wave{Name: "Customers", Audience: survey.External, Slug: "customers", State: survey.WaveDraft})
	file := "respondent,channel\nada,phone\n"
	forms := []struct {
		path, back string
		fields     map[string]string
		files      map[string][2]string
		seen       []string
		want       func(t *testing.T, again answer)
	}{
		{
			"/waves/1/edit", "/waves/1",
			map[string]string{"name": "Klienci <wiosna>", "threshold": "7", "purpose.pl": "Pierwsza\r\ndruga"},
			nil,
			[]string{"Klienci &lt;wiosna&gt;", "Why, and what will be done with the answers (pl)", "druga"},
			func(t *testing.T, _ answer) {
				t.Helper()
				got, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, wave.ID)
				if purpose, _ := got.Promise.Purpose.Exactly("pl"); err != nil || got.Name != "Klienci <wiosna>" || purpose != "Pierwsza\ndruga" {
					t.Errorf("%+v, %v", got, err)
				}
			},
		},
		{
			"/waves/new", "/",
			map[string]string{"questionnaire": "own", "name": "Own one", "slug": "own-one"},
			map[string][2]string{"file": {"own.yaml", everyKind}},
			[]string{"Own one", "own.yaml"},
			func(t *testing.T, again answer) {
				t.Helper()
				if again.location != "/waves/2/edit" {
					t.Errorf("led to %q:\n%s", again.location, visible(again.body))
				}
			},
		},
		{
			"/waves/1/import", "/waves/1",
			map[string]string{"map": "", "packed": "", "confirmed": "yes"},
			map[string][2]string{"file": {"answers.csv", file}},
			[]string{"answers.csv"},
			func(t *testing.T, again answer) {
				t.Helper()
				if again.status != http.StatusOK || !strings.Contains(again.body, "Store one response") || f.counted(t, wave) != 0 {
					t.Errorf("status %d, want the preview once more:\n%s", again.status, visible(again.body))
				}
			},
		},
		{
			"/waves/1/open", "/waves/1", nil, nil, nil,
			func(t *testing.T, _ answer) {
				t.Helper()
				if got, err := f.store.Wave(t.Context(), survey.DefaultOrganisation, wave.ID); err != nil || got.State != survey.WaveOpen {
					t.Errorf("%+v, %v", got, err)
				}
			},
		},
	}
	for _, tt := range forms {
		t.Run(tt.path, func(t *testing.T) {
			line.cut()
			got := director.sendForm(tt.path, maps.Clone(tt.fields), tt.files)
			got.inTheFrame(t, http.StatusServiceUnavailable, tt.back, append(tt.seen, "The database does not answer", "Send it again", `action="`+tt.path+`"`)...)
			line.mend()
			fields := got.hidden()
			if _, ok := fields["confirmed"]; ok {
				t.Error("a confirmation would be sent again, unseen")
			}
			var again answer
			for range 50 {
				if again = director.sendForm(tt.path, fields, nil); again.status < http.StatusInternalServerError {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			tt.want(t, again)
		})
	}
	line.cut()
	director.look("/waves/1?x=1").inTheFrame(t, http.StatusServiceUnavailable, "/waves/1", `href="/waves/1?x=1"`, "Load again")
	director.look("/").inTheFrame(t, http.StatusServiceUnavailable, "/")
	line.mend()
	for _, secret := range []string{"wiosna", "Pierwsza", "ada,phone"} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// A file is given back up to a limit; a larger one is named.
func TestLargeFilesAreNotKept(t *testing.T) {
	f, _ := newBench(t)
	r := room{Lang: survey.English, phrases: f.server.workbench.phrases}
	sent := &upload{files: map[string]uploadedFile{"file": {"large.csv", make([]byte, keptLimit+1)}}}
	if fields, lost := sent.kept(r); len(fields) != 0 || lost != "large.csv" {
		t.Errorf("%d fields are kept, and %q is lost", len(fields), lost)
	}
	sent.files["file"] = uploadedFile{"small.csv", []byte("a\n")}
	sent.fields = map[string][]string{"packed": {"old"}, "file_name": {"old.csv"}}
	fields, lost := sent.kept(r)
	if lost != "" || len(fields) != 2 || fields[0].Value != "small.csv" {
		t.Fatalf("%+v, %q", fields, lost)
	}
	if _, err := base64.StdEncoding.DecodeString(fields[1].Value); err != nil {
		t.Error(err)
	}
	sent.fields.Set("packed", fields[1].Value)
	sent.fields.Set("file_name", fields[0].Value)
	delete(sent.files, "file")
	if back, err := fileOf(sent); err != nil || back.name != "small.csv" || string(back.content) != "a\n" {
		t.Errorf("%+v, %v", back, err)
	}
}
