package web

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/labstack/echo/v4"

	"cxmirror/pkg/fieldwork"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
)

// cardsInPart is how many access codes one document has: more are parted into several.
const cardsInPart = 5000

// modulesOf returns a QR code as the printer takes it.
func modulesOf(code barcode.Barcode) report.Modules {
	size := code.Bounds().Dx()
	modules := make(report.Modules, size)
	for y := range modules {
		modules[y] = make([]bool, size)
		for x := range modules[y] {
			modules[y][x] = dark(code, x, y)
		}
	}
	return modules
}

// languageOnPaper returns the language of a printed document: the one asked for, if the questionnaire is written in
// it, or else the first that it is written in and the program speaks.
func (s *Server) languageOnPaper(c echo.Context, q *questionnaire) survey.Language {
	for _, lang := range q.Languages {
		if lang == survey.Language(c.QueryParam("language")) && s.phrases.Speaks(lang) {
			return lang
		}
	}
	reader := s.workbenchLanguage(c)
	first := survey.English
	for i, lang := range q.Languages {
		if lang == reader {
			return lang
		}
		if i == 0 && s.phrases.Speaks(lang) {
			first = lang
		}
	}
	return first
}

// keptOnPaper says in a sentence how answers of a wave are kept.
func (s *Server) keptOnPaper(lang survey.Language, w *survey.Wave, invited bool) string {
	switch {
	case w.Mode == survey.Identified && invited:
		return s.phrases.Say(lang, "print_kept_identified", nil)
	case w.Mode == survey.Anonymous:
		return s.phrases.SayCount(lang, "print_kept_anonymous", w.Threshold, nil)
	case w.Protects():
		return s.phrases.SayCount(lang, "print_kept_confidential", w.Threshold, nil)
	}
	return ""
}

// showPoster is a poster with the open link, to be printed and hung up.
func (s *Server) showPoster(c echo.Context) error {
	w, err := s.waveOf(c)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(c.Request().Context(), w.Organisation, w.Version)
	if err != nil {
		return err
	}
	if !w.OpenLink {
		return fmt.Errorf("poster of a wave without an open link: %w", survey.ErrNotFound)
	}
	link := s.baseOf(c) + "/o/" + w.Slug
	code, err := qr.Encode(link, qr.Q, qr.Auto)
	if err != nil {
		return fmt.Errorf("QR code of wave %d: %w", w.ID, err)
	}
	lang := s.languageOnPaper(c, q)
	poster := report.Poster{
		Imprint: report.Imprint{Language: lang, Program: "cxmirror " + s.version, Made: s.now()}, Paper: report.Paper(cmp.Or(strings.ToUpper(c.QueryParam("paper")), string(report.A4))),
		Asker: w.Promise.Asker.In(lang), Title: cmp.Or(q.Title.In(lang), w.Name), Purpose: w.Promise.Purpose.In(lang),
		Scan: s.phrases.Say(lang, "print_scan", nil), Code: modulesOf(code), Type: s.phrases.Say(lang, "print_type", nil),
		Address: withoutScheme(link), Link: link, Contact: w.Promise.Contact,
	}
	if w.Promise.Minutes > 0 {
		poster.Minutes = s.phrases.SayCount(lang, "print_minutes", w.Promise.Minutes, nil)
	}
	if kept := s.keptOnPaper(lang, &w, false); kept != "" {
		poster.Kept = append(poster.Kept, kept)
	}
	var out bytes.Buffer
	err = report.PosterPDF(&out, poster)
	if errors.Is(err, report.ErrNoRoom) {
		return s.showProgressWith(c, http.StatusConflict, "poster", s.room(c, "").T("progress_poster_no_room"), nil)
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment(w.Slug+"-poster.pdf"))
	return c.Blob(http.StatusOK, "application/pdf", out.Bytes())
}

func withoutScheme(address string) string {
	_, rest, found := strings.Cut(address, "://")
	if !found {
		return address
	}
	return rest
}

// showCodes is the sheet of access codes of those who have not finished and whom mail does not reach, or of all who
// have not finished.
func (s *Server) showCodes(c echo.Context) error {
	w, err := s.waveOf(c)
	if err != nil {
		return err
	}
	q, err := s.fielded.questionnaire(c.Request().Context(), w.Organisation, w.Version)
	if err != nil {
		return err
	}
	given, err := s.store.HasCodes(c.Request().Context(), w.Organisation, w.ID)
	if err != nil {
		return err
	}
	if !given {
		return fmt.Errorf("sheet of a wave without access codes: %w", survey.ErrNotFound)
	}
	part, _ := strconv.Atoi(c.QueryParam("part")) // what is no number is the first
	base := s.baseOf(c)
	sheet := report.CodeSheet{
		Imprint: report.Imprint{Language: s.languageOnPaper(c, q), Program: "cxmirror " + s.version, Made: s.now()}, Title: survey.Words{}, Asker: w.Promise.Asker,
		Enter: survey.Words{}, Scan: survey.Words{}, Promise: survey.Words{}, Once: survey.Words{}, Address: withoutScheme(base) + "/c",
	}
	for _, lang := range s.phrases.Languages() {
		sheet.Title[lang] = cmp.Or(q.Title.In(lang), w.Name)
		sheet.Enter[lang], sheet.Scan[lang] = s.phrases.Say(lang, "print_enter", nil), s.phrases.Say(lang, "print_scan_short", nil)
		sheet.Once[lang] = s.phrases.Say(lang, "print_once", nil)
		if kept := s.keptOnPaper(lang, &w, true); kept != "" {
			sheet.Promise[lang] = kept
		}
	}
	codes := partOf(s.fieldwork.Codes(c.Request().Context(), w.Organisation, w.ID), c.QueryParam("all") != "", max(part, 1))
	printed := 0
	sheet.Cards = cards(codes, base, &printed)
	var out bytes.Buffer
	if err := report.CodeSheetPDF(&out, sheet); err != nil {
		return err
	}
	if printed == 0 {
		return s.showProgressWith(c, http.StatusConflict, "codes", s.room(c, "").T("codes_nobody"), nil)
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, attachment(w.Slug+"-codes.pdf"))
	return c.Blob(http.StatusOK, "application/pdf", out.Bytes())
}

// partOf yields the codes of one part of the sheet: of everybody, or of those whom mail does not reach.
func partOf(codes iter.Seq2[fieldwork.PaperCode, error], everybody bool, part int) iter.Seq2[fieldwork.PaperCode, error] {
	return func(yield func(fieldwork.PaperCode, error) bool) {
		at := 0
		for code, err := range codes {
			if err != nil {
				yield(code, err)
				return
			}
			if code.Mail && !everybody {
				continue
			}
			switch at++; {
			case at <= (part-1)*cardsInPart:
			case at > part*cardsInPart, !yield(code, nil):
				return
			}
		}
	}
}

// cardsAtOnce is how many cards are made beside each other: enough for every processor, and few enough to be nothing
// beside the document.
const cardsAtOnce = 64

// cards yields the cards of codes, and counts them. Nearly all of the time goes into their QR codes, which are made
// by all processors.
func cards(codes iter.Seq2[fieldwork.PaperCode, error], base string, printed *int) iter.Seq2[report.Card, error] {
	return func(yield func(report.Card, error) bool) {
		made, errs := make([]report.Card, cardsAtOnce), make([]error, cardsAtOnce)
		var waiting []fieldwork.PaperCode
		deal := func() bool {
			var wg sync.WaitGroup
			workers := min(runtime.GOMAXPROCS(0), len(waiting))
			for worker := range workers {
				wg.Go(func() {
					for i := worker; i < len(waiting); i += workers {
						made[i], errs[i] = card(&waiting[i], base)
					}
				})
			}
			wg.Wait()
			for i := range waiting {
				*printed++
				if !yield(made[i], errs[i]) || errs[i] != nil {
					return false
				}
			}
			waiting = waiting[:0]
			return true
		}
		for code, err := range codes {
			if err != nil {
				yield(report.Card{}, err)
				return
			}
			if waiting = append(waiting, code); len(waiting) == cardsAtOnce && !deal() {
				return
			}
		}
		deal()
	}
}

// card makes the card of a code.
func card(code *fieldwork.PaperCode, base string) (report.Card, error) {
	link := base + "/s/" + code.Token
	pattern, err := qr.Encode(link, qr.M, qr.Auto)
	if err != nil {
		return report.Card{}, fmt.Errorf("QR code of a card: %w", err)
	}
	return report.Card{
		Label: cmp.Or(code.Person.Name, code.Person.Key), Language: code.Language, Access: code.Code, Code: modulesOf(pattern), Link: link,
	}, nil
}
