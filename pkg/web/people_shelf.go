package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"cxmirror/pkg/survey"
)

// Bounds of what is kept between two pages.
const (
	keptFor   = time.Hour // since somebody last used it
	keptBytes = 512 << 20 // of all files; beyond it, those used least recently go
)

// errNotKept is a file that was sent and is not here any more: its time is over, the program was started anew, or
// another replica has it.
var errNotKept = fmt.Errorf("the file is not kept any more: %w", survey.ErrNotFound)

// shelf keeps files between the page that shows what is in them and the one that stores it, so that nobody has to
// send them twice. They are on disk and not in the database, of this replica only, and nobody finds them there:
// each is taken out of its directory as soon as it is written, so it is gone when the program ends, however it does.
type shelf struct {
	now    func() time.Time
	random io.Reader

	mu   sync.Mutex
	kept map[string]*keptFile // by a random id, which is not to be guessed
}

// keptFile is a file that waits for a decision, and then what came of it.
type keptFile struct {
	organisation survey.OrganisationID
	room         string // which page it belongs to
	name         string
	size         int64
	used         time.Time
	file         *os.File
	path         string // "" where the system lets an open file be removed

	mu   sync.Mutex // whoever decides
	done any        // what came of the decision; nil is none yet
}

func newShelf(now func() time.Time, random io.Reader) *shelf {
	return &shelf{now: now, random: random, kept: make(map[string]*keptFile)}
}

// keep puts a file on the shelf and returns the id under which it is found.
func (s *shelf) keep(organisation survey.OrganisationID, room string, sent uploadedFile) (string, error) {
	raw := make([]byte, 16)
	if _, err := io.ReadFull(s.random, raw); err != nil {
		return "", fmt.Errorf("id of a file: %w", err)
	}
	file, err := os.CreateTemp("", "cxmirror-*") // for its owner alone
	if err != nil {
		return "", fmt.Errorf("keep a file: %w", err)
	}
	f := &keptFile{organisation: organisation, room: room, name: sent.name, size: int64(len(sent.content)), file: file}
	if os.Remove(file.Name()) != nil {
		f.path = file.Name()
	}
	if _, err := file.Write(sent.content); err != nil {
		return "", fmt.Errorf("keep a file: %w", errors.Join(err, f.close()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(f.size)
	f.used = s.now()
	id := hex.EncodeToString(raw)
	s.kept[id] = f
	time.AfterFunc(keptFor+time.Minute, s.sweepLater)
	return id, nil
}

// find returns a file of an organisation, or errNotKept.
func (s *shelf) find(organisation survey.OrganisationID, room, id string) (*keptFile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(0)
	f, ok := s.kept[id]
	if !ok || f.organisation != organisation || f.room != room {
		return nil, errNotKept
	}
	f.used = s.now()
	return f, nil
}

// sweepLater looks for files whose time is over, also where nobody comes any more.
func (s *shelf) sweepLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(0)
}

// sweep drops files whose time is over and, if there is no room for so many more bytes, others. The mutex is held.
func (s *shelf) sweep(more int64) {
	total := more
	for id, f := range s.kept {
		if s.now().Sub(f.used) >= keptFor {
			delete(s.kept, id)
			_ = f.close() // nobody needs it
			continue
		}
		total += f.size
	}
	for total > keptBytes && len(s.kept) > 0 {
		oldest := ""
		for id, f := range s.kept {
			if oldest == "" || f.used.Before(s.kept[oldest].used) {
				oldest = id
			}
		}
		total -= s.kept[oldest].size
		_ = s.kept[oldest].close() // nobody needs it more than the one who comes now
		delete(s.kept, oldest)
	}
}

// open returns the file from its beginning, also for several readers at once.
func (f *keptFile) open() io.Reader { return io.NewSectionReader(f.file, 0, f.size) }

func (f *keptFile) close() error {
	err := f.file.Close()
	if f.path != "" {
		err = errors.Join(err, os.Remove(f.path))
	}
	return err
}
