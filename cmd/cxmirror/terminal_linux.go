package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// hide keeps a terminal from showing what is typed, until it is restored. ok is false where there is no terminal.
func hide(file *os.File) (restore func() error, ok bool, err error) {
	fd := int(file.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, false, nil //nolint:nilerr // it is a pipe or a file
	}
	hidden := *was
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, true, err
	}
	return func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, was) }, true, nil
}
