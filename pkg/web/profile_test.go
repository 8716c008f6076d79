package web

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// ownPassword is the password of users who have one in these tests.
const ownPassword = "four unlikely words here"

// withPassword lets a user choose a password as she would, and returns the browser in which she did.
func (f *field) withPassword(t *testing.T, user survey.User) *person {
	t.Helper()
	address, err := f.server.access.NewLink(t.Context(), user.ID, survey.InvitationLink)
	if err != nil {
		t.Fatal(err)
	}
	link, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := f.person(t)
	got := p.post(link.Path, url.Values{"name": {user.Name}, "password": {ownPassword}, "again": {ownPassword}})
	if got.status != http.StatusSeeOther {
		t.Fatalf("no password: %d %s", got.status, wrongWords(got.body))
	}
	return p
}

// signIn signs a user in with her password, in a browser of its own.
func (f *field) signIn(t *testing.T, user survey.User, password string) (*person, answer) {
	t.Helper()
	p := f.person(t)
	return p, p.post("/sign-in", url.Values{"address": {user.Address}, "password": {password}})
}

// codeOf is the code that an authenticator shows (RFC 6238), of a secret as it is typed.
func codeOf(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff)%1_000_000)
}

// strict makes a field's browsers come as nobody, unless they have signed in.
func (f *field) strict(t *testing.T) {
	t.Helper()
	f.http.Close()
	f.http = httptest.NewServer(f.server.Handler())
	t.Cleanup(f.http.Close)
}

// actionsOf returns what the audit trail of the whole service tells of a user, the newest first.
func (f *field) actionsOf(t *testing.T, user survey.User) []string {
	t.Helper()
	events, _, err := f.store.AuditEvents(t.Context(), 0, store.AuditQuery{Subject: userSubject(user.ID)})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for i := range events {
		if events[i].Organisation == 0 {
			actions = append(actions, events[i].Action)
		}
	}
	return actions
}

// Somebody looks after her own account: what she is called, her password, and where she is signed in.
func TestProfile(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, _ *person, _ func(string)) {
		f.strict(t)
		user := f.addUser(t, "maria@example.com", survey.HR, survey.Analyst)
		here := f.withPassword(t, user)
		there, _ := f.signIn(t, user, ownPassword)
		page := here.get("/profile")
		mustSay(t, page, 200, "maria@example.com", "HR, Analyst", "this browser", "Sign out everywhere else")

		got := here.post("/profile", url.Values{"name": {" "}, "language": {"xx"}})
		mustSay(t, got, http.StatusUnprocessableEntity, "The name is missing", "Choose one of these languages.")
		here.get("/profile?lang=pl") // chosen for this browser
		got = here.post("/profile", url.Values{"name": {"Maria  Wiśniewska"}, "language": {"ro"}})
		if got.status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", got.status, wrongWords(got.body))
		}
		mustSay(t, here.get(got.location), 200, "Maria Wiśniewska", "Salvat.")
		here.post("/profile", url.Values{"name": {"Maria Wiśniewska"}, "language": {"en"}})

		for _, tt := range []struct{ old, chosen, again, says string }{
			{"wrong", "another four unlikely words", "another four unlikely words", "This is not your password."},
			{ownPassword, "another four unlikely words", "another four", "The two passwords are not the same."},
			{ownPassword, "shorty!", "shorty!", "This password is too short."},
			{ownPassword, "maria@example.com", "maria@example.com", "This password is your address or your name."},
		} {
			got := here.post("/profile/password", url.Values{"password": {tt.old}, "new_password": {tt.chosen}, "again": {tt.again}})
			mustSay(t, got, http.StatusUnprocessableEntity, tt.says)
			if strings.Contains(got.body, tt.chosen) && tt.chosen != user.Address || strings.Contains(got.body, ownPassword) {
				t.Errorf("the page gives a password back:\n%s", plainWords(got.body))
			}
		}
		mustSay(t, there.get("/"), 200, "Surveys")
		got = here.post("/profile/password", url.Values{"password": {ownPassword}, "new_password": {"another four unlikely words"}, "again": {"another four unlikely words"}})
		if got.status != http.StatusSeeOther {
			t.Fatalf("status %d: %s", got.status, wrongWords(got.body))
		}
		mustSay(t, here.get(got.location), 200, "The password was changed.")
		if got := there.get("/"); got.location != signInPath {
			t.Errorf("the other browser: %d %s", got.status, got.location)
		}
		if _, got := f.signIn(t, user, ownPassword); got.status != http.StatusUnprocessableEntity {
			t.Errorf("the old password: %d %s", got.status, got.location)
		}

		// One browser, all others, and this one.
		one, _ := f.signIn(t, user, "another four unlikely words")
		two, _ := f.signIn(t, user, "another four unlikely words")
		three, _ := f.signIn(t, user, "another four unlikely words")
		own := regexp.MustCompile(`this browser.*?name="session" value="([^"]+)"`)
		hash := own.FindStringSubmatch(strings.ReplaceAll(one.get("/profile").body, "\n", ""))
		if hash == nil {
			t.Fatal("this browser is not marked")
		}
		here.post("/profile/sessions/end", url.Values{"session": {hash[1]}})
		if got := one.get("/"); got.location != signInPath || two.get("/").status != 200 {
			t.Errorf("one ended: %d, and the other %d", got.status, two.get("/").status)
		}
		stranger := f.withPassword(t, f.addUser(t, "stranger@example.com", survey.Owner))
		hash = own.FindStringSubmatch(strings.ReplaceAll(two.get("/profile").body, "\n", ""))
		if got := stranger.post("/profile/sessions/end", url.Values{"session": {hash[1]}}); got.status != http.StatusNotFound || two.get("/").status != 200 {
			t.Errorf("somebody else ends it: %d", got.status)
		}
		got = here.post("/profile/sessions/others", nil)
		mustSay(t, here.get(got.location), 200, "2 other browsers have been signed out.")
		if two.get("/").status == 200 || three.get("/").status == 200 || stranger.get("/").status != 200 {
			t.Error("others are still signed in, or somebody else is not")
		}
		hash = own.FindStringSubmatch(strings.ReplaceAll(here.get("/profile").body, "\n", ""))
		if got := here.post("/profile/sessions/end", url.Values{"session": {hash[1]}}); !strings.HasPrefix(got.location, signInPath) || here.get("/").status == 200 {
			t.Errorf("this browser: %d %s", got.status, got.location)
		}
		told := strings.Join(f.actionsOf(t, user), " ")
		for _, action := range []string{"user.changed", "user.password_changed", "user.session_ended", "user.sessions_ended", "user.signed_out"} {
			if !strings.Contains(told, action) {
				t.Errorf("the audit trail does not tell %s: %s", action, told)
			}
		}
	})
}

// A second factor is set up with the code that an authenticator makes of the secret on the page, is asked for from
// then on, and ends only for who gives her password; recovery codes work once.
func TestProfileSecondFactor(t *testing.T) {
	eachBench(t, func(t *testing.T, f *field, _ *person, _ func(string)) {
		f.strict(t)
		user := f.addUser(t, "maria@example.com", survey.HR)
		p := f.withPassword(t, user)
		if got := p.get("/profile/second-factor"); got.location != "/profile" {
			t.Errorf("before it begins: %d %s", got.status, got.location)
		}
		mustSay(t, p.post("/profile/second-factor", url.Values{"password": {"wrong"}}), http.StatusUnprocessableEntity, "This is not your password.")
		if got := p.post("/profile/second-factor", url.Values{"password": {ownPassword}}); got.location != "/profile/second-factor" {
			t.Fatalf("begin: %d %s", got.status, wrongWords(got.body))
		}
		page := p.get("/profile/second-factor")
		secret := regexp.MustCompile(`<code>([A-Z2-7 ]{32,})</code>`).FindStringSubmatch(page.body)
		if page.status != 200 || secret == nil || !strings.Contains(page.body, "<svg") {
			t.Fatalf("no secret, or no code for cameras: %s", plainWords(page.body))
		}
		wrong := p.post("/profile/second-factor/confirm", url.Values{"code": {"000000"}})
		mustSay(t, wrong, http.StatusUnprocessableEntity, "not the code the app shows now", secret[1])
		elsewhere, got := f.signIn(t, user, ownPassword)
		if got.location != "/" {
			t.Errorf("a second factor that is not confirmed is asked for: %s", got.location)
		}
		if got := elsewhere.post("/profile/second-factor", url.Values{"password": {ownPassword}}); got.location != factorPath {
			t.Fatalf("begin in another browser: %d %s", got.status, wrongWords(got.body))
		}
		codes := p.post("/profile/second-factor/confirm", url.Values{"code": {codeOf(t, secret[1], f.now())}})
		recovery := regexp.MustCompile(`<code>([A-Z2-9]{5}-[A-Z2-9]{5})</code>`).FindAllStringSubmatch(codes.body, -1)
		if codes.status != http.StatusCreated || len(recovery) != 10 {
			t.Fatalf("%d codes: %d %s", len(recovery), codes.status, plainWords(codes.body))
		}
		if got := p.post("/profile/second-factor/confirm", url.Values{"code": {codeOf(t, secret[1], f.now())}}); got.location != "/profile" {
			t.Errorf("confirmed twice: %d", got.status)
		}
		if got := elsewhere.post("/profile/second-factor/confirm", url.Values{"code": {"000000"}}); got.location != "/profile" {
			t.Errorf("confirmed in the other browser, where it was left halfway: %d %s", got.status, got.location)
		}
		if got := elsewhere.get("/profile/second-factor"); got.location != "/profile" {
			t.Errorf("the other browser still shows a secret: %d", got.status)
		}
		mustSay(t, p.get("/profile"), 200, "10 recovery codes are left.")
		mustSay(t, p.post("/profile/second-factor", url.Values{"password": {ownPassword}}), http.StatusConflict)

		f.wait(time.Minute)
		other, got := f.signIn(t, user, ownPassword)
		if got.location != codePath {
			t.Fatalf("the second factor is not asked for: %d %s", got.status, got.location)
		}
		if got := other.post(codePath, url.Values{"code": {recovery[3][1]}}); got.location != "/" {
			t.Errorf("a recovery code: %d %s", got.status, wrongWords(got.body))
		}
		mustSay(t, p.get("/profile"), 200, "9 recovery codes are left.")
		mustSay(t, p.post("/profile/second-factor/codes", url.Values{"password": {"wrong"}}), http.StatusUnprocessableEntity, "This is not your password.")
		renewed := p.post("/profile/second-factor/codes", url.Values{"password": {ownPassword}})
		if renewed.status != http.StatusCreated || strings.Contains(renewed.body, recovery[4][1]) {
			t.Errorf("renewed: %d", renewed.status)
		}
		mustSay(t, p.post("/profile/second-factor/end", url.Values{"password": {"wrong"}}), http.StatusUnprocessableEntity, "This is not your password.")
		if got := p.post("/profile/second-factor/end", url.Values{"password": {ownPassword}}); got.location != "/profile?done=factor_ended" {
			t.Errorf("end: %d %s", got.status, wrongWords(got.body))
		}
		if _, got := f.signIn(t, user, ownPassword); got.location != "/" {
			t.Errorf("afterwards: %s", got.location)
		}
		told := strings.Join(f.actionsOf(t, user), " ")
		for _, action := range []string{"user.factor_added", "user.codes_made", "user.factor_ended"} {
			if !strings.Contains(told, action) {
				t.Errorf("the audit trail does not tell %s: %s", action, told)
			}
		}
	})
}

// Who signs in elsewhere, and who has not signed in at all, as at a demonstration, has no password here to look after.
func TestProfileWithoutPassword(t *testing.T) {
	f, _ := newBench(t)
	f.strict(t)
	user := f.addUser(t, "elsewhere@example.com", survey.Owner)
	user.Issuer, user.Subject = "https://id.example.com", "7"
	if err := storetest.SaveUser(t.Context(), f.store, user); err != nil {
		t.Fatal(err)
	}
	p := f.as(t, user, survey.DefaultOrganisation)
	page := p.get("/profile")
	mustSay(t, page, 200, "You sign in through your company’s sign-on service.")
	posts := []string{"/profile/password", "/profile/second-factor", "/profile/second-factor/codes", "/profile/second-factor/end"}
	for _, path := range posts {
		if got := p.post(path, url.Values{"password": {""}, "new_password": {ownPassword}, "again": {ownPassword}}); got.status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
	f.server.guest = user.ID
	guest := f.person(t)
	mustSay(t, guest.get("/profile"), 200, "nobody has signed in")
	for _, path := range append(posts, "/profile", "/profile/second-factor/confirm", "/profile/sessions/end", "/profile/sessions/others") {
		if got := guest.post(path, url.Values{"name": {"Somebody"}}); got.status != http.StatusNotFound {
			t.Errorf("a guest, %s: status %d", path, got.status)
		}
	}
}

// late is a form on its way, before the end of which something happens.
type late struct {
	io.Reader

	meanwhile func()
}

func (l *late) Read(p []byte) (int, error) {
	if l.meanwhile != nil {
		l.meanwhile()
		l.meanwhile = nil
	}
	return l.Reader.Read(p)
}

// Who is made an administrator no longer, or disabled, while a form of hers is on its way does not bring it back by it.
func TestProfileBringsNothingBack(t *testing.T) {
	f, _ := newBench(t)
	user := f.addUser(t, "boss@example.com", survey.Owner)
	user.Administrator = true
	if err := storetest.SaveUser(t.Context(), f.store, user); err != nil {
		t.Fatal(err)
	}
	p := f.as(t, user, survey.DefaultOrganisation)
	taken := user
	taken.Administrator, taken.Disabled = false, true
	form := &late{strings.NewReader(url.Values{"name": {"Still the Boss"}, "language": {"pl"}}.Encode()), func() {
		if err := storetest.SaveUser(t.Context(), f.store, taken); err != nil {
			t.Error(err)
		}
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/profile", form)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	home, err := url.Parse(p.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range p.client.Jar.Cookies(home) {
		request.AddCookie(cookie)
	}
	f.server.Handler().ServeHTTP(httptest.NewRecorder(), request)
	got, err := f.store.User(t.Context(), user.ID)
	if err != nil || form.meanwhile != nil || got.Administrator || !got.Disabled {
		t.Errorf("after a form that was on its way (%t): %+v, %v; want her disabled, and no administrator", form.meanwhile == nil, got, err)
	}
}
