package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html/template"
	"io/fs"
	"sync"

	"github.com/labstack/echo/v4"
)

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
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is one there is
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
	return s.send(c, status, buffer.Bytes())
}

// send sends HTML, packed where the browser can unpack it.
func (s *Server) send(c echo.Context, status int, html []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
	h.Set(echo.HeaderVary, "Accept-Encoding, Accept-Language, Cookie")
	if !takesGzip(c.Request()) {
		c.Response().WriteHeader(status)
		_, err := c.Response().Write(html)
		return err
	}
	h.Set(echo.HeaderContentEncoding, "gzip")
	c.Response().WriteHeader(status)
	packer, _ := s.pages.packers.Get().(*gzip.Writer) // that is what the pool makes
	defer s.pages.packers.Put(packer)
	packer.Reset(c.Response())
	if _, err := packer.Write(html); err != nil {
		return err
	}
	return packer.Close()
}
