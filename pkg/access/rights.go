// Package access says who may do what, and finds out who somebody is.
//
// A user signs in once and works in one or several organisations; in each she has one or several roles, and a role is
// nothing but a column of the table in this file. Whoever runs the instance is its administrator, which is no role in
// any organisation and shows no answers. A program has a token, whose rights are at most those of who made it.
//
// The package knows no pages: package web asks it before every page and every operation of the API. The one it talks
// HTTP to is a provider of single sign-on.
package access

import (
	"slices"

	"cxmirror/pkg/survey"
)

// Right is leave to do one kind of thing in an organisation.
type Right string

// The rights.
const (
	SeeWaves       Right = "waves.see"        // what is asked, of whom, when, and how many have answered
	EditWaves      Right = "waves.edit"       // make, open, close and change waves and questionnaires; raise thresholds
	Launch         Right = "fieldwork.launch" // the path to a launch, letters, what is sent and to whom
	SeeFieldwork   Right = "fieldwork.see"    // how it goes, by groups that may be shown
	SeePeople      Right = "people.see"       // names and addresses of the panel
	EditPeople     Right = "people.edit"      // import, change, deactivate, erase
	SeeResults     Right = "results.see"      // everything above the thresholds
	ExportResults  Right = "results.export"   // the same as files
	ExportAnswers  Right = "answers.export"   // rows of answers, as far as what was promised allows
	ImportAnswers  Right = "answers.import"   // rows of answers from files
	SeeComments    Right = "comments.see"     // what people wrote, above its own threshold
	ReviewComments Right = "comments.review"  // what may name somebody, before others see it
	SaveViews      Right = "views.save"       // name views of results, and say who may see them
	SeeViews       Right = "views.see"        // the views that were named to her
	Manage         Right = "organisation.manage"
	ManageMembers  Right = "members.manage"
	ManageTokens   Right = "tokens.manage"
	SeeAudit       Right = "audit.see"

	// Administer is of the instance, not of an organisation: no role has it, administrators do.
	Administer Right = "instance.administer"
)

// table says what each role may do. Nobody may do what has no row.
var table = map[Right][]survey.Role{ //nolint:gochecknoglobals // the table is the point of the package; nothing changes it
	//                OWNER         HR         ANALYST         CONSULTANT         VIEWER
	SeeWaves:       {survey.Owner, survey.HR, survey.Analyst, survey.Consultant},
	EditWaves:      {survey.Owner, survey.HR},
	Launch:         {survey.Owner, survey.HR},
	SeeFieldwork:   {survey.Owner, survey.HR, survey.Analyst, survey.Consultant},
	SeePeople:      {survey.Owner, survey.HR},
	EditPeople:     {survey.Owner, survey.HR},
	SeeResults:     {survey.Owner, survey.HR, survey.Analyst, survey.Consultant},
	ExportResults:  {survey.Owner, survey.HR, survey.Analyst, survey.Consultant},
	ExportAnswers:  {survey.Owner, survey.Analyst, survey.Consultant},
	ImportAnswers:  {survey.Owner, survey.Analyst, survey.Consultant},
	SeeComments:    {survey.Owner, survey.Analyst, survey.Consultant},
	ReviewComments: {survey.Owner, survey.HR},
	SaveViews:      {survey.Owner, survey.Analyst, survey.Consultant},
	SeeViews:       {survey.Owner, survey.HR, survey.Analyst, survey.Consultant, survey.Viewer},
	Manage:         {survey.Owner},
	ManageMembers:  {survey.Owner},
	ManageTokens:   {survey.Owner},
	SeeAudit:       {survey.Owner},
}

// Rights returns every right that a role can have, in alphabetical order.
func Rights() []Right {
	rights := make([]Right, 0, len(table))
	for r := range table {
		rights = append(rights, r)
	}
	slices.Sort(rights)
	return rights
}

// May reports whether any of the roles has the right.
func May(roles []survey.Role, right Right) bool {
	return slices.ContainsFunc(table[right], func(r survey.Role) bool { return slices.Contains(roles, r) })
}
