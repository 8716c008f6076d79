package access_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// forger is a provider that says whatever it is told to: what no real one would.
type forger struct {
	*httptest.Server

	key, other *rsa.PrivateKey // only key is published
	secret     string
	claims     map[string]any // of the ID token; nil has none
	sign       func(f *forger, head, claims map[string]any) string
	userinfo   map[string]any // nil is an error
	status     int            // of the answer to a code
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{secret: "secret-of-the-client"}
	for _, key := range []**rsa.PrivateKey{&f.key, &f.other} {
		made, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	mux := http.NewServeMux()
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	say := func(w http.ResponseWriter, what any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(what); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{
			"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"userinfo_endpoint": f.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": encoded(f.key.N.Bytes()), "e": encoded(big.NewInt(int64(f.key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		if f.status != 0 {
			w.WriteHeader(f.status)
			say(w, map[string]any{"error": "invalid_grant", "error_description": "the code top-secret-code of client " + f.secret})
			return
		}
		answer := map[string]any{"access_token": "token-of-access", "token_type": "Bearer", "expires_in": 60}
		if f.claims != nil {
			answer["id_token"] = f.sign(f, map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}, f.claims)
		}
		say(w, answer)
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if f.userinfo == nil || r.Header.Get("Authorization") != "Bearer token-of-access" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		say(w, f.userinfo)
	})
	return f
}

// eachForger runs a test on both engines, each time with a lobby that has a forger at its door, and whose group hr is
// HR. The claim names who is in which groups; "" is the usual one.
func eachForger(t *testing.T, claim string, test func(t *testing.T, f *forger, l *lobby)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		f := newForger(t)
		l := newLobby(t, db, func(o *access.Options) {
			o.SignOn = &access.SingleSignOn{Issuer: f.URL, ClientID: "cxmirror", ClientSecret: f.secret, GroupsClaim: claim}
		})
		l.giveGroup(t, survey.GroupRole{Group: "hr", Role: survey.HR})
		test(t, f, l)
	})
}

// vouch has the forger say, as an honest provider, who comes back to what was begun, and more of her.
func (f *forger) vouch(l *lobby, begun access.SignOn, more map[string]any) {
	f.sign = honestly
	f.claims = map[string]any{"iss": f.URL, "aud": "cxmirror", "sub": "s", "exp": l.now().Add(time.Minute).Unix(), "nonce": begun.Nonce}
	maps.Copy(f.claims, more)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// signing puts a head and claims together, to be signed.
func signing(head, claims map[string]any) string {
	first, _ := json.Marshal(head)
	second, _ := json.Marshal(claims)
	return encoded(first) + "." + encoded(second)
}

func signed(key *rsa.PrivateKey, head, claims map[string]any) string {
	content := signing(head, claims)
	hash := sha256.Sum256([]byte(content))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:])
	if err != nil {
		return err.Error()
	}
	return content + "." + encoded(signature)
}

func honestly(f *forger, head, claims map[string]any) string { return signed(f.key, head, claims) }

// TestSingleSignOnBelievesOnlyWhatIsProven changes one thing at a time of what a provider says.
func TestSingleSignOnBelievesOnlyWhatIsProven(t *testing.T) {
	t.Parallel()
	eachForger(t, "realm.roles", func(t *testing.T, f *forger, l *lobby) {
		hash := sha256.Sum256([]byte("token-of-access"))
		ago := func(d time.Duration) int64 { return l.now().Add(-d).Unix() }
		tests := []struct {
			name   string
			change func(claims map[string]any)
			sign   func(f *forger, head, claims map[string]any) string // nil is honestly
			want   access.Problem                                      // "" comes in
		}{
			{"all is well", func(map[string]any) {}, nil, ""},
			{"verified as a text", func(c map[string]any) { c["email_verified"] = "true" }, nil, ""},
			{"the hash of its access token", func(c map[string]any) { c["at_hash"] = encoded(hash[:16]) }, nil, ""},
			{"several audiences, made for us", func(c map[string]any) { c["aud"], c["azp"] = []string{"other", "cxmirror"}, "cxmirror" }, nil, ""},
			{"another audience", func(c map[string]any) { c["aud"] = "other" }, nil, access.SignOnRefused},
			{"no audience", func(c map[string]any) { delete(c, "aud") }, nil, access.SignOnRefused},
			{"several audiences, made for nobody", func(c map[string]any) { c["aud"] = []string{"other", "cxmirror"} }, nil, access.SignOnRefused},
			{"made for another", func(c map[string]any) { c["azp"] = "other" }, nil, access.SignOnRefused},
			{"another issuer", func(c map[string]any) { c["iss"] = f.URL + "/" }, nil, access.SignOnRefused},
			{"expired", func(c map[string]any) { c["exp"] = ago(time.Second) }, nil, access.SignOnRefused},
			{"no expiry", func(c map[string]any) { delete(c, "exp") }, nil, access.SignOnRefused},
			{"not yet", func(c map[string]any) { c["nbf"] = ago(-time.Hour) }, nil, access.SignOnRefused},
			{"another nonce", func(c map[string]any) { c["nonce"] = "other" }, nil, access.SignOnRefused},
			{"no nonce", func(c map[string]any) { delete(c, "nonce") }, nil, access.SignOnRefused},
			{"nobody", func(c map[string]any) { c["sub"] = "" }, nil, access.SignOnRefused},
			{"another access token's hash", func(c map[string]any) { c["at_hash"] = encoded(make([]byte, 16)) }, nil, access.SignOnRefused},
			{"not verified", func(c map[string]any) { c["email_verified"] = false }, nil, access.SignOnUnverified},
			{"nothing about it", func(c map[string]any) { delete(c, "email_verified") }, nil, access.SignOnUnverified},
			{"verified, as a number", func(c map[string]any) { c["email_verified"] = 1 }, nil, access.SignOnUnverified},
			{"an address that looks like hers", func(c map[string]any) { c["email"] = "аnn@example.org" }, nil, access.SignOnUnverified},
			{"a list of addresses", func(c map[string]any) { c["email"] = []string{"ann@example.org"} }, nil, access.SignOnUnverified},
			{"other groups", func(c map[string]any) { c["realm"] = map[string]any{"roles": []string{"hr2"}} }, nil, access.SignOnNoRole},
			{"groups of another kind", func(c map[string]any) { c["realm"] = "hr" }, nil, access.SignOnNoRole},
			{"one group as a text", func(c map[string]any) { c["realm"] = map[string]any{"roles": "hr"} }, nil, ""},
			{"groups under the whole name", func(c map[string]any) { delete(c, "realm"); c["realm.roles"] = []string{"hr"} }, nil, ""},
			{"another key", nil, func(f *forger, head, claims map[string]any) string { return signed(f.other, head, claims) }, access.SignOnRefused},
			{"not signed", nil, func(_ *forger, head, claims map[string]any) string {
				head["alg"] = "none"
				return signing(head, claims) + "."
			}, access.SignOnRefused},
			{"signed by the client's secret", nil, func(f *forger, head, claims map[string]any) string {
				head["alg"] = "HS256"
				content := signing(head, claims)
				mac := hmac.New(sha256.New, []byte(f.secret))
				_, _ = mac.Write([]byte(content))
				return content + "." + encoded(mac.Sum(nil))
			}, access.SignOnRefused},
			{"no token at all", nil, func(*forger, map[string]any, map[string]any) string { return "" }, access.SignOnRefused},
		}
		for i, tt := range tests {
			address, kept, err := l.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			asked, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			subject := "subject " + tt.name
			claims := map[string]any{
				"iss": f.URL, "aud": "cxmirror", "sub": subject, "exp": ago(-time.Minute), "iat": ago(0), "nonce": asked.Query().Get("nonce"),
				"email": string(rune('a'+i)) + "ann@example.org", "email_verified": true, "realm": map[string]any{"roles": []string{"x", "hr"}},
			}
			if i >= 26 {
				claims["email"] = string(rune('a'+i-26)) + "bob@example.org"
			}
			if tt.change != nil {
				tt.change(claims)
			}
			f.claims, f.sign, f.userinfo = claims, honestly, map[string]any{"sub": claims["sub"]}
			if tt.sign != nil {
				f.sign = tt.sign
			}
			outcome, err := l.Finish(t.Context(), kept, url.Values{"state": {kept.State}, "code": {"top-secret-code"}})
			if tt.want != "" {
				wantProblem(t, tt.name, err, tt.want)
			} else if err != nil || outcome.User.Subject != subject || !slices.Equal(l.rolesOf(t, outcome.User.ID), []survey.Role{survey.HR}) {
				t.Errorf("%s: %+v, %v", tt.name, outcome, err)
			}
			if err != nil && (strings.Contains(err.Error(), "top-secret") || strings.Contains(err.Error(), f.secret)) {
				t.Errorf("%s: the error tells secrets: %v", tt.name, err)
			}
		}
		if users, err := l.store.Users(t.Context()); err != nil || len(users) != 6 {
			t.Errorf("%d users were made, %v; want those six who came in", len(users), err)
		}
	})
}

// TestSingleSignOnAsksAboutTheSamePerson has a thin ID token, and what the provider then says of the user.
func TestSingleSignOnAsksAboutTheSamePerson(t *testing.T) {
	t.Parallel()
	eachForger(t, "", func(t *testing.T, f *forger, l *lobby) {
		whole := map[string]any{"sub": "s", "email": "ann@example.org", "email_verified": true, "groups": []string{"hr"}}
		with := func(key string, value any) map[string]any {
			other := maps.Clone(whole)
			other[key] = value
			return other
		}
		finish := func(more map[string]any) error {
			_, kept, err := l.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			f.vouch(l, kept, more)
			_, err = l.Finish(t.Context(), kept, url.Values{"state": {kept.State}, "code": {"top-secret-code"}})
			return err
		}
		f.userinfo = with("sub", "somebody else")
		wantProblem(t, "about somebody else", finish(nil), access.SignOnRefused)
		f.userinfo = with("email_verified", false)
		wantProblem(t, "not verified", finish(nil), access.SignOnUnverified)
		// That one address was verified says nothing of another.
		f.userinfo = whole
		wantProblem(t, "an address that the token does not say is verified", finish(map[string]any{"email": "boss@example.org"}), access.SignOnUnverified)
		f.userinfo = maps.Clone(whole)
		delete(f.userinfo, "email_verified")
		wantProblem(t, "verified by the token, the address from elsewhere", finish(map[string]any{"email_verified": true}), access.SignOnUnverified)
		f.userinfo = nil
		wantError(t, "no answer", finish(nil), access.ErrProvider)
		f.userinfo = whole
		if err := finish(nil); err != nil {
			t.Errorf("all is well: %v", err)
		}

		for status, want := range map[int]error{http.StatusInternalServerError: access.ErrProvider, http.StatusBadGateway: access.ErrProvider} {
			f.status = status
			wantError(t, http.StatusText(status), finish(nil), want)
		}
		f.status = http.StatusBadRequest
		err := finish(nil)
		wantProblem(t, "a code that is not taken", err, access.SignOnRefused)
		if strings.Contains(err.Error(), "top-secret") || strings.Contains(err.Error(), f.secret) {
			t.Errorf("the error tells what the provider quotes: %v", err)
		}
		f.status = 0
	})
}

// TestFirstSignOnByTwoTabs has somebody come for the first time ten times at once: she becomes one user.
func TestFirstSignOnByTwoTabs(t *testing.T) {
	t.Parallel()
	eachForger(t, "", func(t *testing.T, f *forger, l *lobby) {
		_, kept, err := l.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.vouch(l, kept, map[string]any{"email": "ann@example.org", "email_verified": true, "groups": []string{"hr"}})
		if err := errors.Join(atOnce(10, func(int) error {
			_, err := l.Finish(t.Context(), kept, url.Values{"state": {kept.State}, "code": {"c"}})
			return err
		})...); err != nil {
			t.Error(err)
		}
		if users, err := l.store.Users(t.Context()); err != nil || len(users) != 1 {
			t.Errorf("%d users, %v; want one", len(users), err)
		}
	})
}
