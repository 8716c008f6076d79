package fieldwork

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/survey"
)

// BounceBook is where bounces are written down. *store.Store is one.
type BounceBook interface {
	// NoteBounce notes that a mail to an address came back, and returns how many people of the panel have it.
	NoteBounce(ctx context.Context, organisation survey.OrganisationID, address string, permanent bool, reason, messageID string, now time.Time) (people int, err error)
}

// BouncesNoted counts what came of an import of bounces.
type BouncesNoted struct {
	Permanent int // addresses that get no more mail
	Transient int // mails that did not arrive; the next may
	Delayed   int // mails that a server still tries: nothing was noted
	Unknown   int // addresses that nobody in the panel has
}

// NoteBounces notes bounces as they are read from a file. Those who got an address that refuses mail for good are
// sent no more, in this wave and others, until their address changes. It stops at the first error; what was
// noted stays noted, and noting it again changes nothing. Whether the file was read to its end, who opened it asks.
func NoteBounces(ctx context.Context, book BounceBook, organisation survey.OrganisationID, bounces iter.Seq[exchange.Bounce], now time.Time) (BouncesNoted, error) {
	var noted BouncesNoted
	for bounce := range bounces {
		if bounce.Kind == exchange.BounceDelayed {
			noted.Delayed++
			continue
		}
		permanent := bounce.Kind == exchange.BouncePermanent
		people, err := book.NoteBounce(ctx, organisation, bounce.Address, permanent, reasonOf(bounce), strings.Trim(bounce.MessageID, "<> "), now)
		switch {
		case errors.Is(err, survey.ErrNotFound), err == nil && people == 0:
			noted.Unknown++
		case err != nil:
			return noted, fmt.Errorf("bounces, line %d: %w", bounce.Line, err)
		case permanent:
			noted.Permanent++
		default:
			noted.Transient++
		}
	}
	return noted, nil
}

// reasonOf says in one line why a mail came back.
func reasonOf(b exchange.Bounce) string {
	reason := tidy(b.Diagnostic)
	if b.Status != "" && !strings.Contains(reason, b.Status) {
		reason = strings.TrimSpace(b.Status + " " + reason)
	}
	if reason == "" {
		reason = noReason
	}
	return reason
}
