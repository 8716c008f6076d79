package fieldwork

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

// How programs on one queue know which of them live. One that is dead is found within eight seconds. One that
// cannot say that it lives stops to send before others take its mails; only what it is sending at that moment may
// be sent by another, too.
const (
	beatEvery = time.Second     // how often a program with claims says that it lives, and looks at the others
	deadAfter = 7               // looks, one beatEvery apart, without a beat since the first of them
	trustFor  = 4 * time.Second // after its last beat a program takes its claims for its own; less than deadAfter looks
)

// presence keeps the claims of a Mailer alive, and frees those of programs that ended without a word. A program is
// a sender, under an id of its own, from its first claim until it had nothing to send for a while.
//
// Looks are counted, not the time between them: a database that did not answer for a while, or a machine that
// slept, kills nobody.
type presence struct {
	outbox Outbox
	now    func() time.Time
	log    *slog.Logger
	freed  func()    // another's claims are free
	share  func(int) // so many programs send at the moment, with this one

	mu     sync.Mutex
	self   survey.SenderID // 0 is none
	beaten time.Time       // when the database last heard of self
	held   int             // mails that self has claimed and not settled, and claims that are being made
	empty  bool            // the queue was, at the last claim: who waits for a server's limit stays a sender
	busy   time.Time       // when held was last above 0
	seen   map[survey.SenderID]sighting
}

// sighting is what was seen of another sender.
type sighting struct {
	beats int64
	looks int // since its beats went on
}

// run beats and looks until the context ends.
func (p *presence) run(ctx context.Context) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(ctx, deadAfter*beatEvery) // a connection may be dead and not know it
		p.beat(asking)
		p.look(asking)
		cancel()
		pause(ctx, beatEvery)
	}
}

// beat says that this program lives, or leaves the senders when it had nothing to send for a while.
func (p *presence) beat(ctx context.Context) {
	at := p.now()
	p.mu.Lock()
	self := p.self
	if p.held > 0 {
		p.busy = at
	}
	idle := self != 0 && p.empty && at.Sub(p.busy) > idleFor
	if idle { // a claim from now on is made by another id
		p.self = 0
	}
	p.mu.Unlock()
	switch {
	case self == 0:
		return
	case idle:
		if err := p.outbox.LeaveSenders(ctx, self); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "a sender of mail cannot leave; others will find it dead", "sender", self, "error", err)
		}
		return
	}
	err := p.outbox.BeatSender(ctx, self)
	if errors.Is(err, survey.ErrNotFound) {
		p.lost(ctx, self)
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			p.log.WarnContext(ctx, "the queue of mails cannot be told that this program lives", "sender", self, "error", err)
		}
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.self == self {
		p.beaten = at
	}
}

// lost forgets a sender that others took for dead.
func (p *presence) lost(ctx context.Context, self survey.SenderID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.self != self {
		return
	}
	p.self, p.held = 0, 0
	p.log.WarnContext(ctx, "another program took this one for dead and sends the mails it had claimed", "sender", self)
}

// look looks at the other senders, and deletes those that are dead.
func (p *presence) look(ctx context.Context) {
	senders, err := p.outbox.Senders(ctx)
	if err != nil {
		if ctx.Err() == nil {
			p.log.WarnContext(ctx, "the senders of mail cannot be read", "error", err)
		}
		return
	}
	living := 1
	seen := make(map[survey.SenderID]sighting, len(senders))
	for _, other := range senders {
		if other.ID == p.sender() {
			continue
		}
		sight, known := p.seen[other.ID]
		if !known || sight.beats != other.Beats {
			sight = sighting{beats: other.Beats}
		} else {
			sight.looks++
		}
		if sight.looks < deadAfter {
			seen[other.ID] = sight
			living++
			continue
		}
		switch err := p.outbox.DropSender(ctx, other); {
		case err == nil:
			p.log.InfoContext(ctx, "a program that sent mail is gone; what it had claimed goes on", "sender", other.ID)
			p.freed()
		case !errors.Is(err, survey.ErrConflict) && ctx.Err() == nil:
			p.log.WarnContext(ctx, "a program that sent mail is gone, and what it had claimed cannot be freed yet", "sender", other.ID, "error", err)
			seen[other.ID] = sight
		}
	}
	p.seen = seen // of this goroutine alone
	p.share(living)
}

// sender returns under which id this program is a sender; 0 is none.
func (p *presence) sender() survey.SenderID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.self
}

// trusted reports whether what a sender has claimed is its own for sure.
func (p *presence) trusted(sender survey.SenderID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sender != 0 && sender == p.self && p.now().Sub(p.beaten) <= trustFor
}

// begin makes this program a sender, if it is none, that is about to claim. Whoever begins ends with claimed. It is
// called by one goroutine at a time.
func (p *presence) begin(ctx context.Context) (survey.SenderID, error) {
	p.mu.Lock()
	self := p.self
	if self != 0 {
		p.held++
	}
	p.mu.Unlock()
	if self != 0 {
		return self, nil
	}
	at := p.now()
	self, err := p.outbox.JoinSenders(ctx)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.self, p.held, p.empty, p.beaten, p.busy = self, 1, false, at, at
	return self, nil
}

// claimed notes how many mails a sender has claimed after begin.
func (p *presence) claimed(sender survey.SenderID, mails int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sender == p.self {
		p.held += mails - 1
		p.empty = mails == 0
	}
}

// settled notes that a sender has settled mails, or given them back.
func (p *presence) settled(sender survey.SenderID, mails int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if sender == p.self {
		p.held -= mails
		p.busy = p.now()
	}
}

// leave ends this program's being a sender: all that it has claimed is free.
func (p *presence) leave(ctx context.Context) error {
	p.mu.Lock()
	self := p.self
	p.self = 0
	p.mu.Unlock()
	if self == 0 {
		return nil
	}
	return p.outbox.LeaveSenders(ctx, self)
}
