package web

import (
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/access"
	"cxmirror/pkg/survey"
)

// auditActions are the actions that the trail has words for, in the order in which they can be chosen: what is done to
// one thing stands together. An action that is not here is shown as it is stored.
func auditActions() []string {
	return []string{
		"results.viewed", "results.exported", "comments.viewed", "comment.reviewed", "answers.imported", "answers.exported",
		"view.made", "view.changed", "view.deleted",
		"wave.made", "wave.changed", "wave.opened", "wave.closed", "wave.launched", "wave.extended", "threshold.raised",
		"letters.changed", "mailing.planned", "mailing.cancelled", "invitation.sent_again", "codes.printed", "bounces.noted",
		"people.changed", "people.exported", "people.imported", "person.made", "person.changed", "person.erased", "attribute.made", "attribute.changed",
		"roles.changed", "member.invited", "member.invited_again", "member.removed",
		"token.made", "token.revoked",
		"organisation.made", "organisation.changed", "organisation.archived", "organisation.restored", "organisation.deletion_begun", "organisation.deleted", "groups.changed",
		"user.signed_in", "user.signed_out", "user.refused", "user.reset_asked", "user.made", "user.changed", "user.deleted", "user.administrator", "user.disabled",
		"user.enabled", "user.password_set", "user.password_changed", "user.link_made", "user.invited_again", "user.factor_added", "user.factor_ended", "user.codes_made",
		"user.session_ended", "user.sessions_ended",
		"audit.exported", "database.migrated", "database.restored", "database.copied", "database.secret_forgotten",
	}
}

// auditGroups are the first words of the actions.
func auditGroups() []string {
	var groups []string
	for _, action := range auditActions() {
		if group, _, _ := strings.Cut(action, "."); !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// auditKinds are the kinds of what something is done to.
func auditKinds() []string {
	return []string{"wave", "person", "attribute", "view", "user", "token", "organisation", "mail", "database"}
}

// auditDetails are the details that the trail has words for, in the order in which they are shown.
func auditDetails() []string {
	return []string{
		"name", "address", "external", "internal", "item", "top", "segment", "theme", "document", "flagged", "page", "kind", "language", "format", "part", "all",
		"from", "to", "roles", "rights", "readers", "expires", "by", "refused", "since", "addresses", "administrator", "sessions", "until", "user", "action", "subject", "scope", "from_groups", "file", "secret",
		"waves", "people", "versions", "responses", "languages", "logo", "accent", "threshold", "comments", "retention", "groups",
		"new", "updated", "unchanged", "deactivated", "rejected",
	}
}

// auditWays are the ways in that the trail has words for.
func auditWays() []string {
	return []string{
		byPassword, byPasswordMore, bySecondFactor, byRecoveryCode, bySingleSignOn, byLink,
		string(survey.ResetLink), string(survey.InvitationLink), string(survey.SetUpLink),
	}
}

// auditWords puts the trail into words: what its events name by number has a name for whoever may know it.
type auditWords struct {
	room
	server        *Server
	context       echo.Context
	waves         []survey.Wave // of the organisation worked in, for those who see its waves
	views         []survey.View
	tokens        []survey.APIToken
	users         []survey.User // who works there; of administrators, everybody
	organisations []survey.Organisation
}

func (s *Server) auditWords(c echo.Context, r room) (*auditWords, error) {
	ctx, here, actor := c.Request().Context(), s.organisationOf(c), actorOf(c)
	words := &auditWords{room: r, server: s, context: c, organisations: []survey.Organisation{actor.Organisation}}
	var err error
	if actor.May(access.SeeWaves) {
		if words.waves, err = s.store.Waves(ctx, here); err != nil {
			return nil, err
		}
	}
	if actor.May(access.SeeAudit) {
		if words.views, err = s.store.Views(ctx, here); err != nil {
			return nil, err
		}
		if words.tokens, err = s.store.Tokens(ctx, here); err != nil {
			return nil, err
		}
	}
	if actor.May(access.Administer) {
		if words.organisations, err = s.store.Organisations(ctx); err != nil {
			return nil, err
		}
		words.users, err = s.store.Users(ctx)
		return words, err
	}
	members, err := s.store.Members(ctx, here)
	for i := range members {
		words.users = append(words.users, members[i].User)
	}
	return words, err
}

// people are those whose deeds can be asked for.
func (w *auditWords) people() []auditChoice {
	all := make([]auditChoice, len(w.users))
	for i := range w.users {
		all[i] = auditChoice{Value: strconv.FormatInt(int64(w.users[i].ID), 10), Name: w.users[i].Address}
	}
	return all
}

// subjects are the things that can be asked for.
func (w *auditWords) subjects() []auditChoice {
	var all []auditChoice
	add := func(kind string, id int64) {
		which := subject(kind, strconv.FormatInt(id, 10))
		all = append(all, auditChoice{Value: which, Name: w.subject(which)})
	}
	for i := range w.waves {
		add("wave", int64(w.waves[i].ID))
	}
	for i := range w.views {
		add("view", int64(w.views[i].ID))
	}
	return all
}

// who is whoever did something, as she was called then.
func (w *auditWords) who(e *survey.AuditEvent) string {
	switch {
	case e.Who != "":
		return e.Who
	case e.Actor == survey.ByService:
		return w.T("audit_as_service")
	case e.User != 0:
		return w.nameOf("user", strconv.FormatInt(int64(e.User), 10))
	}
	return "–"
}

// as says what somebody is who is no user.
func (w *auditWords) as(kind survey.ActorKind) string {
	switch kind {
	case survey.ByToken, survey.ByCommand, survey.ByService:
		return w.T("audit_as_" + string(kind))
	case survey.ByUser:
	}
	return ""
}

// action says what was done.
func (w *auditWords) action(action string) string {
	if slices.Contains(auditActions(), action) {
		return w.T("audit_" + strings.ReplaceAll(action, ".", "_"))
	}
	return action
}

// subject says what it was done to.
func (w *auditWords) subject(subject string) string {
	kind, which, _ := strings.Cut(subject, " ")
	if !slices.Contains(auditKinds(), kind) {
		return subject
	}
	return w.With("audit_kind_"+kind, "Which", w.nameOf(kind, which))
}

// nameOf returns the name of what an event names by its number, or the number.
func (w *auditWords) nameOf(kind, which string) string {
	id, err := strconv.ParseInt(which, 10, 64)
	if err != nil {
		return which
	}
	switch kind {
	case "wave":
		if wave := w.wave(which); wave != nil {
			return wave.Name
		}
	case "view":
		for i := range w.views {
			if int64(w.views[i].ID) == id {
				return w.views[i].Name
			}
		}
	case "token":
		for i := range w.tokens {
			if int64(w.tokens[i].ID) == id {
				return w.tokens[i].Name
			}
		}
	case "user":
		for i := range w.users {
			if int64(w.users[i].ID) == id {
				return w.users[i].Address
			}
		}
	case "organisation":
		for i := range w.organisations {
			if int64(w.organisations[i].ID) == id {
				return w.organisations[i].Name
			}
		}
	}
	return "#" + which
}

// wave returns a wave of the organisation worked in, or nil.
func (w *auditWords) wave(id string) *survey.Wave {
	at := slices.IndexFunc(w.waves, func(wave survey.Wave) bool { return strconv.FormatInt(int64(wave.ID), 10) == id })
	if at < 0 {
		return nil
	}
	return &w.waves[at]
}

// organisation is the one in which something was done; without one, it is the whole service.
func (w *auditWords) organisation(id survey.OrganisationID) string {
	if id == 0 {
		return w.T("audit_scope_instance")
	}
	return w.nameOf("organisation", strconv.FormatInt(int64(id), 10))
}

// details says what else is known of an event. Details without words follow as they are stored.
func (w *auditWords) details(e *survey.AuditEvent) []namedText {
	var all []namedText
	known := auditDetails()
	for _, name := range known {
		if value := e.Details[name]; value != "" {
			all = append(all, namedText{w.T("audit_detail_" + name), w.value(name, value, e)})
		}
	}
	var others []namedText
	for name, value := range e.Details {
		if value != "" && !slices.Contains(known, name) {
			others = append(others, namedText{name, value})
		}
	}
	slices.SortFunc(others, func(a, b namedText) int { return strings.Compare(a.Name, b.Name) })
	return append(all, others...)
}

// value says a detail.
func (w *auditWords) value(name, value string, e *survey.AuditEvent) string {
	switch name {
	case "external", "internal":
		return w.nameOf("wave", value)
	case "item":
		if text := w.question(value, e.Details); text != "" {
			return text
		}
	case "segment":
		return w.list(value, func(part string) string { return w.part(part, e.Details) })
	case "readers":
		return w.list(value, w.subject)
	case "user":
		return w.nameOf("user", value)
	case "subject":
		return w.subject(value)
	case "action":
		if slices.Contains(auditGroups(), value) {
			return w.T("audit_group_" + value)
		}
	case "roles", "from", "to", "from_groups":
		return w.list(value, w.role)
	case "rights":
		return w.list(value, w.rightOr)
	case "by":
		if slices.Contains(auditWays(), value) {
			return w.T("audit_by_" + strings.NewReplacer(" ", "_", "-", "_").Replace(value))
		}
	case "kind": // of a link; letters are called by their kinds too
		if e.Action == "user.link_made" && slices.Contains(auditWays(), value) {
			return w.T("audit_by_" + strings.ReplaceAll(value, "-", "_"))
		}
	case "addresses":
		if value == severalAddresses {
			return w.T("audit_several")
		}
	case "administrator", "secret":
		if value == "yes" || value == "no" {
			return w.T("audit_" + value)
		}
	}
	return value
}

// list says each of several values.
func (w *auditWords) list(values string, say func(string) string) string {
	parts := strings.Split(values, ", ")
	for i := range parts {
		parts[i] = say(parts[i])
	}
	return strings.Join(parts, ", ")
}

// rightOr says a right in words; what is none stays as it is.
func (w *auditWords) rightOr(name string) string {
	if slices.Contains(access.Rights(), access.Right(name)) {
		return w.rightWords(access.Right(name))
	}
	return name
}

// role says the name of a role, also of one that a group has ("group: role"); what is none stays as it is.
func (w *auditWords) role(name string) string {
	if group, role, of := strings.Cut(name, ": "); of {
		return group + ": " + w.role(role)
	}
	if slices.Contains(survey.Roles(), survey.Role(name)) {
		return w.T("role_" + name)
	}
	return name
}

// questionnaireOf returns what a wave that an event names asked, if it is there for whoever looks.
func (w *auditWords) questionnaireOf(details map[string]string, side survey.Audience) *survey.Questionnaire {
	wave := w.wave(details[string(side)])
	if wave == nil {
		return nil
	}
	q, err := w.server.fielded.questionnaire(w.context.Request().Context(), wave.Organisation, wave.Version)
	if err != nil {
		return nil // the code says what was looked at, too
	}
	wide, err := q.WithSegments(wave.Segments)
	if err != nil {
		return nil
	}
	return wide
}

// question says a question by its words; "" where nobody knows them any more.
func (w *auditWords) question(code string, details map[string]string) string {
	for _, side := range []survey.Audience{survey.External, survey.Internal} {
		if q := w.questionnaireOf(details, side); q != nil {
			if it, ok := q.Item(survey.ItemCode(code)); ok {
				return it.Text.In(w.Lang)
			}
		}
	}
	return ""
}

// part says a part of one side, which addresses write as "internal:department:it".
func (w *auditWords) part(name string, details map[string]string) string {
	parts := strings.SplitN(name, ":", 3)
	if len(parts) != 3 {
		return name
	}
	q := w.questionnaireOf(details, survey.Audience(parts[0]))
	if q == nil {
		return name
	}
	it, ok := q.Item(survey.ItemCode(parts[1]))
	if !ok {
		return name
	}
	code, rest := strings.CutPrefix(parts[2], "!")
	option, ok := it.Option(survey.OptionCode(code))
	if !ok {
		return name
	}
	answer := it.Options[option].Text.In(w.Lang)
	if rest {
		answer = w.With("all_but", "Answer", answer)
	}
	return it.Text.In(w.Lang) + ": " + answer
}
