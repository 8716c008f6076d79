package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"cxmirror/charts"
	"cxmirror/pkg/exchange"
	"cxmirror/pkg/findings"
	"cxmirror/pkg/report"
	"cxmirror/pkg/survey"
)

type compareCommand struct {
	File string `arg:"" optional:"" help:"One file with both sides, told apart by the map's audience. Instead of --external and --internal."`

	Questionnaire         string `required:"" short:"q" placeholder:"Q.yaml" help:"What was asked: a file, or the code of a bundled questionnaire."`
	InternalQuestionnaire string `placeholder:"Q.yaml" help:"What the internal side was asked, if it is another questionnaire with the same list."`
	Map                   string `placeholder:"M.yaml" help:"How to read a file that is not in the native format."`
	InternalMap           string `placeholder:"M.yaml" help:"How to read the internal file, if it takes another map."`
	External              string `placeholder:"A.csv" help:"Answers of external customers. - is standard input."`
	Internal              string `placeholder:"B.csv" help:"Answers of internal customers, the employees."`

	Item        survey.ItemCode `placeholder:"CODE" help:"The item to rank. Without it, the first that can be ranked."`
	Top         int             `default:"3" help:"Length of the list people look at; for rankings, how many first places count."`
	Level       float64         `default:"0.95" help:"Coverage of intervals and places; one minus the level of the tests."`
	Margin      float64         `default:"0.10" help:"Differences within this share are practically the same. Decide before you look."`
	Threshold   int             `default:"5" help:"A base of fewer people is withheld."`
	Independent bool            `help:"Equal respondent ids on both sides do not mean the same people."`
	Simulated   bool            `help:"The answers are simulated; say so in every output."`

	Format   string `default:"text" enum:"text,json,html" help:"What to write: ${enum}."`
	Output   string `short:"o" placeholder:"OUT" help:"File to write; without it, standard output."`
	Language string `default:"en" enum:"en,pl,ro,ru" help:"Language of the result: ${enum}."`
	Width    int    `default:"100" help:"Characters in a line of text."`
}

// Help is printed by compare --help.
func (compareCommand) Help() string {
	return `Ranks the options of one item on both sides and says, option by option, where the sides differ, where they
are practically the same, and where the data cannot tell.

  cxmirror compare -q external-expectations --internal-questionnaire internal-expectations \
      --external customers.csv --internal employees.csv
  cxmirror compare -q survey.yaml --external a.csv --internal b.csv --format html -o result.html
  cxmirror compare -q survey.yaml --map export.yaml export.csv --item order --top 5

Files are CSV or TSV in UTF-8 with a header row; one row is one response. Cells hold codes: several picks are
joined by ";", a ranking by ">" with the best first, a rated row is a column item.row, an empty cell was not
answered, and the word none was asked and picked nothing. Columns respondent and weight are optional.

  expectations,order,performance.speed,performance.ease,weight
  speed;ease,ease>speed,4,cannot_say,1.2
  none,,5,3,0.8

Other layouts take a map: renamed columns, recoded values, one column per option, place numbers, filters,
several header rows, other encodings, and which rows belong to which side. ` + "`cxmirror map`" + ` explains them by example.
A short one:

  respondent: ResponseID
  audience:
    external: {ROLE: customer}
    internal: {ROLE: [employee, manager]}
  items:
    expectations: {column: Q4, separator: ", ", recode: {"Fast, without waiting": speed, Polite staff: courtesy}}
    worries: {options: {height: Q8_1, weight: Q8_2, none: Q8_3}}
    films: {places: {hope: RANK_IV, empire: RANK_V, jedi: RANK_VI}}
  ignore: rest

Rejected rows are named on standard error with line, column and reason, are counted in the result, and make
the exit code 3. A base under --threshold is withheld.`
}

// Run compares two files, or the two sides of one.
func (c compareCommand) Run(w *world) error {
	job, err := c.job(w)
	if err != nil {
		return err
	}
	return job.run(w)
}

// job is a comparison whose settings have been checked.
type job struct {
	comparison report.Comparison
	item       survey.ItemCode
	threshold  int
	external   file
	internal   file
	shared     bool // external is the one file, and its map tells the sides apart
	format     string
	output     string
	language   survey.Language
	width      int
}

func (c compareCommand) job(w *world) (*job, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	out, err := loadQuestionnaire(c.Questionnaire)
	if err != nil {
		return nil, err
	}
	in := out
	if c.InternalQuestionnaire != "" {
		if in, err = loadQuestionnaire(c.InternalQuestionnaire); err != nil {
			return nil, err
		}
	}
	it, err := itemToCompare(out, c.Item)
	if err != nil {
		return nil, err
	}
	if in != out {
		if _, err := itemToCompare(in, it.Code); err != nil {
			return nil, err
		}
	}
	outMap, err := loadMap(c.Map)
	if err != nil {
		return nil, err
	}
	inMap := outMap
	if c.InternalMap != "" {
		if inMap, err = loadMap(c.InternalMap); err != nil {
			return nil, err
		}
	}
	j := &job{
		comparison: report.Comparison{
			Settings:      findings.Settings{Level: c.Level, Margin: c.Margin, Top: c.Top},
			Questionnaire: out, Item: it, Independent: c.Independent, Simulated: c.Simulated,
			Made: w.now(), Program: "cxmirror " + version,
		},
		item: it.Code, threshold: c.Threshold, format: c.Format, output: c.Output,
		language: survey.Language(c.Language), width: c.Width,
	}
	if c.File != "" {
		if !tellsSidesApart(outMap) {
			return nil, usage("one FILE takes a --map whose audience says which rows are external and which internal; for two files use --external and --internal")
		}
		j.shared, j.external = true, onDisk(c.File, out, outMap)
		return j, nil
	}
	j.external, j.internal = onDisk(c.External, out, outMap), onDisk(c.Internal, in, inMap)
	return j, nil
}

// check refuses settings that make no sense.
func (c compareCommand) check() error {
	switch {
	case c.File != "" && (c.External != "" || c.Internal != ""):
		return usage("give either one FILE or --external and --internal, not both")
	case c.File == "" && c.External == "" && c.Internal == "":
		return usage("nothing to compare: give --external A.csv and --internal B.csv, or one FILE whose map tells the sides apart")
	case c.File == "" && c.External == "":
		return usage("--external is missing: the answers of external customers")
	case c.File == "" && c.Internal == "":
		return usage("--internal is missing: the answers of internal customers")
	case c.External == "-" && c.Internal == "-":
		return usage("only one side can come from standard input")
	case c.Top < 1:
		return usage("--top is %d; a list has at least 1 place", c.Top)
	case !(c.Level > 0.5 && c.Level < 1):
		return usage("--level is %v; a coverage lies between 0.5 and 1, for example 0.95", c.Level)
	case !(c.Margin > 0 && c.Margin < 1):
		return usage("--margin is %v; a share lies between 0 and 1, for example 0.10 for ten points", c.Margin)
	case c.Threshold < 1:
		return usage("--threshold is %d; a base has at least 1 person", c.Threshold)
	}
	return nil
}

// tellsSidesApart reports whether a map says which rows are external and which internal.
func tellsSidesApart(m *exchange.Map) bool {
	if m == nil {
		return false
	}
	sides := m.Audiences()
	return slices.Contains(sides, survey.External) && slices.Contains(sides, survey.Internal)
}

// run reads, compares and writes. Nothing is written before all is made.
func (j *job) run(w *world) error {
	writer, err := report.NewWriter()
	if err != nil {
		return err
	}
	var engine *charts.Engine
	if j.format == "html" {
		if engine, err = charts.NewEngine(); err != nil {
			return err
		}
		// The engine starts while the files are read. If it cannot, drawing says why.
		go func() { _ = engine.Warm(w.ctx) }()
	}
	rejected := &rejections{to: w.stderr}
	read, err := j.read(w.ctx, rejected)
	if err != nil {
		return explainMaps(err)
	}
	c := &j.comparison
	c.External, c.Internal = read.externalSource, read.internalSource
	if err := c.Compare(read.external, read.internal, j.item); err != nil {
		return err
	}
	var out bytes.Buffer
	switch j.format {
	case "json":
		err = writer.JSON(&out, c, j.language)
	case "html":
		err = writer.HTML(w.ctx, &out, c, j.language, engine)
	default:
		err = writer.Text(&out, c, j.language, j.width)
	}
	if err != nil {
		return err
	}
	if err := j.write(w, out.Bytes()); err != nil {
		return err
	}
	if rejected.any {
		return &endedError{exitRejected}
	}
	return nil
}

func (j *job) read(ctx context.Context, r *rejections) (sides, error) {
	if j.shared {
		return readOne(ctx, j.external, j.item, j.threshold, r)
	}
	return readTwo(ctx, j.external, j.internal, j.item, j.threshold, r)
}

// write puts the result in its place as a whole: a file is written beside it and then renamed, so that
// nobody meets half of it.
func (j *job) write(w *world, result []byte) error {
	if j.output == "" || j.output == "-" {
		_, err := w.stdout.Write(result)
		return err
	}
	return replaceFile(j.output, result)
}

func replaceFile(name string, content []byte) error {
	if there, err := os.Stat(name); err == nil && !there.Mode().IsRegular() {
		return writeInto(name, there, content)
	}
	dir := filepath.Dir(name)
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("write %s: there is no folder %s", name, dir)
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = io.Copy(f, bytes.NewReader(content))
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeInto writes to a pipe or a device such as /dev/null: it must not be replaced, least of all by root.
func writeInto(name string, there fs.FileInfo, content []byte) error {
	if there.IsDir() {
		return fmt.Errorf("write %s: it is a folder; name a file in it", name)
	}
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
