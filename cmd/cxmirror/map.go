package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/survey"
)

type mapCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Maps to check. Without any, the manual is printed."`
}

// Help is printed by map --help.
func (mapCommand) Help() string {
	return `A map says which column of a file answers which item, and what its cells mean. Without a file, the manual is
printed: columns, values, picks, rankings, ratings, which rows count, two audiences in one file, how the file is
written, weights and respondents, three maps from beginning to end, and every key.

  cxmirror map | less
  cxmirror map export-map.yaml

With files, every problem of a map is printed with line, column and the line itself; exit code 1 if anything is
wrong. Whether the columns and codes that a map names exist, compare finds out, when it has the file and the
questionnaire.`
}

// Run prints the manual, or checks maps, all of them, so that all that is wrong is said at once.
func (c mapCommand) Run(w *world) error {
	if len(c.Files) == 0 {
		_, err := io.WriteString(w.stdout, exchange.MapManual())
		return err
	}
	wrong := 0
	for _, name := range c.Files {
		m, err := readMap(name)
		if err != nil {
			wrong++
			fmt.Fprintln(w.stderr, err)
			continue
		}
		fmt.Fprintf(w.stdout, "%s: a map%s\n", name, ofAudiences(m.Audiences()))
	}
	if wrong > 0 {
		fmt.Fprintf(w.stderr, "cxmirror: %d of %d maps are wrong; `cxmirror map` explains maps by example\n", wrong, len(c.Files))
		return &endedError{exitFailed}
	}
	return nil
}

// ofAudiences says which audiences a map tells apart, or which one a whole file belongs to.
func ofAudiences(audiences []survey.Audience) string {
	if len(audiences) == 0 {
		return ""
	}
	names := make([]string, len(audiences))
	for i, a := range audiences {
		names[i] = string(a)
	}
	return ", rows of " + strings.Join(names, ", ")
}

// loadMap reads the map of a flag; none was given if name is "".
func loadMap(name string) (*exchange.Map, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no map is the native format
	}
	m, err := readMap(name)
	return m, explainMaps(err)
}

func readMap(name string) (*exchange.Map, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the map: %w", err)
	}
	return exchange.ParseMap(src, name)
}

// explainMaps says where maps are explained, if something is wrong with one. Once files are read, all
// diagnostics are about maps.
func explainMaps(err error) error {
	if _, ok := errors.AsType[survey.Diagnostics](err); !ok {
		return err
	}
	return errors.Join(err, errors.New("`cxmirror map` explains maps by example"))
}
