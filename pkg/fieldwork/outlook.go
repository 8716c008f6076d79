package fieldwork

import (
	"fmt"

	"cxmirror/pkg/findings"
	"cxmirror/pkg/stats"
	"cxmirror/pkg/survey"
)

// Outlook is how sure results will be if a certain part of those invited answer.
type Outlook struct {
	Rate    float64 // who answers, of those invited
	Answers int     // that is so many
	Against int     // answers of the wave that they will be set against; 0 is none

	Item   survey.ItemCode // the list it was worked out for: the first that can be ranked
	Share  float64         // an option of the list that so many choose
	Family int             // options of the list

	Margin      float64 // half the width of the 95 % interval of that share
	Detectable  float64 // the smallest difference that would be seen of one option alone, as a share; 0: nothing to compare with, above 1: none
	Corrected   float64 // the same when all options of the list are looked at, as results do
	Practically bool    // a difference of no more than 10 points could be shown to be none
}

// rates are the parts of those invited for which the outlook is worked out.
func rates() []float64 { return []float64{0.3, 0.6, 0.8} }

// outlook works out how sure results will be, by the same methods that results are judged by later.
func outlook(q *survey.Questionnaire, invited, against int) ([]Outlook, error) {
	item, share, family, ok := typical(q)
	if !ok || invited < 1 {
		return nil, nil
	}
	settings := findings.Settings{}.WithDefaults()
	var all []Outlook
	for _, rate := range rates() {
		answers := int(rate*float64(invited) + 0.5)
		if answers < 1 {
			continue
		}
		n := float64(answers)
		o := Outlook{Rate: rate, Answers: answers, Against: against, Item: item.Code, Share: share, Family: family}
		interval, err := stats.Wilson(share*n, n, settings.Level)
		if err != nil {
			return nil, fmt.Errorf("expected uncertainty: %w", err)
		}
		o.Margin = (interval.High - interval.Low) / 2
		if against > 0 {
			m := float64(against)
			if o.Detectable, err = stats.DetectableDifference(share, m, n, settings.Level, findings.Power, 1); err != nil {
				return nil, fmt.Errorf("expected uncertainty: %w", err)
			}
			if o.Corrected, err = stats.DetectableDifference(share, m, n, settings.Level, findings.Power, family); err != nil {
				return nil, fmt.Errorf("expected uncertainty: %w", err)
			}
			same, err := stats.NewcombeDifference(stats.Proportion{Successes: share * n, Trials: n}, stats.Proportion{Successes: share * m, Trials: m}, 1-2*(1-settings.Level))
			if err != nil {
				return nil, fmt.Errorf("expected uncertainty: %w", err)
			}
			o.Practically = same.Within(settings.Margin)
		}
		all = append(all, o)
	}
	return all, nil
}

// typical returns the list that the outlook is worked out for, and the share that a typical option of it gets:
// of ten options of which three can be picked, three tenths; of what is rated, half.
func typical(q *survey.Questionnaire) (item *survey.Item, share float64, family int, ok bool) {
	for i := range q.Items {
		item = &q.Items[i]
		if !item.Ranked() {
			continue
		}
		options := item.Options
		if item.Kind == survey.Rating {
			options = item.Rows
		}
		family = 0
		for _, o := range options {
			if o.Ranked() {
				family++
			}
		}
		if family == 0 {
			continue
		}
		switch item.Kind {
		case survey.Multi:
			share = float64(item.Max) / float64(family)
		case survey.Rank:
			share = float64(findings.Settings{}.WithDefaults().Top) / float64(family)
		case survey.Rating, survey.Single, survey.Number, survey.NPS, survey.Text, survey.Matrix:
			share = 0.5
		}
		if share > 0.9 { // of two options both can be picked: what is chosen by all says nothing
			share = 0.5
		}
		return item, share, family, true
	}
	return nil, 0, 0, false
}
