package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
	"cxmirror/pkg/tally"
)

// file is a file of answers and how to read it.
type file struct {
	name          string
	questionnaire *survey.Questionnaire
	layout        *exchange.Map // nil: the native format
	open          func() (io.ReadCloser, error)
}

// onDisk is a file by its path; "-" is the standard input.
func onDisk(path string, q *survey.Questionnaire, layout *exchange.Map) file {
	if path == "-" {
		return file{"standard input", q, layout, func() (io.ReadCloser, error) { return io.NopCloser(os.Stdin), nil }}
	}
	return file{path, q, layout, func() (io.ReadCloser, error) { return os.Open(path) }}
}

// sides are the two populations as read, and where from.
type sides struct {
	external, internal             *tally.Wave
	externalSource, internalSource report.Source
}

// rejections names rejected rows where people see them. Both files are read at once, so lines are written
// whole.
type rejections struct {
	mu  sync.Mutex
	to  io.Writer
	any bool
}

func (r *rejections) add(rejected exchange.Rejection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.any = true
	fmt.Fprintln(r.to, rejected)
}

// readTwo reads a file for each side, both at once.
func readTwo(ctx context.Context, external, internal file, item survey.ItemCode, threshold int, r *rejections) (sides, error) {
	var s sides
	var errs [2]error
	var wait sync.WaitGroup
	for i, side := range []struct {
		file     file
		audience survey.Audience
		wave     **tally.Wave
		source   *report.Source
	}{
		{external, survey.External, &s.external, &s.externalSource},
		{internal, survey.Internal, &s.internal, &s.internalSource},
	} {
		wait.Go(func() {
			wave := tally.New(side.file.questionnaire, side.audience, threshold, item)
			*side.wave = wave
			*side.source, errs[i] = readAnswers(ctx, side.file, item, r, func(rec *survey.Record) error {
				// A file given for one side is that side, unless its map tells the two apart.
				if !tellsSidesApart(side.file.layout) || rec.Audience == side.audience {
					wave.Add(rec)
				}
				return nil
			})
			if errs[i] == nil && wave.Len() == 0 {
				errs[i] = nothingRead(*side.source, side.audience)
			}
		})
	}
	wait.Wait()
	if errs[0] != nil && errs[1] != nil && errs[0].Error() == errs[1].Error() {
		return s, errs[0] // a mistake in the one map of both sides
	}
	return s, errors.Join(errs[:]...)
}

// readOne reads one file whose map says which row belongs to which side.
func readOne(ctx context.Context, f file, item survey.ItemCode, threshold int, r *rejections) (sides, error) {
	s := sides{
		external: tally.New(f.questionnaire, survey.External, threshold, item),
		internal: tally.New(f.questionnaire, survey.Internal, threshold, item),
	}
	source, err := readAnswers(ctx, f, item, r, func(rec *survey.Record) error {
		switch rec.Audience {
		case survey.External:
			s.external.Add(rec)
		case survey.Internal:
			s.internal.Add(rec)
		case survey.Leaders, survey.Everyone:
		}
		return nil
	})
	if err != nil {
		return s, err
	}
	source.Shared = true
	s.externalSource, s.internalSource = source, source
	for _, w := range []*tally.Wave{s.external, s.internal} {
		if w.Len() == 0 {
			return s, nothingRead(source, w.Audience())
		}
	}
	return s, nil
}

func nothingRead(s report.Source, audience survey.Audience) error {
	return fmt.Errorf("%s: no answers of the %s side: %d rows read, %d left out by the map, %d rejected; there is nothing to compare", s.Name, audience, s.Rows, s.Filtered, s.Rejected)
}

// readAnswers hands every accepted row of a file to a function. Nothing is kept of a file that breaks off:
// half of the answers must not be taken for all of them.
func readAnswers(ctx context.Context, f file, item survey.ItemCode, r *rejections, use func(*survey.Record) error) (report.Source, error) {
	content, err := f.open()
	if err != nil {
		return report.Source{}, err
	}
	defer content.Close()
	reader, err := exchange.Open(content, f.name, f.questionnaire, f.layout, exchange.Need(item), exchange.OnReject(r.add))
	if err != nil {
		return report.Source{}, err
	}
	for rec := range reader.Records() {
		if err := ctx.Err(); err != nil {
			return report.Source{}, fmt.Errorf("%s: stopped while reading: %w", f.name, err)
		}
		if err := use(rec); err != nil {
			return report.Source{}, err
		}
	}
	if err := reader.Err(); err != nil {
		return report.Source{}, err
	}
	n := reader.Report()
	return report.Source{Name: f.name, Rows: n.Rows, Accepted: n.Accepted, Filtered: n.Filtered, Rejected: n.Rejected}, nil
}
