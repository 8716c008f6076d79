package access

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"strings"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

//go:embed letters
var letterFiles embed.FS

// Letter is what the service writes to one of its users about her account.
type Letter struct {
	Address  string
	Name     string // may be ""
	Language survey.Language
	Subject  string // one line
	Text     string // lines parted by "\n"
	HTML     string // a whole document that loads nothing
}

// letterKind is the beginning of the phrases of a letter.
type letterKind string

const (
	letterInvitation    letterKind = "invitation"     // choose a password
	letterAccount       letterKind = "account"        // the same, of who works nowhere yet
	letterAdded         letterKind = "added"          // she has a password, and now one more organisation
	letterReset         letterKind = "reset"          // choose another password
	letterElsewhere     letterKind = "elsewhere"      // she has no password here
	letterPassword      letterKind = "password"       // it was changed
	letterFactorAdded   letterKind = "factor_added"   // and so was the second factor
	letterFactorRemoved letterKind = "factor_removed" // or it was taken away
)

// How letters are sent.
const (
	maxPost     = 1000 // letters and other work that waits
	postmen     = 4    // letters at a time
	letterTries = 3
	retryAfter  = 20 * time.Second // and then three times as long
	postWithin  = 10 * time.Second // to send what waits when the service ends
)

// post writes letters and sends them outside of requests, so that how long a page takes says nothing about who has
// an account. What waits is in memory: of a service that is killed it is lost, and asked for again.
type post struct {
	mail    func(context.Context, Letter) error // nil: none is sent
	log     *slog.Logger
	base    string
	phrases *survey.Phrases
	page    *template.Template
	work    chan func(context.Context)
}

func newPost(mail func(context.Context, Letter) error, log *slog.Logger, base string) (*post, error) {
	phrases, err := survey.LoadPhrases(letterFiles, "letters")
	if err != nil {
		return nil, fmt.Errorf("phrases of letters: %w", err)
	}
	page, err := template.ParseFS(letterFiles, "letters/letter.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("layout of letters: %w", err)
	}
	return &post{mail: mail, log: log, base: base, phrases: phrases, page: page, work: make(chan func(context.Context), maxPost)}, nil
}

// later does something while the service runs, and reports whether it will: not when too much waits.
func (p *post) later(do func(context.Context)) (queued bool) {
	select {
	case p.work <- do:
		return true
	default:
		return false
	}
}

// run works until the context ends, and then for a little while on what waits.
func (p *post) run(ctx context.Context) error {
	finishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(postWithin, stop) })()
	var men sync.WaitGroup
	for range postmen {
		men.Go(func() {
			for ctx.Err() == nil {
				select {
				case do := <-p.work:
					do(finishing)
				case <-ctx.Done():
				}
			}
			p.finish(finishing)
		})
	}
	men.Wait()
	return nil
}

// finish does what waits.
func (p *post) finish(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case do := <-p.work:
			do(ctx)
		default:
			return
		}
	}
}

// send writes a letter and has it sent later. It reports whether it will be.
func (p *post) send(ctx context.Context, to survey.User, kind letterKind, told survey.Args) bool {
	if p.mail == nil {
		return false
	}
	letter, err := p.write(to, kind, told)
	if err == nil && !p.later(func(ctx context.Context) { p.deliver(ctx, letter, kind, to.ID) }) {
		err = fmt.Errorf("%d letters wait already", maxPost)
	}
	if err != nil {
		p.log.ErrorContext(ctx, "a letter was not sent", "letter", string(kind), "user", to.ID, "error", err)
		return false
	}
	return true
}

// deliver sends a letter, again after a while if need be.
func (p *post) deliver(ctx context.Context, letter Letter, kind letterKind, to survey.UserID) {
	wait := retryAfter
	for try := 1; ; try++ {
		err := p.mail(ctx, letter)
		if err == nil {
			return
		}
		if try == letterTries || ctx.Err() != nil {
			p.log.ErrorContext(ctx, "a letter was not sent", "letter", string(kind), "user", to, "tries", try, "error", err)
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait *= 3
	}
}

// letterPage is what the layout shows.
type letterPage struct {
	Language    survey.Language
	Subject     string
	Paragraphs  []string
	Link        string // of the button; "" is none
	Button      string
	CopyAddress string
	After       []string // paragraphs behind the button
	Footer      string
}

// write writes a letter in the language of who gets it, or in English.
func (p *post) write(to survey.User, kind letterKind, told survey.Args) (Letter, error) {
	lang := to.Language
	if !p.phrases.Speaks(lang) {
		lang = survey.English
	}
	say := func(phrase string) string { return p.phrases.Say(lang, string(kind)+"_"+phrase, told) }
	page := letterPage{
		Language: lang, Subject: survey.OneLine(say("subject")), CopyAddress: p.phrases.Say(lang, "copy_address", nil),
		Footer: p.phrases.Say(lang, "footer", survey.Args{"Address": to.Address, "Base": p.base}),
	}
	greeting := p.phrases.Say(lang, "greeting_plain", nil)
	if to.Name != "" {
		greeting = p.phrases.Say(lang, "greeting", survey.Args{"Name": survey.OneLine(to.Name)})
	}
	page.Paragraphs = []string{greeting, say("text")}
	switch kind {
	case letterInvitation, letterAccount, letterReset:
		page.Link, page.Button = fmt.Sprint(told["Link"]), say("button")
		page.After = []string{say("until"), say("ignore")}
	case letterAdded, letterElsewhere:
		page.Link, page.Button = p.base+"/sign-in", p.phrases.Say(lang, "sign_in", nil)
	case letterPassword, letterFactorAdded, letterFactorRemoved:
		page.Paragraphs = append(page.Paragraphs, p.phrases.Say(lang, "not_you", nil))
		page.Link, page.Button = p.base+"/forgot", p.phrases.Say(lang, "new_password", nil)
	}
	var html strings.Builder
	if err := p.page.Execute(&html, page); err != nil {
		return Letter{}, fmt.Errorf("%s as HTML: %w", kind, err)
	}
	return Letter{Address: to.Address, Name: to.Name, Language: lang, Subject: page.Subject, Text: page.text(), HTML: html.String()}, nil
}

// text writes a letter for programs that show no HTML.
func (p letterPage) text() string {
	parts := append([]string{}, p.Paragraphs...)
	if p.Link != "" {
		parts = append(parts, p.Button+":\n"+p.Link)
	}
	parts = append(parts, p.After...)
	parts = append(parts, strings.Repeat("-", 40)+"\n"+p.Footer)
	return strings.Join(parts, "\n\n") + "\n"
}
