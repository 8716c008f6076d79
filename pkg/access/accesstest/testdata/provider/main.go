// Command provider is a provider of OpenID Connect for tests: ory/fosite with a plain page to sign in. It is a module
// of its own, so that nothing of it gets into the program.
//
//	provider -client cxmirror -secret SECRET -return http://127.0.0.1:8080/sign-in/oidc/callback \
//	    -user '{"subject":"1","address":"ann@example.org","verified":true,"password":"secret","groups":["hr"]}'
//
// It prints its address, which is its issuer, as the first line, and ends when its standard input does.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"flag"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

// user is somebody who can sign in.
type user struct {
	Subject  string   `json:"subject"`
	Address  string   `json:"address"`
	Verified bool     `json:"verified"` // the address
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Locale   string   `json:"locale"`
	Groups   []string `json:"groups"`
}

// provider answers requests.
type provider struct {
	issuer string
	key    *rsa.PrivateKey
	users  map[string]user // by address
	thin   bool            // ID tokens say who it is, and only the endpoint for users says more
	oauth  fosite.OAuth2Provider
}

const keyID = "signing"

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where to answer; port 0 is any that is free")
	client := flag.String("client", "cxmirror", "ID of the only client")
	secret := flag.String("secret", "", "secret of the client")
	back := flag.String("return", "", "redirect URI of the client")
	thin := flag.Bool("thin", false, "say address and groups only at the endpoint for users, not in ID tokens")
	users := make(map[string]user)
	flag.Func("user", "somebody who can sign in, as JSON; may be given several times", func(text string) error {
		var u user
		if err := json.Unmarshal([]byte(text), &u); err != nil {
			return err
		}
		users[u.Address] = u
		return nil
	})
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	p, err := newProvider("http://"+listener.Addr().String(), *client, *secret, *back, users, *thin)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(os.Stdout, p.issuer+"\n"); err != nil {
		log.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // who has started it has ended
		os.Exit(0)
	}()
	server := &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.Serve(listener))
}

func newProvider(issuer, client, secret, back string, users map[string]user, thin bool) (*provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	hashed, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	global := make([]byte, 32)
	if _, err := rand.Read(global); err != nil {
		return nil, err
	}
	config := &fosite.Config{
		GlobalSecret: global, IDTokenIssuer: issuer, EnforcePKCE: true, AccessTokenLifespan: time.Minute, IDTokenLifespan: time.Minute,
		AuthorizeCodeLifespan: time.Minute,
	}
	store := storage.NewMemoryStore()
	store.Clients[client] = &fosite.DefaultClient{
		ID: client, Secret: hashed, RedirectURIs: []string{back}, ResponseTypes: []string{"code"}, GrantTypes: []string{"authorization_code"},
		Scopes: []string{"openid", "profile", "email", "groups"},
	}
	keyOf := func(context.Context) (any, error) { return key, nil }
	oauth := compose.Compose(config, store,
		&compose.CommonStrategy{
			CoreStrategy:               compose.NewOAuth2HMACStrategy(config),
			OpenIDConnectTokenStrategy: compose.NewOpenIDConnectStrategy(keyOf, config),
			Signer:                     &jwt.DefaultSigner{GetPrivateKey: keyOf},
		},
		compose.OAuth2AuthorizeExplicitFactory, compose.OpenIDConnectExplicitFactory, compose.OAuth2PKCEFactory, compose.OAuth2TokenIntrospectionFactory,
	)
	return &provider{issuer: issuer, key: key, users: users, thin: thin, oauth: oauth}, nil
}

func (p *provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	return mux
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": p.issuer, "authorization_endpoint": p.issuer + "/authorize", "token_endpoint": p.issuer + "/token",
		"userinfo_endpoint": p.issuer + "/userinfo", "jwks_uri": p.issuer + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
		"scopes_supported": []string{"openid", "profile", "email", "groups"}, "authorization_response_iss_parameter_supported": true,
	})
}

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: keyID, Algorithm: "RS256", Use: "sig"}}})
}

var page = template.Must(template.New("sign-in").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Example login</title>
<h1>Example login</h1>
{{if .}}<p id="wrong">{{.}}</p>{{end}}
<form method="post">
<p><label>Address <input name="address" type="email" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button name="do" value="sign-in">Sign in</button> <button name="do" value="cancel">Cancel</button></p>
</form>
</html>
`))

// authorize asks who it is, and sends her back to the client with a code.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := p.oauth.NewAuthorizeRequest(ctx, r)
	if err != nil {
		p.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	if r.Method == http.MethodGet {
		show(w, http.StatusOK, "")
		return
	}
	if r.PostFormValue("do") == "cancel" {
		p.oauth.WriteAuthorizeError(ctx, w, request, fosite.ErrAccessDenied)
		return
	}
	u, ok := p.users[r.PostFormValue("address")]
	if !ok || u.Password != r.PostFormValue("password") {
		show(w, http.StatusUnauthorized, "That is not right.")
		return
	}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	session := &openid.DefaultSession{
		Subject: u.Subject, Username: u.Address, Headers: &jwt.Headers{Extra: map[string]any{"kid": keyID}},
		Claims: &jwt.IDTokenClaims{Subject: u.Subject, AuthTime: time.Now().UTC(), RequestedAt: time.Now().UTC()},
	}
	if !p.thin {
		session.Claims.Extra = u.claims(request.GetGrantedScopes())
	}
	response, err := p.oauth.NewAuthorizeResponse(ctx, request, session)
	if err != nil {
		p.oauth.WriteAuthorizeError(ctx, w, request, err)
		return
	}
	response.AddParameter("iss", p.issuer)
	p.oauth.WriteAuthorizeResponse(ctx, w, request, response)
}

func show(w http.ResponseWriter, status int, wrong string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = page.Execute(w, wrong)
}

// claims returns what scopes let a client know of a user.
func (u user) claims(scopes fosite.Arguments) map[string]any {
	claims := make(map[string]any)
	if scopes.Has("email") {
		claims["email"], claims["email_verified"] = u.Address, u.Verified
	}
	if scopes.Has("profile") {
		claims["name"], claims["locale"] = u.Name, u.Locale
	}
	if scopes.Has("groups") {
		claims["groups"] = u.Groups
	}
	return claims
}

// token exchanges a code.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	request, err := p.oauth.NewAccessRequest(ctx, r, new(openid.DefaultSession))
	if err != nil {
		p.oauth.WriteAccessError(ctx, w, request, err)
		return
	}
	response, err := p.oauth.NewAccessResponse(ctx, request)
	if err != nil {
		p.oauth.WriteAccessError(ctx, w, request, err)
		return
	}
	p.oauth.WriteAccessResponse(ctx, w, request, response)
}

// userInfo tells a client about the user of an access token.
func (p *provider) userInfo(w http.ResponseWriter, r *http.Request) {
	_, request, err := p.oauth.IntrospectToken(r.Context(), fosite.AccessTokenFromRequest(r), fosite.AccessToken, new(openid.DefaultSession))
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	u := p.users[request.GetSession().GetUsername()]
	claims := u.claims(request.GetGrantedScopes())
	claims["sub"] = u.Subject
	answer(w, claims)
}

func answer(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what)
}
