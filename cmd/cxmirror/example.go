package main

import (
	"embed"
	"fmt"
	"io"
	"path/filepath"

	"cxmirror/pkg/exchange"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// exampleFiles is a survey that its owner gave to everybody: the file README.md beside it names the source.
//
//go:embed example
var exampleFiles embed.FS

type exampleCommand struct {
	Output   string `short:"o" default:"cxmirror-example.html" help:"Where to write the page."`
	Language string `default:"en" enum:"en,pl,ro,ru" help:"Language of the page: ${enum}."`
}

// Help is printed by example --help.
func (exampleCommand) Help() string {
	return `Compares what 1,075 people who only use open source software and 2,840 who also contribute to it expect of the
software they use: real answers of the Open Source Survey 2017 (CC0), read from a foreign file through a map.

  cxmirror example
  cxmirror example --language pl -o porownanie.html`
}

// Run writes the page, prints the same result as text, and says where the page lies.
func (c exampleCommand) Run(w *world) error {
	q, m, err := exampleSurvey()
	if err != nil {
		return err
	}
	it, err := itemToCompare(q, "")
	if err != nil {
		return err
	}
	const answers = "oss_survey_2017.csv.gz"
	j := &job{
		comparison: report.Comparison{
			Settings: findings.Settings{}.WithDefaults(), Questionnaire: q, Item: it,
			Made: w.now(), Program: "cxmirror " + version,
		},
		item: it.Code, threshold: 5, shared: true, format: "html", output: c.Output, language: survey.Language(c.Language),
		external: file{answers, q, m, func() (io.ReadCloser, error) { return exampleFiles.Open("example/" + answers) }},
	}
	if err := j.run(w); err != nil {
		return err
	}
	path, err := filepath.Abs(c.Output)
	if err != nil {
		return err
	}
	text := *j
	text.format, text.output, text.width = "text", "", report.DefaultTextWidth
	if err := text.run(w); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "\nThe page with the pictures lies at %s\n", path)
	return err
}

func exampleSurvey() (*survey.Questionnaire, *exchange.Map, error) {
	src, err := exampleFiles.ReadFile("example/oss-values.yaml")
	if err != nil {
		return nil, nil, err
	}
	q, err := survey.Parse(src, "oss-values.yaml", surveys.Frame)
	if err != nil {
		return nil, nil, err
	}
	if src, err = exampleFiles.ReadFile("example/oss-map.yaml"); err != nil {
		return nil, nil, err
	}
	m, err := exchange.ParseMap(src, "oss-map.yaml")
	return q, m, err
}
