package store_test

import (
	"errors"
	"testing"

	"cxmirror/pkg/store"
	"cxmirror/pkg/store/storetest"
	"cxmirror/pkg/survey"
)

func TestVersionsAndWaves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		v := &survey.Version{Organisation: survey.DefaultOrganisation, Code: "expectations", Number: 1, Source: []byte("code: expectations\n")}
		if err := s.SaveVersion(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		w := &survey.Wave{Organisation: survey.DefaultOrganisation, Version: v.ID, Name: "Spring", Audience: survey.External, Slug: "spring", State: survey.WaveOpen, Threshold: 5}
		if err := s.CreateWave(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		again := *w
		if err := s.CreateWave(t.Context(), &again); !errors.Is(err, survey.ErrSlugTaken) {
			t.Errorf("CreateWave twice: %v; want %v", err, survey.ErrSlugTaken)
		}
		got, err := s.WaveBySlug(t.Context(), "spring")
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != w.ID || got.Created != w.Created {
			t.Errorf("WaveBySlug = %+v; want %+v", got, w)
		}
	})
}
