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
	here   *presence
	hold   time.Duration
	batch  int // mails claimed at once

	mu    sync.Mutex
	mails []claimed
	empty time.Time     // until then the queue is taken to be empty
	woken chan struct{} // closed when there may be mails again
}

// claimed is a mail, who claimed it, and when.
type claimed struct {
	survey.Mail

	by survey.SenderID
	at time.Time
}

// take returns a mail to be sent, and claims more where there is none. Those that waited long are given back:
// another program may have a server that is free. Those whose claim may have ended are left to whoever has them.
func (t *tray) take(ctx context.Context) (claimed, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	self := t.here.sender()
	t.mails = slices.DeleteFunc(t.mails, func(mail claimed) bool { return mail.by != self })
	stale := 0
	for stale < len(t.mails) && now.Sub(t.mails[stale].at) > t.hold {
		stale++
	}
	if stale > 0 && !t.release(ctx, self, t.mails[:stale]) {
		return claimed{}, false
	}
	t.mails = t.mails[stale:]
	if len(t.mails) == 0 && !now.Before(t.empty) {
		t.claim(ctx)
	}
	if len(t.mails) == 0 || !t.here.trusted(t.mails[0].by) {
		return claimed{}, false
	}
	first := t.mails[0]
	t.mails = t.mails[1:]
	return first, true
}

// release gives mails back, and reports whether they are. Those that were erased meanwhile are no trouble.
func (t *tray) release(ctx context.Context, by survey.SenderID, mails []claimed) bool {
	byOrganisation := make(map[survey.OrganisationID][]int64)
	for _, mail := range mails {
		byOrganisation[mail.Person.Organisation] = append(byOrganisation[mail.Person.Organisation], mail.ID)
	}
	for _, organisation := range slices.Sorted(maps.Keys(byOrganisation)) {
		err := t.outbox.ReleaseMails(ctx, organisation, by, byOrganisation[organisation], t.now())
		if err != nil && !errors.Is(err, survey.ErrNotFound) {
			if ctx.Err() == nil {
				t.log.WarnContext(ctx, "mails cannot be given back now", "mails", len(mails), "error", err)
			}
			return false
		}
	}
	t.here.settled(by, len(mails))
	return true
}

func (t *tray) claim(ctx context.Context) {
	at := t.now() // before the claim, so that it never seems younger than it is
	mails, by, err := t.claimAs(ctx, at)
	if err != nil && ctx.Err() == nil {
		t.log.ErrorContext(ctx, "the queue of mails cannot be read", "error", err)
	}
	for _, mail := range mails {
		t.mails = append(t.mails, claimed{Mail: mail, by: by, at: at})
	}
	if len(mails) == 0 {
		t.empty = t.now().Add(pollEvery)
	}
}

// claimAs claims mails under the id of this program.
func (t *tray) claimAs(ctx context.Context, at time.Time) ([]survey.Mail, survey.SenderID, error) {
	if t.here.sender() == 0 { // nobody becomes a sender, and beats, for an empty queue
		wait, err := t.outbox.MailsWait(ctx, at)
		if err != nil || !wait {
			return nil, 0, err
		}
	}
	by, err := t.here.begin(ctx)
	if err != nil {
		return nil, 0, err
	}
	mails, err := t.outbox.ClaimMails(ctx, by, at, t.batch)
	t.here.claimed(by, len(mails))
	if errors.Is(err, survey.ErrConflict) { // by another id the next time
		t.here.lost(ctx, by)
		return nil, 0, nil
	}
	return mails, by, err
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.here.leave(ctx); err != nil {
		return fmt.Errorf("mails cannot be given back; they wait until this program is found to be gone: %w", err)
	}
	t.mails = nil
	return nil
}
