package fieldwork

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

// Options are what a service is made of. All but Mails must be given.
type Options struct {
	Store  *store.Store
	Secret Secret
	Log    *slog.Logger
	Now    func() time.Time
	Random io.Reader // of ids, keys and draws: crypto/rand.Reader, or another that many may read from at once
	Mails  bool      // mail can be sent: a server, or a folder, is set
}

// Service runs fieldwork: it launches waves, takes answers, lets them into the results, closes and erases. Any
// number of them serve one database, if they have the same secret.
type Service struct {
	store    *store.Store
	versions *survey.Versions
	secret   Secret
	log      *slog.Logger
	now      func() time.Time
	random   io.Reader
	mails    bool

	mu    sync.Mutex
	looks map[survey.WaveID]look
}

// New returns a service.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Secret.key == nil || o.Log == nil || o.Now == nil || o.Random == nil {
		return nil, errors.New("fieldwork: a service needs a store, a secret, a log, a clock and randomness")
	}
	return &Service{
		store: o.Store, versions: survey.NewVersions(o.Store), secret: o.Secret, log: o.Log, now: o.Now, random: o.Random, mails: o.Mails,
		looks: make(map[survey.WaveID]look),
	}, nil
}

// Run does what is due, now and again after every pause, until the context ends: answers of protected waves begin
// to count, waves whose time is over are stepped in for good, personal data whose time is over are erased. What
// fails is logged and tried again.
func (s *Service) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := s.Tick(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "fieldwork that was due", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Tick does once what [Service.Run] does again and again. Of several things that fail none keeps the others from
// being done.
func (s *Service) Tick(ctx context.Context) error {
	waves, err := s.store.WavesToRelease(ctx)
	failures := []error{err}
	for i := range waves {
		w := &waves[i]
		if errors.Is(w.Takes(s.now(), 0), survey.ErrClosed) {
			_, err = s.Step(ctx, w.Organisation, w.ID)
		} else {
			err = s.stepIfWorthIt(ctx, w)
		}
		failures = append(failures, err)
	}
	_, err = s.EraseDue(ctx)
	return errors.Join(append(failures, err)...)
}

// CodeOf returns 24 hexadecimal digits that stand for a person, by her key, in files for those who may not know who she
// is. They are the same in every wave of an organisation, so that her answers to two of them can be paired.
func (s *Service) CodeOf(organisation survey.OrganisationID, key string) string {
	return s.secret.codeOfPerson(organisation, key)
}

// newID returns 32 random hexadecimal digits.
func (s *Service) newID() (string, error) {
	var id [16]byte
	if _, err := io.ReadFull(s.random, id[:]); err != nil {
		return "", fmt.Errorf("random bytes: %w", err)
	}
	return hex.EncodeToString(id[:]), nil
}
