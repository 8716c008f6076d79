package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"cxmirror/pkg/access"
	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/web"
)

// fieldworkFlags say how people are reached.
type fieldworkFlags struct {
	Address    string   `placeholder:"URL" help:"Address that people reach the service at, such as https://survey.example.com: links in mails and on paper begin with it. Without it they begin with the address the service listens at."`
	Mail       []string `sep:"none" placeholder:"URL" help:"Server that sends mail: smtp://user:password@host:587?from=Surveys <surveys@example.com>&rate=10/s&connections=5&day=10000, smtps://..., or folder:DIR to write mails as files. Servers on one PostgreSQL that send at the same time share rate and day in equal parts; connections is for each of them. May be given several times; better in the environment, one server a line, where others on the machine cannot read a password."`
	SecretFile string   `placeholder:"FILE" help:"File with the secret that personal links and waiting anonymous answers depend on; made when missing, in --data unless given. All servers on one PostgreSQL need the same one, and a backup is worth little without it."`
}

// tickEvery is how often the service looks for what is due: steps of results, closings, erasures.
const tickEvery = 10 * time.Second

// fielder runs fieldwork behind the pages.
type fielder struct {
	service *fieldwork.Service
	mailer  *fieldwork.Mailer
	access  *access.Service
	db      *store.Store
	now     func() time.Time
	address string // of links
	outbox  string // the folder that mails go to; "" is none
}

// newFielder makes what runs fieldwork. Data is the directory of the secret; listening is where the service answers, and options
// say what users may sign in with.
func (f fieldworkFlags) newFielder(w *world, db *store.Store, data string, listening net.Addr, options access.Options, log *slog.Logger) (*fielder, error) {
	address, err := f.base(listening)
	if err != nil {
		return nil, err
	}
	servers, outbox, err := f.servers()
	if err != nil {
		return nil, err
	}
	secret, err := f.secret(w.ctx, db, data)
	if err != nil {
		return nil, err
	}
	service, err := fieldwork.New(fieldwork.Options{
		Store: db, Secret: secret, Log: log, Now: w.now, Random: rand.Reader, Mails: len(servers) > 0,
	})
	if err != nil {
		return nil, err
	}
	stationery, err := fieldwork.NewStationery()
	if err != nil {
		return nil, err
	}
	mailer, err := fieldwork.NewMailer(fieldwork.MailerOptions{
		Outbox: db, Servers: servers, Stationery: stationery, Base: address, Token: secret.Token, Now: w.now, Random: rand.Reader, Log: log,
		Colours: web.LetterColours(db),
	})
	if err != nil {
		return nil, err
	}
	options.Store, options.Log, options.Now, options.Random = db, log, w.now, rand.Reader
	options.Key, options.Base = secret.AccessKey(), address
	if len(servers) > 0 {
		options.Mail = func(ctx context.Context, letter access.Letter) error {
			return mailer.Notify(ctx, fieldwork.Notice(letter))
		}
	}
	people, err := access.New(options)
	if err != nil {
		return nil, err
	}
	return &fielder{service: service, mailer: mailer, access: people, db: db, now: w.now, address: address, outbox: outbox}, nil
}

// base returns the address that links begin with, without a slash at its end.
func (f fieldworkFlags) base(listening net.Addr) (string, error) {
	if f.Address == "" {
		return "http://" + listening.String(), nil
	}
	address, err := url.Parse(f.Address)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" || address.RawQuery != "" || address.Fragment != "" || address.User != nil {
		return "", usage("%s is %q: it takes an address such as https://survey.example.com", setting("address"), f.Address)
	}
	return strings.TrimSuffix(f.Address, "/"), nil
}

// servers returns the servers that send mail, and the folder that stands for one.
func (f fieldworkFlags) servers() (servers []fieldwork.Server, outbox string, err error) {
	for i, given := range f.Mail {
		for line := range strings.Lines(given) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			server, err := fieldwork.ParseServer(line)
			if err != nil {
				return nil, "", usage("%s, server %d: %v", setting("mail"), i+1, err)
			}
			if folder, ok := server.Folder(); ok {
				outbox = folder
			}
			servers = append(servers, server)
		}
	}
	return servers, outbox, nil
}

// secretPath returns the file of the secret. Data is the directory where it is unless another file is named.
func (f fieldworkFlags) secretPath(data string) string {
	if f.SecretFile != "" {
		return f.SecretFile
	}
	return filepath.Join(data, "secret")
}

// secret returns the secret that the database is used with. One is made where there is none yet; what was made with
// one secret is never gone on with by another.
func (f fieldworkFlags) secret(ctx context.Context, db *store.Store, data string) (fieldwork.Secret, error) {
	file := f.secretPath(data)
	fail := func(err error) (fieldwork.Secret, error) {
		return fieldwork.Secret{}, fmt.Errorf("%s: %w", setting("secret-file"), err)
	}
	_, err := db.SecretFingerprint(ctx)
	used := err == nil
	if err != nil && !errors.Is(err, survey.ErrNotFound) {
		return fail(err)
	}
	if _, err := os.Stat(file); used && errors.Is(err, fs.ErrNotExist) {
		return fail(fmt.Errorf("%s is missing, and this database is used with a secret already, which no new one can stand in for: %s", file, whereSecretsAre+ifItIsLost))
	}
	if f.SecretFile == "" {
		if err := os.MkdirAll(data, 0o700); err != nil {
			return fieldwork.Secret{}, fmt.Errorf("%s %s: %w", setting("data"), data, err)
		}
	}
	secret, err := fieldwork.ReadSecret(file, rand.Reader)
	if err != nil {
		return fail(err)
	}
	err = db.BindSecret(ctx, secret.Fingerprint())
	if errors.Is(err, store.ErrOtherSecret) {
		return fail(fmt.Errorf("%w than that in %s: links in new mails would lead nowhere, and answers of anonymous waves that wait could never be opened; %s", err, file, whereSecretsAre+ifItIsLost))
	}
	if err != nil {
		return fail(err)
	}
	return secret, nil
}

// whereSecretsAre says what to do when the secret is not the one of the database.
const whereSecretsAre = "put the right one there, or name its file; the other servers of this database have it, and so should whoever keeps its backups"

// ifItIsLost says where to look when nobody has it.
const ifItIsLost = "; where it is lost for good, see cxmirror secret --help"

// forgetEvery is how often sessions and links are deleted that work no more.
const forgetEvery = time.Hour

// forget deletes what let somebody in once and does not any more, until the context ends.
func (f *fielder) forget(ctx context.Context, log *slog.Logger) {
	hourly := time.NewTicker(forgetEvery)
	defer hourly.Stop()
	for {
		if err := f.db.DeleteExpiredSessions(ctx, f.now()); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "deleting ended sessions", slog.String("error", err.Error()))
		}
		select {
		case <-hourly.C:
		case <-ctx.Done():
			return
		}
	}
}

// run does what is due and sends mail until the context ends. The function it returns waits for all to have ended:
// mails that were not sent are given back, for whoever runs next.
func (f *fielder) run(ctx context.Context, log *slog.Logger) (wait func()) {
	var work sync.WaitGroup
	work.Go(func() { f.service.Run(ctx, tickEvery) })
	work.Go(func() { f.forget(ctx, log) })
	work.Go(func() {
		if err := f.access.Run(ctx); err != nil {
			log.ErrorContext(ctx, "letters to users", slog.String("error", err.Error()))
		}
	})
	work.Go(func() { watchProvider(ctx, f.access, log) })
	work.Go(func() {
		if err := f.mailer.Run(ctx); err != nil {
			log.ErrorContext(ctx, "sending mail", slog.String("error", err.Error()))
		}
	})
	return work.Wait
}
