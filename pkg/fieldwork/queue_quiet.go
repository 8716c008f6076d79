package fieldwork

import (
	"time"

	"cxmirror/pkg/survey"
)

// zoneOf returns the time zone in which a wave's dates are read and its hours are quiet; UTC where it names none
// that is known.
func zoneOf(w survey.Wave) *time.Location {
	zone, err := time.LoadLocation(w.TimeZone) // "" is UTC
	if err != nil {
		return time.UTC
	}
	return zone
}

// SentFrom returns the first moment at or after a given one at which mails of a wave may go out: the end of its
// quiet hours where the given one lies in them, in the wave's time zone, and else the given one itself. later
// tells whether it is later.
func SentFrom(w survey.Wave, at time.Time) (from time.Time, later bool) {
	if end, quiet := quietUntil(w, at); quiet {
		return end, true
	}
	return at, false
}

// quietUntil returns when the quiet hours end that a moment lies in, and whether it lies in any. Hours are those
// that the clocks of the wave's time zone show: on the day on which they are put forward the night is an hour
// shorter, and if the hour at which quiet ends is the one that is left out, quiet ends at the leap.
func quietUntil(w survey.Wave, now time.Time) (time.Time, bool) {
	from, until := w.QuietFrom, w.QuietUntil
	if from == until {
		return time.Time{}, false
	}
	local := now.In(zoneOf(w))
	hour := local.Hour()
	quiet := hour >= from && hour < until
	if from > until { // over midnight
		quiet = hour >= from || hour < until
	}
	if !quiet {
		return time.Time{}, false
	}
	days := 0
	if hour >= until { // the end is tomorrow
		days = 1
	}
	end := time.Date(local.Year(), local.Month(), local.Day()+days, until, 0, 0, 0, local.Location())
	if end.Hour() != until%24 {
		// There is no such hour today. time.Date has gone by the offset of one side of the leap: the leap itself is the
		// first moment whose clocks show a later hour than the one left out.
		end = leap(end.Add(-3*time.Hour), end.Add(3*time.Hour))
	}
	// The hour that clocks show twice in autumn ends quiet the first time it comes. In its second run the moment is
	// behind the end, and mails go out: they did an hour ago.
	if !end.After(now) {
		return time.Time{}, false
	}
	return end, true
}

// leap returns the moment between two at which the offset of their zone changes, to the second.
func leap(from, to time.Time) time.Time {
	_, before := from.Zone()
	for to.Sub(from) > time.Second {
		middle := from.Add(to.Sub(from) / 2)
		if _, offset := middle.Zone(); offset == before {
			from = middle
		} else {
			to = middle
		}
	}
	return to.Truncate(time.Second)
}
