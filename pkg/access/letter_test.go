package access

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cxmirror/pkg/survey"
)

const testBase = "https://survey.example.org"

var letterKinds = []letterKind{
	letterInvitation, letterAccount, letterAdded, letterReset, letterElsewhere, letterPassword, letterFactorAdded, letterFactorRemoved,
}

func newTestPost(t *testing.T, log *bytes.Buffer, mail func(context.Context, Letter) error) *post {
	t.Helper()
	p, err := newPost(mail, slog.New(slog.NewTextHandler(log, nil)), testBase)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLettersSayEverythingInEveryLanguage writes every letter there is, with a name and an organisation that would be
// markup or lines of a header if anybody let them.
func TestLettersSayEverythingInEveryLanguage(t *testing.T) {
	p := newTestPost(t, new(bytes.Buffer), nil)
	languages := p.phrases.Languages()
	if len(languages) != 4 {
		t.Fatalf("languages %v, want four", languages)
	}
	told := survey.Args{"Organisation": "Zoë & <b>Sons</b>", "By": "Max {{.Base}}", "Link": testBase + "/reset/secret"}
	seen := make(map[string]string)
	for _, lang := range append(languages, "pl-PL", "fr", "") {
		for _, kind := range letterKinds {
			to := survey.User{Address: "ann@example.org", Name: "Ann\r\nBcc: <i>x</i>@example.org", Language: lang}
			letter, err := p.write(to, kind, told)
			if err != nil {
				t.Fatal(err)
			}
			where := string(kind) + " in " + string(lang)
			for _, text := range []string{letter.Subject, letter.Text, letter.HTML} {
				for _, wrong := range []string{"[", "<no value>", "{{.Name}}", "{{.Organisation}}", "{{.By}}", "{{.Address}}"} {
					if strings.Contains(text, wrong) {
						t.Errorf("%s has %q:\n%s", where, wrong, text)
					}
				}
			}
			if strings.ContainsAny(letter.Subject, "\r\n") || letter.Subject == "" || strings.Contains(letter.Text, "\nBcc:") {
				t.Errorf("%s: the subject is %q", where, letter.Subject)
			}
			if strings.Contains(letter.HTML, "<b>") || strings.Contains(letter.HTML, "<i>") || strings.Contains(letter.HTML, "<script") || strings.Contains(letter.HTML, "src=") {
				t.Errorf("%s has markup of people, or loads something:\n%s", where, letter.HTML)
			}
			if !strings.Contains(letter.Text, testBase) || !strings.Contains(letter.Text, "ann@example.org") || !strings.Contains(letter.Text, "Ann Bcc:") {
				t.Errorf("%s:\n%s", where, letter.Text)
			}
			if secret := strings.Contains(letter.Text, "/reset/secret"); secret != (kind == letterInvitation || kind == letterAccount || kind == letterReset) {
				t.Errorf("%s: whether it has the secret link is %v", where, secret)
			}
			if !p.phrases.Speaks(lang) && letter.Language != survey.English {
				t.Errorf("%s is in %s, want English", where, letter.Language)
			}
			if other := seen[letter.Text]; other != "" && p.phrases.Speaks(lang) && lang != "pl-PL" {
				t.Errorf("%s is the same as %s", where, other)
			}
			seen[letter.Text] = where
		}
	}
	nameless, err := p.write(survey.User{Address: "ann@example.org", Language: "ru"}, letterPassword, nil)
	if err != nil || !strings.HasPrefix(nameless.Text, "Здравствуйте!\n") {
		t.Errorf("to somebody without a name: %q, %v", nameless.Text, err)
	}
}

func TestLettersAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var began time.Time
		var tries []time.Duration
		p := newTestPost(t, &log, func(_ context.Context, letter Letter) error {
			tries = append(tries, time.Since(began))
			if letter.Language == "pl" && len(tries) == 3 {
				return nil
			}
			return errors.New("451 come back later")
		})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = p.run(ctx) })
		user := survey.User{ID: 7, Address: "ann@example.org", Language: "pl"}
		began = time.Now()
		if !p.send(t.Context(), user, letterPassword, nil) {
			t.Fatal("not sent")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(tries) != 3 || tries[1] != 20*time.Second || tries[2] != 80*time.Second || log.Len() > 0 {
			t.Errorf("tried at %v, want three times; the log says %q", tries, log.String())
		}
		tries, user.Language = nil, "en"
		p.send(t.Context(), user, letterPassword, nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := log.String(); len(tries) != 3 || !strings.Contains(got, "letter=password user=7") || strings.Contains(got, "example.org") {
			t.Errorf("tried at %v; the log says %q", tries, got)
		}
		stop()
		running.Wait()
	})
}

// TestLettersThatWaitAreSentAtTheEnd ends the service while letters wait: they are sent, but not tried for ever.
func TestLettersThatWaitAreSentAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		sent := 0
		var mu sync.Mutex
		p := newTestPost(t, &log, func(_ context.Context, letter Letter) error {
			mu.Lock()
			defer mu.Unlock()
			if letter.Address == "bad@example.org" {
				return errors.New("no")
			}
			sent++
			return nil
		})
		for range maxPost - 1 {
			p.send(t.Context(), survey.User{Address: "ann@example.org"}, letterPassword, nil)
		}
		p.send(t.Context(), survey.User{Address: "bad@example.org"}, letterPassword, nil)
		if p.send(t.Context(), survey.User{ID: 12, Address: "ann@example.org"}, letterPassword, nil) || !strings.Contains(log.String(), "user=12") {
			t.Error("one letter too many is taken, or not told of")
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		began := time.Now()
		if err := p.run(ctx); err != nil {
			t.Fatal(err)
		}
		if sent != maxPost-1 || time.Since(began) > postWithin {
			t.Errorf("%d letters were sent within %v, want %d within %v", sent, time.Since(began), maxPost-1, postWithin)
		}
	})
}
