package survey

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the parser says into testdata/parse, to be read before it is committed")

// parseCase is one file of testdata/parse: a questionnaire, the code frames it uses (each after a line
// "----- frames/code.yaml"), and after a line "-----" the diagnostics expected, or the word "valid".
type parseCase struct {
	source   string
	frames   map[string]string
	expected string
}

func readParseCase(t *testing.T, file string) parseCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := parseCase{frames: make(map[string]string)}
	into := &c.source
	var frame string
	for line := range strings.Lines(string(text)) {
		rest, separator := strings.CutPrefix(line, "-----")
		name := strings.TrimSpace(rest)
		switch {
		case separator && name == "":
			frame, into = "", &c.expected
		case separator:
			frame = strings.TrimSuffix(strings.TrimPrefix(name, "frames/"), ".yaml")
		case frame != "":
			c.frames[frame] += line
		default:
			*into += line
		}
	}
	return c
}

func (c parseCase) frameSource(code string) ([]byte, error) {
	if text, ok := c.frames[code]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("frame %s: %w", code, fs.ErrNotExist)
}

func TestParseCases(t *testing.T) {
	files, err := filepath.Glob("testdata/parse/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			c := readParseCase(t, file)
			said := "valid\n"
			q, err := Parse([]byte(c.source), "q.yaml", c.frameSource)
			if err != nil {
				said = err.Error() + "\n"
			}
			if (q == nil) == (err == nil) {
				t.Errorf("Parse returned %v and %v; want one of them", q, err)
			}
			if *update {
				whole, _ := os.ReadFile(file)
				head, _, _ := strings.Cut("\n"+string(whole), "\n-----\n")
				head = strings.TrimPrefix(head+"\n-----\n", "\n")
				if err := os.WriteFile(file, []byte(head+said), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.expected, said); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}
