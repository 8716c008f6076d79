package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"cxmirror/pkg/access"
)

// password returns a password: typed twice at a terminal, which does not show it, or the first line of standard
// input. It is no argument and no setting, where others on the machine, and histories of shells, would see it.
func (w *world) password() (string, error) {
	file, ok := w.stdin.(*os.File)
	if !ok {
		return readPassword(w.stdin)
	}
	restore, terminal, err := hide(file)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	if !terminal {
		return readPassword(file)
	}
	var first, again string
	typed := bufio.NewReader(file)
	err = uninterrupted(w.ctx, func() (err error) {
		if first, err = w.ask(typed, "Password: "); err == nil {
			again, err = w.ask(typed, "Once more: ")
		}
		return err
	})
	if err := errors.Join(err, restore()); err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	if first != again {
		return "", errors.New("password: the two are not the same; nothing was changed")
	}
	return first, nil
}

// uninterrupted does something that waits for somebody at a terminal, until she is done or the context ends. A
// terminal has to be restored in either case.
func uninterrupted(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask asks for one line that is not shown.
func (w *world) ask(typed *bufio.Reader, question string) (string, error) {
	fmt.Fprint(w.stderr, question)
	line, err := typed.ReadString('\n')
	fmt.Fprintln(w.stderr)
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// readPassword reads the first line of what is piped in.
func readPassword(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, 4*access.MaxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("password: standard input: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("password: there is none on standard input; type it at a terminal, pipe it in, or let --link make a link by which the user chooses one")
	}
	return line, nil
}
