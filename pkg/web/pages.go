package web

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"html/template"
	"io/fs"
	"strconv"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/labstack/echo/v4"
)

// packLevel is how hard is tried, from 1 to 9, to make small what is packed while somebody waits for it.
const packLevel = 3

// pages are the templates, one set for each folder of templates/.
type pages struct {
	sets     map[string]*template.Template // by folder
	buffers  sync.Pool
	packers  sync.Pool
	executed func(name string) // told of every template executed; tests listen
}

func newPages(fsys fs.FS, files *static) (*pages, error) {
	p := &pages{
		sets:     make(map[string]*template.Template),
		executed: func(string) {},
	}
	p.buffers.New = func() any { return new(bytes.Buffer) }
	p.packers.New = func() any {
		w, _ := flate.NewWriter(nil, packLevel) // the level is one there is
		return w
	}
	folders, err := fs.ReadDir(fsys, "templates")
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		set := template.New(folder.Name()).Option("missingkey=error").Funcs(template.FuncMap{"static": files.address})
		if set, err = set.ParseFS(fsys, "templates/"+folder.Name()+"/*.html"); err != nil {
			return nil, err
		}
		p.sets[folder.Name()] = set
	}
	return p, nil
}

// buffer returns an empty buffer of the pool.
func (p *pages) buffer() *bytes.Buffer {
	buffer, _ := p.buffers.Get().(*bytes.Buffer) // that is what the pool makes
	buffer.Reset()
	return buffer
}

// write executes the template of a folder into a buffer, so that a page is sent whole or not at all.
func (p *pages) write(to *bytes.Buffer, folder, name string, page any) error {
	set, ok := p.sets[folder]
	if !ok {
		return fmt.Errorf("there is no templates/%s", folder)
	}
	p.executed(folder + "/" + name)
	return set.ExecuteTemplate(to, name, page)
}

// show sends a page. page is the struct made for the template.
func (s *Server) show(c echo.Context, status int, folder, name string, page any) error {
	buffer := s.pages.buffer()
	defer s.pages.buffers.Put(buffer)
	if err := s.pages.write(buffer, folder, name, page); err != nil {
		return fmt.Errorf("page %s/%s: %w", folder, name, err)
	}
	html := buffer.Bytes()
	if actor := actorOf(c); actor != nil && len(actor.Memberships) > 1 {
		html = markForms(html, c.Request().URL.Path, actor.Organisation.ID)
	}
	return s.send(c, status, piece{html: html})
}

// piece is a part of a page. One that many pages have is kept packed as well: packed parts can be sent one after
// the other.
type piece struct {
	html   []byte
	packed []byte // blocks of deflate that end with a byte and look at nothing before them; nil if it is not kept
}

// hole is where a template leaves a place for other pieces. No template writes this character for anything that it
// is handed: html/template replaces it.
const (
	hole          template.HTML     = "\x00"
	attributeHole template.HTMLAttr = "\x00"
)

// mould is what a template makes around its holes, one piece more than there are holes.
type mould []piece

// html returns what a template without holes has made.
func (m mould) html() template.HTML {
	var all []byte
	for i := range m {
		all = append(all, m[i].html...)
	}
	return template.HTML(all) //nolint:gosec // a template has escaped it
}

// cast executes a template of respondents' pages that has holes.
func (p *pages) cast(name string, view any) (mould, error) {
	buffer := p.buffer()
	defer p.buffers.Put(buffer)
	if err := p.write(buffer, "respond", name, view); err != nil {
		return nil, err
	}
	var m mould
	for html := range bytes.SplitSeq(bytes.Clone(buffer.Bytes()), []byte(hole)) {
		m = append(m, piece{html: html})
	}
	return m, nil
}

// prepack packs the pieces of a mould as small as they get, since it is done once for many pages.
func (m mould) prepack() error {
	packer, err := flate.NewWriter(nil, flate.BestCompression)
	if err != nil {
		return err
	}
	for i := range m {
		var packed bytes.Buffer
		packer.Reset(&packed)
		if _, err := packer.Write(m[i].html); err != nil {
			return err
		}
		if err := packer.Flush(); err != nil { // ends the block, and the byte
			return err
		}
		m[i].packed = bytes.Clone(packed.Bytes())
	}
	return nil
}

// What stands around the blocks of deflate in a gzip file (RFC 1952): a header that says nothing of where the file
// is from, and an empty block to end with.
const (
	gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	gzipEnd  = "\x03\x00"
)

// pack writes pieces as one gzip file. Those that are kept packed are copied; those beside one another that are not
// are packed together.
func (p *pages) pack(to *bytes.Buffer, pieces []piece) error {
	packer, _ := p.packers.Get().(*flate.Writer) // that is what the pool makes
	defer p.packers.Put(packer)
	to.WriteString(gzipHead)
	var sum, size uint32
	loose := false // the packer holds what is not written yet
	for i := range pieces {
		part := &pieces[i]
		sum = crc32.Update(sum, crc32.IEEETable, part.html)
		size += uint32(len(part.html)) //nolint:gosec // it is kept modulo 2^32
		switch {
		case part.packed == nil:
			if !loose {
				packer.Reset(to)
			}
			loose = true
			if _, err := packer.Write(part.html); err != nil {
				return err
			}
			continue
		case loose:
			loose = false
			if err := packer.Flush(); err != nil {
				return err
			}
		}
		to.Write(part.packed)
	}
	if loose {
		if err := packer.Flush(); err != nil {
			return err
		}
	}
	to.WriteString(gzipEnd)
	to.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(to.AvailableBuffer(), sum), size))
	return nil
}

// send sends a page made of pieces.
func (s *Server) send(c echo.Context, status int, pieces ...piece) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
	h.Set(echo.HeaderVary, "Accept-Encoding, Accept-Language, Cookie")
	return s.sendPieces(c, status, pieces...)
}

// sendPieces sends what is made of pieces, packed where the browser can unpack it.
func (s *Server) sendPieces(c echo.Context, status int, pieces ...piece) error {
	buffer := s.pages.buffer()
	defer s.pages.buffers.Put(buffer)
	h := c.Response().Header()
	if takesGzip(c.Request()) {
		h.Set(echo.HeaderContentEncoding, "gzip")
		if err := s.pages.pack(buffer, pieces); err != nil {
			return fmt.Errorf("pack a page: %w", err)
		}
	} else {
		for i := range pieces {
			buffer.Write(pieces[i].html)
		}
	}
	h.Set(echo.HeaderContentLength, strconv.Itoa(buffer.Len()))
	c.Response().WriteHeader(status)
	_, err := c.Response().Write(buffer.Bytes())
	return err
}
