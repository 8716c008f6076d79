package web

import (
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// organisationOf returns the organisation that whoever sent a request works for. What pages of the workbench read
// and change is that organisation's alone.
func (s *Server) organisationOf(_ echo.Context) survey.OrganisationID {
	return survey.DefaultOrganisation
}
