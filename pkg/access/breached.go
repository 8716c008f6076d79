package access

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the lists that there are have SHA-1 hashes; nothing is kept secret by it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// breachedList is a file of hashes of passwords, sorted, which is searched where it lies: those that are handed out
// have tens of gigabytes.
type breachedList struct{ path string }

const (
	hashDigits  = 2 * sha1.Size
	longestLine = 128 // bytes: a hash, a count and what ends the line are half as many
)

// newBreachedList looks whether a file can be searched.
func newBreachedList(path string) (*breachedList, error) {
	list := &breachedList{path: path}
	if _, err := list.has("whether the file can be read at all"); err != nil {
		return nil, err
	}
	return list, nil
}

// has reports whether the list has a password.
func (l *breachedList) has(password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
	sought := strings.ToUpper(hex.EncodeToString(sum[:]))
	file, err := os.Open(l.path)
	if err != nil {
		return false, fmt.Errorf("list of known passwords: %w", err)
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("list of known passwords: %w", err)
	}
	// The line that is sought begins at low or behind it, and before high.
	low, high := int64(0), about.Size()
	for low < high {
		middle := low + (high-low)/2
		start, hash, next, err := lineAround(file, middle)
		if err != nil {
			return false, fmt.Errorf("list of known passwords %s: %w", l.path, err)
		}
		switch strings.Compare(sought, hash) {
		case 0:
			return true, nil
		case -1:
			high = start
		default:
			low = next
		}
	}
	return false, nil
}

// lineAround returns where the line that has the byte at begins, its hash, and where the next line begins.
func lineAround(file io.ReaderAt, at int64) (start int64, hash string, next int64, err error) {
	from := max(0, at-longestLine)
	block := make([]byte, 2*longestLine)
	n, err := file.ReadAt(block, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, "", 0, err
	}
	block = block[:n]
	here := int(at - from)
	if here >= len(block) {
		return 0, "", 0, errors.New("it became shorter while it was read")
	}
	first := bytes.LastIndexByte(block[:here], '\n') + 1
	line := block[first:]
	length := bytes.IndexByte(line, '\n')
	if length < 0 { // the last line
		length = len(line)
	}
	start, next = from+int64(first), from+int64(first)+int64(length)+1
	digits, _, _ := strings.Cut(strings.TrimSpace(string(line[:length])), ":")
	digits = strings.ToUpper(digits)
	if _, err := hex.DecodeString(digits); err != nil || len(digits) != hashDigits {
		return 0, "", 0, fmt.Errorf("at byte %d stands no line such as %s:12: want SHA-1 hashes, sorted, one a line", start, strings.Repeat("0", hashDigits))
	}
	return start, digits, next, nil
}
