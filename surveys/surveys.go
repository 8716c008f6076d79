// Package surveys holds the questionnaires that come with cxmirror and the code frames they share, as the
// YAML files beside this one: <code>.yaml is a questionnaire, frames/<code>.yaml a code frame.
//
// The package hands out files and knows nothing of what is in them: the grammar, and what a valid
// questionnaire is, belong to pkg/survey. Codes in these files never change once they have been used in a
// fielded survey, since answers are kept by code; the words may be improved, with a higher version.
package surveys

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.yaml frames/*.yaml
var files embed.FS

// FS returns the files: questionnaires at the root, code frames in the folder frames.
func FS() fs.FS { return files }

// Names returns the codes of the questionnaires, sorted.
func Names() []string { return codes(".") }

// FrameNames returns the codes of the code frames, sorted.
func FrameNames() []string { return codes("frames") }

// Questionnaire returns the YAML of the questionnaire with the given code. If there is none, the error
// wraps [fs.ErrNotExist] and names those there are.
func Questionnaire(code string) ([]byte, error) {
	return read("questionnaire", code, ".", Names())
}

// Frame returns the YAML of the code frame with the given code. If there is none, the error wraps
// [fs.ErrNotExist] and names those there are.
func Frame(code string) ([]byte, error) {
	return read("code frame", code, "frames", FrameNames())
}

// codes lists the files of a folder without their extension. An embedded folder is always readable and
// sorted, and what it holds was fixed when the program was built.
func codes(folder string) []string {
	paths, err := fs.Glob(files, path.Join(folder, "*.yaml"))
	if err != nil {
		panic(err) // only a malformed pattern can fail
	}
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = strings.TrimSuffix(path.Base(p), ".yaml")
	}
	return names
}

// read returns a file of a folder. What is asked for comes from people, so it is looked up among the codes
// there are and never joined to a path unchecked.
func read(kind, code, folder string, known []string) ([]byte, error) {
	if !slices.Contains(known, code) {
		return nil, fmt.Errorf("%s %q: %w; there are %s", kind, code, fs.ErrNotExist, strings.Join(known, ", "))
	}
	return files.ReadFile(path.Join(folder, code+".yaml"))
}
