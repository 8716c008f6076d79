package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"cxmirror/pkg/survey"
)

type lintCommand struct {
	Files []string `arg:"" name:"file" help:"Questionnaires and code frames, as YAML."`
}

// Help is printed by lint --help.
func (lintCommand) Help() string {
	return `Prints every problem with file, line, column and the line itself, and counts missing translations.

  cxmirror lint customers.yaml
  cxmirror lint surveys/*.yaml surveys/frames/*.yaml

Exit code 1 if anything is wrong. Missing translations are counted, and are not wrong: readers see English instead.`
}

// Run checks every file, so that all that is wrong is said at once.
func (c lintCommand) Run(w *world) error {
	wrong := 0
	for _, name := range c.Files {
		if err := lint(w, name); err != nil {
			wrong++
			fmt.Fprintln(w.stderr, err)
		}
	}
	if wrong > 0 {
		fmt.Fprintf(w.stderr, "cxmirror: files to mend: %d of %d\n", wrong, len(c.Files))
		return &endedError{exitFailed}
	}
	return nil
}

func lint(w *world, name string) error {
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if isFrame(src) {
		frame, err := survey.ParseFrame(src, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "%s: code frame %s, version %d, %d options, in %s\n", name, frame.Code, frame.Version, len(frame.Options), languages(frame.Languages))
		return missingTexts(w, frame.Completeness())
	}
	q, err := survey.Parse(src, name, framesBeside(filepath.Dir(name)))
	if err != nil {
		return err
	}
	fmt.Fprintf(w.stdout, "%s: questionnaire %s, version %d, %d items, in %s\n", name, q.Code, q.Version, len(q.Items), languages(q.Languages))
	return missingTexts(w, q.Completeness())
}

func missingTexts(w *world, all []survey.Completeness) error {
	for _, c := range all {
		if len(c.Missing) > 0 {
			if _, err := fmt.Fprintf(w.stdout, "  %s\n", c); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFrame reports whether a file is a code frame: at its top level it has options of its own and no items.
func isFrame(src []byte) bool {
	return topLevelOptions.Match(src) && !topLevelItems.Match(src)
}

var (
	topLevelOptions = regexp.MustCompile(`(?m)^options\s*:`)
	topLevelItems   = regexp.MustCompile(`(?m)^items\s*:`)
)

func languages(tags []survey.Language) string {
	names := make([]string, len(tags))
	for i, l := range tags {
		names[i] = string(l)
	}
	return strings.Join(names, ", ")
}

type schemaCommand struct {
	Frame bool `help:"The schema of code frames instead."`
}

// Help is printed by schema --help.
func (schemaCommand) Help() string {
	return `Write it to a file and name it in the first line of a questionnaire, and an editor that knows YAML
completes keys and marks mistakes:

  cxmirror schema > questionnaire.schema.json
  # yaml-language-server: $schema=questionnaire.schema.json`
}

// Run prints the schema.
func (c schemaCommand) Run(w *world) error {
	schema := survey.Schema
	if c.Frame {
		schema = survey.FrameSchema
	}
	text, err := schema()
	if err != nil {
		return errors.Join(errors.New("the schema could not be made"), err)
	}
	_, err = w.stdout.Write(append(bytes.TrimSpace(text), '\n'))
	return err
}
