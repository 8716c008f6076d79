package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cxmirror/pkg/survey"
	"cxmirror/surveys"
)

// loadQuestionnaire reads a questionnaire from a file, or one of the bundled ones by its code. Code frames
// are looked for in the folder frames beside the file first, and then among the bundled ones.
func loadQuestionnaire(name string) (*survey.Questionnaire, error) {
	src, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(surveys.Names(), name) {
		src, err = surveys.Questionnaire(name)
	} else if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s, and no questionnaire of that name among the bundled ones (%s)", name, strings.Join(surveys.Names(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("read the questionnaire: %w", err)
	}
	return survey.Parse(src, name, framesBeside(filepath.Dir(name)))
}

// framesBeside finds code frames in the folder frames of a directory, or among the bundled ones.
func framesBeside(dir string) survey.FrameSource {
	return func(code string) ([]byte, error) {
		// A frame's code cannot leave the folder: fs.ValidPath refuses "..", and os.Root every link out.
		root, err := os.OpenRoot(filepath.Join(dir, "frames"))
		if err != nil {
			return surveys.Frame(code)
		}
		defer root.Close()
		src, err := root.ReadFile(code + ".yaml")
		if errors.Is(err, fs.ErrNotExist) {
			return surveys.Frame(code)
		}
		return src, err
	}
}

// itemToCompare returns the item of a code or, without one, the first that can be ranked.
func itemToCompare(q *survey.Questionnaire, code survey.ItemCode) (*survey.Item, error) {
	var can []string
	for i := range q.Items {
		it := &q.Items[i]
		if !it.Ranked() {
			continue
		}
		if code == "" || it.Code == code {
			return it, nil
		}
		can = append(can, string(it.Code))
	}
	if len(can) == 0 {
		return nil, fmt.Errorf("%s has no item to rank: it takes a multi, rank or rating item with several options or rows", q.Code)
	}
	if it, ok := q.Item(code); ok {
		why := ""
		if it.Kind == survey.Rating {
			why = " of one row"
		}
		return nil, usage("--item %s: %s%s cannot be ranked; %s can", code, it.Kind.AnItem(), why, strings.Join(can, ", "))
	}
	near := survey.Nearest(string(code), can)
	if near != "" {
		near = fmt.Sprintf("; did you mean %s?", near)
	}
	return nil, usage("--item %s: %s has no such item%s; it can rank %s", code, q.Code, near, strings.Join(can, ", "))
}
