package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

func (f *fielded) respondent(i int) *respondent {
	comment := fmt.Sprintf("What person %04d says", i)
	if i == gossip {
		comment = "Ask " + f.people[erasedOne].name + " about it"
	}
	r := newRespondent(func() string { return f.host }, "", comment, uint64(i))
	r.browser.Timeout, r.patient = 30*time.Second, time.Minute // the machine is busy
	return r
}

// walk is how somebody goes through the pages of a personal link.
type walk struct {
	language string                                   // of her invitation
	leave    int                                      // after so many pages; 0 is at the end
	last     func(path string, form url.Values) error // how she sends the last page
	picked   string                                   // which expectations
	next     string                                   // the page where she left
}

// follow goes through the pages from a link, or on from where somebody left.
func (r *respondent) follow(ctx context.Context, link string, q *survey.Questionnaire, w *walk) error {
	_, _, body, err := r.send(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	if !strings.Contains(body, `<html lang="`+w.language+`"`) {
		return fmt.Errorf("her link does not speak %s: %.100s", w.language, body)
	}
	path, form, pages := link, hidden(body), q.Items[len(q.Items)-1].Page
	form.Set("_act", "start")
	for saved := range 20 {
		if w.last != nil && strings.HasSuffix(path, "/"+strconv.Itoa(pages)) {
			return w.last(path, form)
		}
		status, location, text, err := r.send(ctx, http.MethodPost, path, form)
		switch {
		case err != nil:
			return err
		case status != http.StatusSeeOther:
			return fmt.Errorf("a page: status %d: %.300s", status, readable(text))
		case strings.HasPrefix(location, link+"/thanks"):
			return nil
		}
		path, _, _ = strings.Cut(location, "#")
		if w.next = path; w.leave > 0 && saved == w.leave {
			return nil
		}
		if status, location, body, err = r.send(ctx, http.MethodGet, path, nil); err != nil {
			return err
		}
		if status != http.StatusOK {
			return fmt.Errorf("a page: status %d, to %s", status, strings.TrimPrefix(location, link))
		}
		page, err := strconv.Atoi(path[strings.LastIndexByte(path, '/')+1:])
		if err != nil {
			return err
		}
		form = hidden(body)
		form.Set("_act", "next")
		r.fill(form, q, page)
		if chosen := form["expectations"]; len(chosen) > 0 {
			w.picked = strings.Join(slices.Sorted(slices.Values(chosen)), ";")
		}
	}
	return errors.New("no end")
}

// answer has people answer by the links in their mails: some on two devices, some who press the button of the last
// page twenty times at once, some who leave half-way. In the midst of it the program is killed; they send again what
// was not answered.
func (f *fielded) answer() {
	f.t.Helper()
	wave, err := f.db.Wave(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil {
		f.t.Fatal(err)
	}
	version, err := f.db.Version(f.t.Context(), survey.DefaultOrganisation, wave.Version)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.q, err = survey.Parse(version.Source, "stored.yaml", surveys.Frame); err != nil {
		f.t.Fatal(err)
	}
	kill := func(i int) {
		if i == invitedPeople/3 {
			f.server.kill()
			f.start()
		}
	}
	f.atOnce(func(i int) bool { return finishes(i) || stops(i) }, kill, func(i int) error {
		link, w := f.links[f.people[i].address], &walk{language: f.people[i].language}
		switch {
		case stops(i):
			w.leave = 3
			err := f.respondent(i).follow(f.t.Context(), link, f.q, w)
			f.mu.Lock()
			defer f.mu.Unlock()
			f.begun[i] = w.picked
			return err
		case i%30 == 0: // on the way to work, and there
			w.leave = 2
			if err := f.respondent(i).follow(f.t.Context(), link, f.q, w); err != nil {
				return err
			}
			w.leave = 0
		case i%45 == 3:
			w.last = func(path string, form url.Values) error { return f.twentyTimes(i, path, form) }
		}
		if err := f.respondent(i).follow(f.t.Context(), link, f.q, w); err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.picked[i] = w.picked
		return nil
	})
}

// atOnce has some of the people do something, eight at a time. Before each of the people comes something else may be
// done.
func (f *fielded) atOnce(who func(int) bool, before func(int), do func(int) error) {
	f.t.Helper()
	queue := make(chan int)
	var crowd sync.WaitGroup
	var stuck atomic.Int32
	for range 8 {
		crowd.Go(func() {
			for i := range queue {
				if err := do(i); err != nil {
					stuck.Add(1)
					f.t.Errorf("%s: %v", f.people[i].key, err)
				}
			}
		})
	}
	for i := range f.people {
		if before(i); who(i) {
			queue <- i
		}
	}
	close(queue)
	crowd.Wait()
	if stuck.Load() > 0 {
		f.t.FailNow()
	}
}

func (f *fielded) twentyTimes(i int, path string, form url.Values) error {
	failed := make([]error, 20)
	var fingers sync.WaitGroup
	for n := range failed {
		fingers.Go(func() {
			status, location, body, err := f.respondent(i).send(f.t.Context(), http.MethodPost, path, form)
			if err != nil || status != http.StatusSeeOther || !strings.Contains(location, "/thanks") {
				failed[n] = fmt.Errorf("post %d: status %d, %w: %.200s", n, status, err, readable(body))
			}
		})
	}
	fingers.Wait()
	return errors.Join(failed...)
}

// decline has three people want no mail: by the button of their mail program, and by the page. A mail comes back.
func (f *fielded) decline() {
	f.t.Helper()
	for i, m := range f.people {
		if !declines(i) {
			continue
		}
		path, form := strings.Replace(f.links[m.address], "/s/", "/u/", 1), url.Values{"List-Unsubscribe": {"One-Click"}}
		r := f.respondent(i)
		if i == 4 {
			status, _, body, err := r.send(f.t.Context(), http.MethodGet, path, nil)
			if err != nil || status != http.StatusOK {
				f.t.Fatalf("the page to decline: status %d, %v", status, err)
			}
			form = f.desk.form(body, path)
		}
		if status, _, body, err := r.send(f.t.Context(), http.MethodPost, path, form); err != nil || status != http.StatusOK {
			f.t.Errorf("declined: status %d, %v: %s", status, err, readable(body))
		}
	}
	address := f.desk.upload("/people/bounces", "bounces.csv", "address,status,reason\n"+f.people[bouncedOne].address+",5.1.1,mailbox unknown\n")
	f.desk.step(address, address, nil)
}

// remind writes to those who have not finished, and to nobody else. Three of them finish.
func (f *fielded) remind() {
	f.t.Helper()
	before := f.office.count()
	f.desk.step(f.path("/fieldwork"), f.path("/fieldwork/mailing"), func(v url.Values) { v.Set("kind", string(survey.ReminderLetter)) })
	mailing := f.mailed(survey.ReminderLetter)
	reminded := byAddress(f.office.mails(before))
	want := 0
	for i, m := range f.people {
		got := reminded[m.address]
		if finishes(i) || declines(i) || i == refusedOne || i == bouncedOne {
			if len(got) != 0 {
				f.t.Errorf("%s got a reminder that is not for her", m.address)
			}
			continue
		}
		want++
		if len(got) != 1 || got[0].link != f.links[m.address] {
			f.t.Errorf("%s got %d reminders: %v", m.address, len(got), got)
			continue
		}
		f.read(got[0], m, map[string]string{"en": "Reminder: ", "pl": "Przypomnienie: "})
	}
	if mailing.Sent != want || mailing.Failed != 0 {
		f.t.Errorf("the reminder is noted as %+v, want %d sent", mailing, want)
	}
	f.atOnce(comesBack, func(int) {}, func(i int) error {
		w := &walk{language: f.people[i].language}
		if err := f.respondent(i).follow(f.t.Context(), f.links[f.people[i].address], f.q, w); err != nil {
			return err
		}
		if w.picked != "" {
			return fmt.Errorf("she was asked again what she had answered before she left: %s", w.picked)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.picked[i] = f.begun[i]
		return nil
	})
}

// closeWave ends the wave while somebody fills in a page. What she typed comes back to her.
func (f *fielded) closeWave() {
	f.t.Helper()
	r, w, link := f.respondent(lateOne), &walk{language: f.people[lateOne].language, leave: 4}, f.links[f.people[lateOne].address]
	if err := r.follow(f.t.Context(), link, f.q, w); err != nil {
		f.t.Fatal(err)
	}
	_, _, body, err := r.send(f.t.Context(), http.MethodGet, w.next, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	form := hidden(body)
	form.Set("_act", "next")
	r.fill(form, f.q, 5)
	if form.Get("comment") == "" {
		f.t.Fatalf("no comment is asked for on %s", strings.TrimPrefix(w.next, link))
	}
	f.desk.step(f.path("/fieldwork"), f.path("/fieldwork/close"), nil)
	status, _, body, err := r.send(f.t.Context(), http.MethodPost, w.next, form)
	if err != nil || status != http.StatusGone || !strings.Contains(body, r.comment) {
		f.t.Errorf("after the close: status %d, %v, and what she typed is there: %v\n%s", status, err, strings.Contains(body, r.comment), readable(body))
	}
	counts, err := f.db.Counts(f.t.Context(), survey.DefaultOrganisation, f.wave)
	if err != nil || counts.Complete != len(f.picked) || counts.Counted != len(f.picked) {
		f.t.Errorf("%d people finished; the database has %+v, %v", len(f.picked), counts, err)
	}
}
