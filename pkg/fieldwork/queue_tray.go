package fieldwork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

// tray holds the few mails that were claimed and wait for a connection. It is shared by all lines.
type tray struct {
	outbox Outbox
	now    func() time.Time
	log    *slog.Logger
	lease  time.Duration
	hold   time.Duration
	batch  int // mails claimed at once

	mu    sync.Mutex
	mails []claimed
	empty time.Time     // until then the queue is taken to be empty
	woken chan struct{} // closed when there may be mails again
}

// claimed is a mail and when it was claimed.
type claimed struct {
	survey.Mail

	at time.Time
}

// take returns a mail to be sent, and claims more where there is none. Those that waited so long that their claim
// might end while they are sent are given back.
func (t *tray) take(ctx context.Context) (claimed, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var stale []claimed
	for len(t.mails) > 0 && now.Sub(t.mails[0].at) > t.hold {
		stale = append(stale, t.mails[0])
		t.mails = t.mails[1:]
	}
	if len(stale) > 0 {
		if err := t.release(ctx, stale); err != nil && ctx.Err() == nil {
			t.log.WarnContext(ctx, "mails cannot be given back; they wait until their claim ends", "mails", len(stale), "error", err)
		}
	}
	if len(t.mails) == 0 && !now.Before(t.empty) {
		t.claim(ctx)
	}
	if len(t.mails) == 0 {
		return claimed{}, false
	}
	first := t.mails[0]
	t.mails = t.mails[1:]
	return first, true
}

func (t *tray) claim(ctx context.Context) {
	at := t.now() // before the claim, so that it never seems younger than it is
	mails, err := t.outbox.ClaimMails(ctx, at, t.lease, t.batch)
	if err != nil && ctx.Err() == nil {
		t.log.ErrorContext(ctx, "the queue of mails cannot be read", "error", err)
	}
	for _, mail := range mails {
		t.mails = append(t.mails, claimed{Mail: mail, at: at})
	}
	if len(mails) == 0 {
		t.empty = t.now().Add(pollEvery)
	}
}

// put puts back a mail that was taken and not tried.
func (t *tray) put(mail claimed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mails = append([]claimed{mail}, t.mails...)
}

// wake lets all that wait look again.
func (t *tray) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.empty = time.Time{}
	close(t.woken)
	t.woken = make(chan struct{})
}

// wait waits until there may be mails.
func (t *tray) wait(ctx context.Context, atMost time.Duration) {
	t.mu.Lock()
	woken := t.woken
	t.mu.Unlock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-woken:
	}
}

// giveBack gives all mails back that were not tried.
func (t *tray) giveBack(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.mails) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.release(ctx, t.mails); err != nil {
		return fmt.Errorf("mails cannot be given back; they wait until their claim ends: %w", err)
	}
	t.mails = nil
	return nil
}

// release gives mails back unsent. Those that were erased meanwhile are no trouble.
func (t *tray) release(ctx context.Context, mails []claimed) error {
	byOrganisation := make(map[survey.OrganisationID][]int64)
	for _, mail := range mails {
		byOrganisation[mail.Person.Organisation] = append(byOrganisation[mail.Person.Organisation], mail.ID)
	}
	var failures []error
	for _, organisation := range slices.Sorted(maps.Keys(byOrganisation)) {
		err := t.outbox.ReleaseMails(ctx, organisation, byOrganisation[organisation], t.now())
		if !errors.Is(err, survey.ErrNotFound) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
