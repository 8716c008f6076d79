//go:build !linux

package main

import (
	"errors"
	"os"
)

// hide keeps a terminal from showing what is typed. On this system it cannot, and says so.
func hide(file *os.File) (restore func() error, ok bool, err error) {
	about, err := file.Stat()
	if err != nil || about.Mode()&os.ModeCharDevice == 0 {
		return nil, false, err
	}
	return nil, true, errors.New("on this system what is typed would be shown: hand the password over by a pipe, or use --link")
}
