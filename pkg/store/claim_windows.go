package store

import (
	"errors"
	"os"
	"syscall"
)

// errLocked is a file that somebody else has locked.
var errLocked = errors.New("the file is locked")

// sharingViolation is what Windows answers about a file that somebody else has opened for himself.
const sharingViolation = syscall.Errno(32)

// lockFile opens a file, made when it is missing, which others may read but not open for writing until it is
// closed or the process ends.
func lockFile(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}
