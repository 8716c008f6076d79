package store_test

import (
	"fmt"
	"testing"
	"time"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

// BenchmarkImportPeople imports 100,000 people, and then the same with every tenth of them changed.
func BenchmarkImportPeople(b *testing.B) {
	const people = 100_000
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := open(b)
				began := time.Now()
				result, err := s.ImportPeople(b.Context(), ours, manyPeople(people), store.ImportOptions{})
				if err != nil || result.New != people {
					b.Fatal(result, err)
				}
				first := time.Since(began)
				b.ReportMetric(first.Seconds(), "s/first")
				began = time.Now()
				result, err = s.ImportPeople(b.Context(), ours, func(yield func(survey.Person, error) bool) {
					n := 0
					for p, err := range manyPeople(people) {
						if n++; n%10 == 0 {
							p.Name += " Nowak"
						}
						if !yield(p, err) {
							return
						}
					}
				}, store.ImportOptions{Update: true, DeactivateMissing: true})
				if err != nil || result.Updated != people/10 {
					b.Fatal(result, err)
				}
				b.ReportMetric(time.Since(began).Seconds(), "s/again")
				began = time.Now()
				if _, _, err := s.People(b.Context(), ours, store.PeopleQuery{Text: "lecka 05", Limit: 50}); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/search")
				began = time.Now()
				if _, err := s.Attributes(b.Context(), ours); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/attributes")
				if first > 30*time.Second {
					b.Errorf("the import took %v; want at most 30 s", first)
				}
			}
		})
	}
}

// BenchmarkQueue launches a wave to 10,000 people and empties its queue, ten mails at a time.
func BenchmarkQueue(b *testing.B) {
	const people = 10_000
	for name, open := range storetest.Engines() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s := open(b)
				panel := importPeople(b, s, people)
				began := time.Now()
				w, _ := launched(b, s, survey.Confidential, 5, panel, nil, []survey.Mailing{{Kind: survey.InvitationLetter, At: noon}})
				b.ReportMetric(time.Since(began).Seconds(), "s/launch")
				began = time.Now()
				n, err := s.StartMailing(b.Context(), survey.DefaultOrganisation, mailing(b, s, w.ID, 0).ID, numbered(), noon)
				if err != nil || n != people {
					b.Fatal(n, err)
				}
				b.ReportMetric(time.Since(began).Seconds(), "s/queue")
				sender := newSender(b, s)
				var claiming, noting time.Duration
				sent := 0
				for {
					began = time.Now()
					mails, err := s.ClaimMails(b.Context(), sender, noon, 10)
					claiming += time.Since(began)
					if err != nil {
						b.Fatal(err)
					}
					if len(mails) == 0 {
						break
					}
					began = time.Now()
					for _, m := range mails {
						if err := s.MailSent(b.Context(), survey.DefaultOrganisation, m.ID, noon); err != nil {
							b.Fatal(err)
						}
						sent++
					}
					noting += time.Since(began)
				}
				if sent != people {
					b.Errorf("%d mails were sent; want %d", sent, people)
				}
				b.ReportMetric(float64(claiming.Microseconds())/people, "µs/claim")
				b.ReportMetric(float64(noting.Microseconds())/people, "µs/note")
				began = time.Now()
				if _, _, err := s.Invitations(b.Context(), ours, w.ID, store.InvitationQuery{State: store.UnfinishedInvitation, Limit: 50}); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/list")
			}
		})
	}
}

// BenchmarkComplete completes responses of waves of every kind, 16 people at a time, by their invitations where
// they have one; and counts them afterwards.
func BenchmarkComplete(b *testing.B) {
	for name, open := range storetest.Engines() {
		for _, mode := range []survey.Mode{survey.Identified, survey.Confidential, survey.Anonymous} {
			b.Run(fmt.Sprintf("%s/%s", name, mode), func(b *testing.B) {
				for b.Loop() {
					s := open(b)
					const people = 4000
					w, invitations := launched(b, s, mode, 5, importPeople(b, s, people), nil, nil)
					var drafts []store.Draft
					var responses []survey.Response
					for _, i := range invitations {
						if mode == survey.Anonymous {
							d := newDraft(w)
							drafts = append(drafts, d)
							continue
						}
						r := newResponse(w)
						r.Invitation = i.ID
						responses = append(responses, r)
					}
					each := func(call func(i int) error) float64 {
						began := time.Now()
						for _, err := range inParallel(16, func(at int) error {
							for i := at; i < people; i += 16 {
								if err := call(i); err != nil {
									return err
								}
							}
							return nil
						}) {
							if err != nil {
								b.Fatal(err)
							}
						}
						return people / time.Since(began).Seconds()
					}
					b.ReportMetric(each(func(i int) error {
						if mode == survey.Anonymous {
							return s.StartDraft(b.Context(), survey.DefaultOrganisation, &drafts[i], invitations[i].ID)
						}
						return s.StartResponse(b.Context(), survey.DefaultOrganisation, &responses[i])
					}), "starts/s")
					b.ReportMetric(each(func(i int) error {
						if mode == survey.Anonymous {
							return s.Seal(b.Context(), survey.DefaultOrganisation, next(drafts[i]), invitations[i].ID, survey.Sealed{ID: randomID(), Content: sealedBytes()}, noon, 0)
						}
						return s.CompleteResponse(b.Context(), survey.DefaultOrganisation, complete(responses[i], pageAnswers), 0)
					}), "finishes/s")
					began := time.Now()
					if counts, err := s.AllCounts(b.Context(), ours); err != nil || counts[w.ID].Complete != people {
						b.Fatal(counts, err)
					}
					b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/counts")
					began = time.Now()
					var err error
					if mode == survey.Anonymous {
						_, err = s.Unseal(b.Context(), survey.DefaultOrganisation, w.ID, noon, publishSome(w, people-5))
					} else {
						_, err = s.Release(b.Context(), survey.DefaultOrganisation, w.ID, noon, func(pending []survey.ResponseID, k int, _ bool) []survey.ResponseID { return pending[k:] })
					}
					if err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/release")
				}
			})
		}
	}
}
