// Command cxmirror measures customer experience on both sides of a company: it compares what external
// customers and internal customers, the employees, answered to the same list of expectations.
//
// This package reads settings, wires the packages together, and turns errors into messages and exit codes.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"cxmirror/pkg/survey"
)

// Exit codes, as the help of the program states them.
const (
	exitDone     = 0
	exitFailed   = 1 // nothing was made
	exitUsage    = 2 // the command line or a setting is wrong
	exitRejected = 3 // the result was made, but without rows that were rejected
)

// version is set when the program is built.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // who asks a second time is not kept waiting
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// world is what a command has of the outside.
type world struct {
	ctx    context.Context //nolint:containedctx // lives as long as the one command that gets it
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	now    func() time.Time
	ready  func(address string) // told once the service answers
}

type commands struct {
	Compare compareCommand `cmd:"" help:"Rank and compare what two populations answered to the same question."`
	Lint    lintCommand    `cmd:"" help:"Check questionnaires and code frames."`
	Map     mapCommand     `cmd:"" help:"Explain maps, which read files of other programs, by example."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON Schema of questionnaires, for editors."`
	Example exampleCommand `cmd:"" help:"Compare both sides of a published survey, and write the page."`

	Demo        demoCommand        `cmd:"" help:"Serve an organisation with simulated answers, to look around in."`
	Serve       serveCommand       `cmd:"" help:"Serve the pages of respondents and the workbench."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date."`
	Backup      backupCommand      `cmd:"" help:"Copy the embedded database while it is in use."`
	Restore     restoreCommand     `cmd:"" help:"Put a backup of the embedded database back."`
	Secret      secretCommand      `cmd:"" help:"Say whether the secret is that of the database, and go on where it is lost for good."`
	User        userCommand        `cmd:"" help:"Make users, and let those in who cannot come in any more."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running service whether it is ready."`

	Version versionCommand `cmd:"" help:"Print the version."`

	VersionFlag kong.VersionFlag `name:"version" help:"Print the version."`
}

const description = `cxmirror puts what customers and what employees expect on one list, ranks both sides with
honest uncertainty, and says where they differ, where they are practically the same, and where the data cannot tell.

Every flag can also be set in the environment: --top as CXMIRROR_TOP, and so on.

Exit codes: 0 done; 1 failed, nothing was made; 2 wrong command line or setting; 3 done, but some rows were
rejected (each is named on standard error and counted in the result).`

// run is the program without a process around it. It returns the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	w := world{ctx: ctx, stdin: os.Stdin, stdout: stdout, stderr: stderr, getenv: getenv, now: time.Now, ready: func(string) {}}
	return w.run(args)
}

// run does what a command line asks for, and returns the exit code.
func (w *world) run(args []string) int {
	w.stderr = harmless{w.stderr}
	stdout, stderr := w.stdout, w.stderr
	var line commands
	ended := -1
	parser, err := kong.New(&line,
		kong.Name("cxmirror"),
		kong.Vars{"version": "cxmirror " + version},
		kong.Description(description),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { ended = code }),
		kong.Resolvers(environment(w.getenv)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ValueFormatter(environmentInHelp),
	)
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if ended >= 0 {
		return ended // help was asked for, and was printed
	}
	if err != nil {
		return fail(stderr, exitUsage, fmt.Errorf("%w\nRun `cxmirror %s--help` to see what can be asked.", err, commandOf(parser, args))) //nolint:revive,staticcheck // a sentence for people
	}
	err = parsed.Run(w)
	if err == nil {
		return exitDone
	}
	if ended, ok := errors.AsType[*endedError](err); ok {
		return ended.code
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		return fail(stderr, exitUsage, usage)
	}
	return fail(stderr, exitFailed, err)
}

// endedError ends the program with a code. All that there is to say has been said.
type endedError struct{ code int }

func (e *endedError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// usageError is a setting that the command line's grammar allows and that makes no sense.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// fail writes an error. Diagnostics of files come as they are, several lines each; what else there is gets
// the program's name before it.
func fail(stderr io.Writer, code int, err error) int {
	if _, ok := errors.AsType[survey.Diagnostics](err); ok {
		fmt.Fprintln(stderr, err)
	} else {
		fmt.Fprintln(stderr, "cxmirror:", err)
	}
	return code
}

// harmless takes out of messages what a terminal would obey: names of files and columns are chosen by others.
type harmless struct{ to io.Writer }

// Write writes whole messages; it is not for halves of letters.
func (h harmless) Write(message []byte) (int, error) {
	_, err := h.to.Write(bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, message))
	if err != nil {
		return 0, err
	}
	return len(message), nil
}

// environmentPrefix begins the name of every setting.
const environmentPrefix = "CXMIRROR_"

// environment gives flags that are not on the command line their value from the environment.
func environment(getenv func(string) string) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		value := getenv(variableOf(flag.Name))
		if value == "" || flag.Name == "help" || flag.Name == "version" {
			return nil, nil // kong's word for "not set"
		}
		return value, nil
	})
}

func variableOf(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// environmentInHelp leaves the help of a flag as it is: that every flag has a variable is said once.
func environmentInHelp(value *kong.Value) string { return value.Help }

// commandOf returns the command that was asked for, and a blank, if there is such a command.
func commandOf(parser *kong.Kong, args []string) string {
	for _, command := range parser.Model.Children {
		if command.Name == args[0] {
			return args[0] + " "
		}
	}
	return ""
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(w *world) error {
	_, err := fmt.Fprintln(w.stdout, "cxmirror", version)
	return err
}
