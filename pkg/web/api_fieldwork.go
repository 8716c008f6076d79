package web

import (
	"cmp"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/survey"
)

// fieldworkOperations are how waves go.
func (s *Server) fieldworkOperations() []operation {
	finished, rate := 64, 0.8
	return []operation{
		answering(s, huma.Operation{
			OperationID: "show-fieldwork", Method: http.MethodGet, Path: "/waves/{id}/fieldwork", Tags: []string{"Fieldwork"}, Summary: "How a wave goes",
			Description: "The figures of the fieldwork page: how many were invited, started and finished, by group as far as that tells of enough people, day by day, and how many will have finished in the end.",
			Responses: or(answered(http.StatusOK, "How it goes.", apiFieldwork{
				Wave: 7, Life: "open", Counts: apiCounts{Started: 120, Complete: 96, Counted: 90, LastDay: new("2027-03-14")},
				Invited: &apiInvited{Invited: 200, Sent: 198, Started: 118, Finished: 94, Failed: 2, Unsubscribed: 1, Others: 2},
				Rates: []apiRates{{Segment: "department", Name: "Department", Groups: []apiRate{
					{Value: "v1", Name: "Sales", Invited: 80, Finished: &finished, Rate: &rate}, {Value: "v2", Name: "Legal", Invited: 6, Withheld: true},
				}}},
				Days:      []apiDay{{Day: "2027-03-13", Invited: 200, Finished: 60, All: 60}, {Day: "2027-03-14", Finished: 36, All: 96}},
				Projected: &apiProjection{TooEarly: new(string(fieldwork.TooFewDays))},
			}), http.StatusNotFound, "The organisation has no such wave."),
		}, s.showFieldworkByAPI),
	}
}

// apiFieldwork is how a wave goes.
type apiFieldwork struct {
	Wave      survey.WaveID  `json:"wave" doc:"Of the wave."`
	Life      string         `json:"life" enum:"draft,soon,open,full,over,closed" doc:"Whether it takes answers right now, and if not, why."`
	Counts    apiCounts      `json:"counts" doc:"How many people answer, invited or not."`
	Invited   *apiInvited    `json:"invited,omitempty" doc:"How far those invited are; left out of a wave that nobody is invited to."`
	Rates     []apiRates     `json:"rates" nullable:"false" doc:"How many have finished, by group."`
	Days      []apiDay       `json:"days" nullable:"false" doc:"Every day since the launch, in UTC, the first one first."`
	Projected *apiProjection `json:"projected,omitempty" doc:"How many will have finished in the end; left out of a wave that takes no answers."`
}

type apiInvited struct {
	Invited      int  `json:"invited" doc:"People who are invited."`
	Sent         int  `json:"sent" doc:"Those whose invitation was sent."`
	Opened       *int `json:"opened,omitempty" doc:"Those who opened it; left out where that is not noted."`
	Started      int  `json:"started" doc:"Those who began."`
	Finished     int  `json:"finished" doc:"Those who finished."`
	Failed       int  `json:"failed" doc:"Those whom mail does not reach."`
	Unsubscribed int  `json:"unsubscribed" doc:"Those who want no mail."`
	Others       int  `json:"others" doc:"People who finished without an invitation."`
}

type apiRates struct {
	Segment survey.ItemCode `json:"segment" doc:"The code of the segment."`
	Name    string          `json:"name" doc:"What it is called."`
	Groups  []apiRate       `json:"groups" nullable:"false" doc:"Its values, in the order of the segment."`
}

type apiRate struct {
	Value    survey.OptionCode `json:"value" doc:"The code of the value; empty for those of whom the panel says nothing."`
	Name     string            `json:"name" doc:"What it is called."`
	Invited  int               `json:"invited" doc:"People of the group who are invited."`
	Finished *int              `json:"finished" doc:"Those who finished; null where that is withheld."`
	Rate     *float64          `json:"rate" minimum:"0" maximum:"1" doc:"Their share; null where that is withheld."`
	Withheld bool              `json:"withheld" doc:"It would tell of too few people, or let another group be worked out."`
}

type apiDay struct {
	Day      string `json:"day" format:"date" doc:"The day."`
	Invited  int    `json:"invited" doc:"Invitations sent on it."`
	Finished int    `json:"finished" doc:"People who finished on it."`
	All      int    `json:"all" doc:"People who have finished up to its end."`
}

type apiProjection struct {
	TooEarly *string `json:"too_early" enum:"too_few_days,too_few_answers,not_slowing" doc:"Why nothing can be said yet; null if something can."`
	Expected *int    `json:"expected" doc:"How many will have finished; null if nothing can be said yet."`
	Low      *int    `json:"low" doc:"Of its 95 % interval."`
	High     *int    `json:"high" doc:"Of its 95 % interval."`
	Method   string  `json:"method" doc:"How it is estimated; empty if it is not."`
}

type apiFieldworkOut struct{ Body apiFieldwork }

func (s *Server) showFieldworkByAPI(c echo.Context, in *APIWave) (*apiFieldworkOut, error) {
	wave, err := s.waveByID(c, in.ID)
	if err != nil {
		return nil, err
	}
	at, err := s.standing(c.Request().Context(), &wave)
	if err != nil {
		return nil, err
	}
	body := apiFieldwork{
		Wave: wave.ID, Life: at.life, Counts: apiCounts{at.counts.Started, at.counts.Complete, at.counts.Counted, dayOf(at.counts.Last)},
		Invited: invitedOf(&wave, at), Rates: []apiRates{}, Days: []apiDay{}, Projected: projectionOf(at),
	}
	for i := range at.rates {
		body.Rates = append(body.Rates, describeRates(&at.rates[i]))
	}
	for _, d := range at.course.days {
		body.Days = append(body.Days, apiDay{Day: d.Day, Invited: d.Invited, Finished: d.Finish, All: d.All})
	}
	return &apiFieldworkOut{body}, nil
}

// invitedOf tells how far those invited are; nil if nobody is.
func invitedOf(w *survey.Wave, at *standing) *apiInvited {
	all := &at.invited
	if all.Invited == 0 {
		return nil
	}
	told := &apiInvited{
		Invited: all.Invited, Sent: all.Reached, Started: all.Started, Finished: all.Finished, Failed: all.Failed,
		Unsubscribed: all.Unsubscribed, Others: at.others,
	}
	if w.Tracks {
		told.Opened = &all.Opened
	}
	return told
}

func describeRates(of *segmentRates) apiRates {
	told := apiRates{Segment: of.segment.Code, Name: cmp.Or(of.segment.Text.In(survey.English), string(of.segment.Code)), Groups: []apiRate{}}
	for i := range of.rates {
		rate := &of.rates[i]
		group := apiRate{Value: of.values[i], Name: of.nameOf(of.values[i], survey.English), Invited: rate.Invited, Withheld: rate.Withheld}
		if !rate.Withheld {
			group.Finished, group.Rate = &rate.Finished, new(float64(rate.Finished)/float64(rate.Invited))
		}
		told.Groups = append(told.Groups, group)
	}
	return told
}

// projectionOf tells how many will have finished; nil of a wave that takes no answers.
func projectionOf(at *standing) *apiProjection {
	o := at.course
	switch {
	case !o.running:
		return nil
	case o.early != fieldwork.NotEarly:
		return &apiProjection{TooEarly: new(string(o.early))}
	}
	return &apiProjection{Expected: &o.chart.Expected, Low: &o.chart.Low, High: &o.chart.High, Method: o.method}
}
