package fieldwork

import (
	"net/mail"
	"strings"

	"cxmirror/pkg/survey"
)

// An obstacle is why mail does not reach somebody.
type obstacle string

const (
	reachable    obstacle = ""
	noAddress    obstacle = "address_missing"
	malformed    obstacle = "address_malformed"
	bounced      obstacle = "address_bounced"
	unsubscribed obstacle = "unsubscribed"
)

// obstacles are all of them, the ones that the organisation can do most about first.
func obstacles() []obstacle { return []obstacle{noAddress, malformed, bounced, unsubscribed} }

// obstacleOf returns why mail does not reach a person, as far as it is known before any is sent.
func obstacleOf(person *survey.Person) obstacle {
	switch {
	case person.Address == "":
		return noAddress
	case !validAddress(person.Address):
		return malformed
	case person.Bounced != nil:
		return bounced
	case person.Unsubscribed != nil:
		return unsubscribed
	}
	return reachable
}

// validAddress reports whether a text is one address and nothing else, within the lengths that mail servers take
// (RFC 5321, 4.5.3.1).
func validAddress(address string) bool {
	const longest, longestLocal = 254, 64
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || len(address) > longest {
		return false
	}
	local, domain, _ := strings.Cut(address, "@")
	return len(local) <= longestLocal && !strings.HasPrefix(domain, "[")
}

// audience is whom a plan asks.
type audience struct {
	everybody int // whom the filter fits, also those who are not active
	inactive  int
	people    []survey.Person              // active ones
	without   map[obstacle][]survey.Person // of those, who cannot be reached by mail
	reachable int                          // by one of the ways of the plan
	invited   []survey.Person              // of those, who were drawn
	byMail    int                          // of the invited
}

// audienceOf chooses whom the plan asks among the people of a panel.
func (p *Plan) audienceOf(people []survey.Person, attributes map[string]*panelAttribute) audience {
	a := audience{without: make(map[obstacle][]survey.Person)}
	var reached []survey.Person
	for i := range people {
		person := &people[i]
		if !p.matches(person, attributes) {
			continue
		}
		a.everybody++
		if !person.Active {
			a.inactive++
			continue
		}
		a.people = append(a.people, *person)
		why := obstacleOf(person)
		if why != reachable {
			a.without[why] = append(a.without[why], *person)
		}
		if p.Paper || p.Mail && why == reachable {
			reached = append(reached, *person)
		}
	}
	a.reachable = len(reached)
	if p.OpenOnly {
		return a
	}
	a.invited = sample(reached, p.Sample, p.Seed)
	for i := range a.invited {
		if p.Mail && obstacleOf(&a.invited[i]) == reachable {
			a.byMail++
		}
	}
	return a
}
