package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
)

// reach is who may send a request, where that is not a question of a right.
type reach int

const (
	byRight  reach = iota // whoever has the rule's right
	everyone              // nobody is asked who she is, and no cookie is looked at: respondents above all
	visitors              // people who are about to sign in; those who have are known
	users                 // whoever has signed in, whatever she may do
)

// rule is who may send the requests of a route, and what of it the audit trail tells.
type rule struct {
	right access.Right
	also  access.Right // another right that does as well; what is shown to its holders is for the page to say
	reach reach
	gate  gateName // bounds how many requests come from one address

	action string   // what the audit trail calls it; "" is nothing that it tells
	query  []string // parameters of the address that belong to what it tells
	long   bool     // files come with it, or it is work for minutes
}

// rights says of every route who may send its requests. The server does not start with a route that has no line
// here, or a line that has no route.
var rights = map[string]rule{ //nolint:gochecknoglobals // the table is the point of the file; nothing changes it
	// Respondents, and those who were invited.
	"GET /o/:slug": {reach: everyone}, "POST /o/:slug": {reach: everyone}, "GET /o/:slug/thanks": {reach: everyone},
	"GET /o/:slug/privacy": {reach: everyone}, "GET /o/:slug/:page": {reach: everyone}, "POST /o/:slug/:page": {reach: everyone},
	"GET /s/:token": {reach: everyone}, "POST /s/:token": {reach: everyone}, "GET /s/:token/thanks": {reach: everyone},
	"GET /s/:token/privacy": {reach: everyone}, "GET /s/:token/:page": {reach: everyone}, "POST /s/:token/:page": {reach: everyone},
	"GET /k/:slug": {reach: everyone}, "POST /k/:slug": {reach: everyone}, "GET /k/:slug/thanks": {reach: everyone},
	"GET /k/:slug/privacy": {reach: everyone}, "GET /k/:slug/:page": {reach: everyone}, "POST /k/:slug/:page": {reach: everyone},
	"GET /privacy/:slug": {reach: everyone},
	"GET /c":             {reach: everyone}, "POST /c": {reach: everyone},
	"GET /u/:token": {reach: everyone}, "POST /u/:token": {reach: everyone},

	// What every page needs, and what keeps the service running.
	"GET /static/:name": {reach: everyone}, "GET /accent/:name": {reach: everyone},
	"GET /healthz": {reach: everyone}, "GET /readyz": {reach: everyone}, "GET /metrics": {reach: everyone},

	// Signing in and out. What these do is told to the audit trail where it is known who did it.
	"GET /sign-in":               {reach: visitors},
	"POST /sign-in":              {reach: visitors, gate: signInGate},
	"GET /sign-in/code":          {reach: visitors},
	"POST /sign-in/code":         {reach: visitors, gate: signInGate},
	"GET /sign-in/oidc":          {reach: visitors, gate: signInGate},
	"GET /sign-in/oidc/callback": {reach: visitors, gate: signInGate},
	"POST /sign-out":             {reach: visitors},
	"GET /forgot":                {reach: visitors},
	"POST /forgot":               {reach: visitors, gate: mailGate},
	"GET /reset/:secret":         {reach: visitors, gate: signInGate},
	"POST /reset/:secret":        {reach: visitors, gate: signInGate},
	"GET /invitation/:secret":    {reach: visitors, gate: signInGate},
	"POST /invitation/:secret":   {reach: visitors, gate: signInGate},
	"GET /set-up/:secret":        {reach: visitors, gate: signInGate},
	"POST /set-up/:secret":       {reach: visitors, gate: signInGate},
	"GET /work-in":               {reach: users},
	"POST /work-in":              {reach: users},
	"POST /look-as":              {reach: users},

	// Her own account. What she does to it is told to the trail of the whole service, which her handlers write.
	"GET /profile":                        {reach: users},
	"POST /profile":                       {reach: users},
	"POST /profile/password":              {reach: users, gate: signInGate},
	"POST /profile/second-factor":         {reach: users, gate: signInGate},
	"GET /profile/second-factor":          {reach: users},
	"POST /profile/second-factor/confirm": {reach: users, gate: signInGate},
	"POST /profile/second-factor/codes":   {reach: users, gate: signInGate},
	"POST /profile/second-factor/end":     {reach: users, gate: signInGate},
	"POST /profile/sessions/end":          {reach: users},
	"POST /profile/sessions/others":       {reach: users},

	// The organisation: how it looks, who works in it, and what programs may do for it. What is public of its look has
	// an address that only whoever was shown it knows.
	"GET /organisation":          {right: access.Manage},
	"POST /organisation":         {right: access.Manage, action: "organisation.changed"},
	"GET /members":               {right: access.ManageMembers},
	"POST /members":              {right: access.ManageMembers, action: "member.invited", gate: inviteGate},
	"POST /members/:user/roles":  {right: access.ManageMembers, action: "roles.changed"},
	"POST /members/:user/invite": {right: access.ManageMembers, action: "member.invited_again", gate: inviteGate},
	"POST /members/:user/remove": {right: access.ManageMembers, action: "member.removed"},
	"GET /members/groups":        {right: access.ManageMembers},
	"POST /members/groups":       {right: access.ManageMembers, action: "groups.changed"},
	"GET /tokens":                {right: access.ManageTokens},
	"POST /tokens":               {right: access.ManageTokens, action: "token.made"},
	"POST /tokens/:token/revoke": {right: access.ManageTokens, action: "token.revoked"},
	"GET /logo/:name":            {reach: everyone},

	// Waves: what is asked, of whom, and how many have answered. The home of those who see none is what they do see.
	"GET /":                   {reach: users},
	"GET /counts.json":        {right: access.SeeWaves},
	"GET /waves/new":          {right: access.EditWaves},
	"POST /waves/new":         {right: access.EditWaves, action: "wave.made"},
	"GET /waves/:id":          {right: access.SeeWaves},
	"POST /waves/:id/open":    {right: access.EditWaves, action: "wave.opened"},
	"POST /waves/:id/close":   {right: access.EditWaves, action: "wave.closed"},
	"GET /waves/:id/edit":     {right: access.EditWaves},
	"POST /waves/:id/edit":    {right: access.EditWaves, action: "wave.changed"},
	"GET /waves/:id/link.svg": {right: access.SeeWaves},
	"GET /waves/:id/link.png": {right: access.SeeWaves},

	// The path to a launch.
	"GET /waves/:id/launch":                   {right: access.Launch},
	"GET /waves/:id/launch/people":            {right: access.Launch},
	"POST /waves/:id/launch/people":           {right: access.Launch},
	"GET /waves/:id/launch/promise":           {right: access.Launch},
	"POST /waves/:id/launch/promise":          {right: access.Launch},
	"GET /waves/:id/launch/letters":           {right: access.Launch},
	"POST /waves/:id/launch/letters":          {right: access.Launch},
	"GET /waves/:id/launch/check":             {right: access.Launch},
	"POST /waves/:id/launch/merge":            {right: access.Launch},
	"POST /waves/:id/launch/split":            {right: access.Launch},
	"POST /waves/:id/launch/leave":            {right: access.Launch},
	"POST /waves/:id/launch/compare":          {right: access.Launch},
	"POST /waves/:id/launch/test":             {right: access.Launch},
	"GET /waves/:id/launch/confirm":           {right: access.Launch},
	"POST /waves/:id/launch/confirm":          {right: access.Launch, action: "wave.launched", long: true},
	"GET /waves/:id/letters":                  {right: access.Launch},
	"POST /waves/:id/letters":                 {right: access.Launch, action: "letters.changed"},
	"GET /waves/:id/letters/:kind/:language":  {right: access.Launch},
	"POST /waves/:id/letters/:kind/:language": {right: access.Launch}, // a letter as it would be: nothing is kept of it
	"GET /outbox":                             {right: access.Launch},
	"GET /outbox/:mail":                       {right: access.Launch},
	"GET /outbox/:mail/letter":                {right: access.Launch},

	// Fieldwork: how it goes, and what can still be done about it.
	"GET /waves/:id/fieldwork":              {right: access.SeeFieldwork},
	"GET /waves/:id/fieldwork/finished.svg": {right: access.SeeFieldwork},
	"GET /waves/:id/fieldwork/finished.csv": {right: access.SeeFieldwork},
	"POST /waves/:id/fieldwork/mailing":     {right: access.Launch, action: "mailing.planned"},
	"POST /waves/:id/fieldwork/cancel":      {right: access.Launch, action: "mailing.cancelled"},
	"POST /waves/:id/fieldwork/resend":      {right: access.Launch, action: "invitation.sent_again"},
	"POST /waves/:id/fieldwork/extend":      {right: access.EditWaves, action: "wave.extended"},
	"POST /waves/:id/fieldwork/close":       {right: access.EditWaves, action: "wave.closed"},
	"POST /waves/:id/fieldwork/reopen":      {right: access.EditWaves, action: "wave.opened"},
	"POST /waves/:id/fieldwork/raise":       {right: access.EditWaves, action: "threshold.raised"},
	"GET /waves/:id/poster.pdf":             {right: access.Launch},
	"GET /waves/:id/codes.pdf":              {right: access.Launch, action: "codes.printed", query: []string{"part", "all"}},

	// The panel: who can be invited.
	"GET /people":                               {right: access.SeePeople},
	"POST /people":                              {right: access.EditPeople, action: "people.changed"},
	"GET /people/export/:format":                {right: access.SeePeople, action: "people.exported"},
	"GET /people/new":                           {right: access.EditPeople},
	"POST /people/new":                          {right: access.EditPeople, action: "person.made"},
	"GET /people/import":                        {right: access.EditPeople},
	"POST /people/import":                       {right: access.EditPeople, long: true},
	"GET /people/import/:file":                  {right: access.EditPeople},
	"POST /people/import/:file":                 {right: access.EditPeople, action: "people.imported", long: true},
	"GET /people/import/:file/problems":         {right: access.EditPeople},
	"GET /people/bounces":                       {right: access.EditPeople},
	"POST /people/bounces":                      {right: access.EditPeople, long: true},
	"GET /people/bounces/:file":                 {right: access.EditPeople},
	"POST /people/bounces/:file":                {right: access.EditPeople, action: "bounces.noted"},
	"GET /people/attributes":                    {right: access.SeePeople},
	"POST /people/attributes":                   {right: access.EditPeople, action: "attribute.made"},
	"GET /people/attributes/:attribute":         {right: access.SeePeople},
	"POST /people/attributes/:attribute":        {right: access.EditPeople, action: "attribute.changed"},
	"POST /people/attributes/:attribute/values": {right: access.EditPeople, action: "attribute.changed"},
	"GET /people/:person":                       {right: access.SeePeople},
	"POST /people/:person":                      {right: access.EditPeople, action: "person.changed"},
	"GET /people/:person/edit":                  {right: access.EditPeople},
	"POST /people/:person/edit":                 {right: access.EditPeople, action: "person.changed"},
	"GET /people/:person/erase":                 {right: access.EditPeople},
	"POST /people/:person/erase":                {right: access.EditPeople, action: "person.erased"},
	"GET /people/receipts/:file":                {right: access.EditPeople},
	"GET /people/receipts/:file/text":           {right: access.EditPeople},

	// Answers from files, and back into files.
	"GET /waves/:id/import":      {right: access.ImportAnswers},
	"POST /waves/:id/import":     {right: access.ImportAnswers, action: "answers.imported", long: true},
	"GET /waves/:id/answers.csv": {right: access.ExportAnswers, action: "answers.exported"},

	// Results: everything above the thresholds, and what people wrote.
	"GET /divergence":                {right: access.SeeResults, action: "results.viewed", query: resultsQuery},
	"GET /divergence/pictures.json":  {right: access.SeeResults, action: "results.viewed", query: resultsQuery}, // unless its page was noted
	"GET /divergence/:document":      {right: access.ExportResults, action: "results.exported", query: resultsQuery},
	"GET /views":                     {right: access.SeeViews},
	"GET /views/new":                 {right: access.SaveViews},
	"POST /views":                    {right: access.SaveViews, action: "view.made"},
	"GET /views/:view":               {right: access.SeeViews, action: "results.viewed"},
	"GET /views/:view/pictures.json": {right: access.SeeViews, action: "results.viewed"}, // see above
	"GET /views/:view/edit":          {right: access.SaveViews},
	"POST /views/:view/edit":         {right: access.SaveViews, action: "view.changed"},
	"POST /views/:view/delete":       {right: access.SaveViews, action: "view.deleted"},
	"GET /waves/:id/comments":        {right: access.SeeComments, also: access.ReviewComments, action: "comments.viewed", query: []string{"item", "flagged", "page"}},
	"POST /waves/:id/comments":       {right: access.ReviewComments, action: "comment.reviewed"},

	// Who did what, in an organisation and on the whole server.
	"GET /audit":           {right: access.SeeAudit, also: access.Administer},
	"GET /audit/audit.csv": {right: access.SeeAudit, also: access.Administer, action: "audit.exported", long: true},

	// The server itself: which organisations there are, and who signs in. What is done here stands in the trail of the
	// whole server; the store notes what it deletes.
	"GET /instance":  {right: access.Administer},
	"POST /instance": {right: access.Administer}, // noted as soon as it is made
	"GET /instance/organisations/:organisation":          {right: access.Administer},
	"POST /instance/organisations/:organisation/owner":   {right: access.Administer},
	"POST /instance/organisations/:organisation/archive": {right: access.Administer, action: "organisation.archived"},
	"POST /instance/organisations/:organisation/restore": {right: access.Administer, action: "organisation.restored"},
	"POST /instance/organisations/:organisation/delete":  {right: access.Administer, gate: signInGate, long: true},
	"GET /instance/users":                                {right: access.Administer},
	"POST /instance/users":                               {right: access.Administer, gate: signInGate}, // noted as soon as she is made
	"GET /instance/users/:user":                          {right: access.Administer},
	"POST /instance/users/:user/administrator":           {right: access.Administer, gate: signInGate, action: "user.administrator"},
	"POST /instance/users/:user/disable":                 {right: access.Administer, action: "user.disabled"},
	"POST /instance/users/:user/enable":                  {right: access.Administer, action: "user.enabled"},
	"POST /instance/users/:user/second-factor":           {right: access.Administer, action: "user.factor_ended"},
	"POST /instance/users/:user/sessions":                {right: access.Administer, action: "user.sessions_ended"},
	"POST /instance/users/:user/link":                    {right: access.Administer}, // noted where it is made: in more than one trail
	"POST /instance/users/:user/invite":                  {right: access.Administer, action: "user.invited_again"},
	"POST /instance/users/:user/delete":                  {right: access.Administer, action: "user.deleted"},
	"GET /instance/groups":                               {right: access.Administer},

	// The API: the same for programs.
	"GET /api/v1/openapi.json":          {reach: everyone, gate: apiGate},
	"GET /api/v1/openapi.yaml":          {reach: everyone, gate: apiGate},
	"GET /api/v1/docs":                  {reach: visitors},
	"GET /api/v1/waves":                 {right: access.SeeWaves, gate: apiGate},
	"POST /api/v1/waves":                {right: access.EditWaves, gate: apiGate, action: "wave.made"},
	"GET /api/v1/waves/:id":             {right: access.SeeWaves, gate: apiGate},
	"PATCH /api/v1/waves/:id":           {right: access.EditWaves, gate: apiGate, action: "wave.changed"},
	"POST /api/v1/waves/:id/open":       {right: access.EditWaves, gate: apiGate, action: "wave.opened"},
	"POST /api/v1/waves/:id/close":      {right: access.EditWaves, gate: apiGate, action: "wave.closed"},
	"POST /api/v1/waves/:id/reopen":     {right: access.EditWaves, gate: apiGate, action: "wave.opened"},
	"GET /api/v1/waves/:id/fieldwork":   {right: access.SeeFieldwork, gate: apiGate},
	"GET /api/v1/waves/:id/comments":    {right: access.SeeComments, gate: apiGate, action: "comments.viewed", query: []string{"item"}},
	"GET /api/v1/waves/:id/answers.csv": {right: access.ExportAnswers, gate: apiGate, action: "answers.exported"},
	"GET /api/v1/divergence":            {right: access.SeeResults, gate: apiGate, action: "results.viewed", query: resultsQuery},
	"GET /api/v1/people":                {right: access.SeePeople, gate: apiGate, action: "people.exported"},
	"POST /api/v1/people":               {right: access.EditPeople, gate: apiGate, action: "people.imported", long: true},
	"GET /api/v1/questionnaires":        {right: access.SeeWaves, gate: apiGate},
	"GET /api/v1/questionnaires/:id":    {right: access.SeeWaves, gate: apiGate},
}

// resultsQuery are the parameters of addresses of results that say what was looked at.
var resultsQuery = []string{"external", "internal", "item", "top", "segment", "theme"} //nolint:gochecknoglobals // nothing changes it

// ruledRoutes is the table by path and method.
type ruledRoutes map[string]map[string]rule

// add holds the routes of a server to the table. Each must have a line in it; of the routes of a whole server, there
// must be one for each line too.
func (ruled ruledRoutes) add(routes []*echo.Route, whole bool) error {
	known := make(map[string]bool)
	slices.SortFunc(routes, func(a, b *echo.Route) int { return cmp.Compare(a.Path+a.Method, b.Path+b.Method) })
	for _, route := range routes {
		if route.Method == echo.RouteNotFound {
			continue // what groups add for their middleware: it finds nothing
		}
		key := route.Method + " " + route.Path
		known[key] = true
		r, ok := rights[key]
		if !ok || r.reach == byRight && r.right == "" {
			return fmt.Errorf("route %s: no line of the table of rights says who may use it", key)
		}
		if ruled[route.Path] == nil {
			ruled[route.Path] = make(map[string]rule)
		}
		ruled[route.Path][route.Method] = r
	}
	for _, key := range slices.Sorted(maps.Keys(rights)) {
		if whole && !known[key] {
			return fmt.Errorf("table of rights: there is no route %s", key)
		}
	}
	return nil
}

// guard lets nobody through but those whom the table of rights names.
func (s *Server) guard(ruled ruledRoutes) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, ok := ruled[c.Path()][c.Request().Method]
			if !ok { // there is no such route, as will be said on a page of hers
				var err error
				if s.atWork(c) {
					err = s.identifyActor(c)
				}
				here := ruled.at(c.Request().URL.Path)
				switch {
				case len(here) == 0:
					return next(c) // she may as well be nobody
				case err != nil:
					return s.refuse(c, err)
				}
				return s.refuseMethod(c, here)
			}
			if r.gate != "" && !s.gates[r.gate].take(addressOfNetwork(c), s.now()) {
				return s.refuse(c, errTooMany)
			}
			if r.reach == everyone {
				return next(c)
			}
			err := s.identifyActor(c)
			if err == nil {
				err = s.admits(c, &r)
			}
			if err != nil {
				return s.refuse(c, err)
			}
			err = next(c)
			if err == nil || c.Response().Committed { // who leaves before the end has seen, or done, it all the same
				s.noteRequest(c, &r)
			}
			return err
		}
	}
}

// at returns what may be done at an address, by method: of every route that leads there.
func (ruled ruledRoutes) at(address string) map[string][]rule {
	here := make(map[string][]rule)
	for path, methods := range ruled {
		if !leadsTo(path, address) {
			continue
		}
		for method, r := range methods {
			here[method] = append(here[method], r)
		}
	}
	return here
}

// leadsTo reports whether the path of a route, some parts of which stand for any, is that of an address.
func leadsTo(path, address string) bool {
	parts, given := strings.Split(path, "/"), strings.Split(address, "/")
	return slices.EqualFunc(parts, given, func(part, given string) bool {
		return part == given || given != "" && strings.HasPrefix(part, ":")
	})
}

// refuseMethod refuses what an address does not take, and says what it takes from whoever sent it: of what others may
// do there it tells nothing, nor whether there is what it names. Who may do nothing there is refused as with any other
// method.
func (s *Server) refuseMethod(c echo.Context, here map[string][]rule) error {
	var allowed []string
	var cause error
	for _, method := range slices.Sorted(maps.Keys(here)) {
		for _, r := range here[method] {
			err := lets(actorOf(c), &r)
			if err == nil && !slices.Contains(allowed, method) {
				allowed = append(allowed, method)
			}
			cause = cmp.Or(cause, err)
		}
	}
	if len(allowed) == 0 {
		return s.refuse(c, cause)
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead) // answered as GET is
	}
	c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
	return echo.ErrMethodNotAllowed
}

// admits returns why whoever sent a request may not do so. A form that was shown for another of her organisations may
// take her there first: what she may do is asked of where it will be done.
func (s *Server) admits(c echo.Context, r *rule) error {
	if r.reach == byRight && actorOf(c) != nil {
		if err := s.sameOrganisation(c); err != nil {
			return err
		}
	}
	return lets(actorOf(c), r)
}

// lets returns why somebody may not do what a rule is about, whatever it is done to; nil is whoever has not signed in.
func lets(actor *access.Actor, r *rule) error {
	switch {
	case r.reach == everyone, r.reach == visitors:
		return nil
	case actor == nil:
		return errSignedOut
	case r.reach == byRight && !actor.May(r.right) && (r.also == "" || !actor.May(r.also)):
		return mayNotError{r.right}
	}
	return nil
}

// refuse sends those who have not signed in to where they can, and back afterwards. Who sent a form keeps it.
func (s *Server) refuse(c echo.Context, cause error) error {
	c.Response().Header().Set("Content-Security-Policy", workbenchPolicy)
	r := c.Request()
	if r.Method != http.MethodGet {
		if !ofAPI(r.URL.Path) {
			keepTyped(c)
		}
		return cause
	}
	if cause == errSignedOut && takesHTML(r) && !ofAPI(r.URL.Path) { //nolint:errorlint // it is ours, as it was made
		return c.Redirect(http.StatusSeeOther, signInAddress(r.URL.RequestURI()))
	}
	return cause
}
