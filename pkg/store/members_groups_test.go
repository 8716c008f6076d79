package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestRolesFromGroups(t *testing.T) {
	for name, open := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testRolesFromGroups(t, open(t))
		})
	}
}

func testRolesFromGroups(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	first, second := newOrganisation(t, s, "First"), newOrganisation(t, s, "Second")
	ann := newMember(t, s, first.ID, "ann@example.org", survey.HR)
	set := func(what string, want []survey.OrganisationID, roles ...survey.GroupRole) {
		t.Helper()
		changed, err := s.SetRolesFromGroups(ctx, ann.ID, roles)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, changed); diff != "" {
			t.Errorf("%s: changed (-want +got):\n%s", what, diff)
		}
	}
	wantRoles := func(what string, want map[survey.OrganisationID][]survey.Role) {
		t.Helper()
		memberships, err := s.Memberships(ctx, ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[survey.OrganisationID][]survey.Role)
		for _, m := range memberships {
			got[m.Organisation.ID] = m.Roles
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: roles (-want +got):\n%s", what, diff)
		}
	}
	role := func(o survey.Organisation, r survey.Role) survey.GroupRole {
		return survey.GroupRole{Group: "g", Organisation: o.ID, Role: r}
	}

	set("first sign-in", []survey.OrganisationID{first.ID, second.ID}, role(first, survey.Analyst), role(second, survey.Viewer), role(second, survey.Viewer))
	wantRoles("first sign-in", map[survey.OrganisationID][]survey.Role{first.ID: {survey.HR, survey.Analyst}, second.ID: {survey.Viewer}})
	set("the same again", nil, role(second, survey.Viewer), role(first, survey.Analyst))

	// Somebody adds a role by hand; the one of the group stays the group's.
	if err := s.SetRoles(ctx, second.ID, ann.ID, []survey.Role{survey.Viewer, survey.Consultant}); err != nil {
		t.Fatal(err)
	}
	set("other groups", []survey.OrganisationID{first.ID, second.ID}, role(first, survey.HR))
	wantRoles("other groups", map[survey.OrganisationID][]survey.Role{first.ID: {survey.HR}, second.ID: {survey.Consultant}})
	set("no groups", nil)
	wantRoles("no groups: what was given by hand stays, also where a group gave it later", map[survey.OrganisationID][]survey.Role{first.ID: {survey.HR}, second.ID: {survey.Consultant}})

	// A membership of groups alone ends with them, but an organisation keeps its last owner.
	third := newOrganisation(t, s, "Third")
	set("owner and viewer", []survey.OrganisationID{third.ID}, role(third, survey.Owner), role(third, survey.Viewer))
	set("neither", []survey.OrganisationID{third.ID})
	wantRoles("the last owner", map[survey.OrganisationID][]survey.Role{first.ID: {survey.HR}, second.ID: {survey.Consultant}, third.ID: {survey.Owner}})
	newMember(t, s, third.ID, "bob@example.org", survey.Owner)
	set("with another owner", []survey.OrganisationID{third.ID})
	wantRoles("with another owner", map[survey.OrganisationID][]survey.Role{first.ID: {survey.HR}, second.ID: {survey.Consultant}})

	_, err := s.SetRolesFromGroups(ctx, ann.ID, []survey.GroupRole{{Group: "g", Organisation: third.ID + 1000, Role: survey.Viewer}})
	wantError(t, "an organisation that does not exist", err, survey.ErrNotFound)
	_, err = s.SetRolesFromGroups(ctx, ann.ID+1000, []survey.GroupRole{role(first, survey.Viewer)})
	wantError(t, "a user who does not exist", err, survey.ErrNotFound)
}
