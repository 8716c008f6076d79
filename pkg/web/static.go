package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
)

// static is every file under static/, under a name that holds a hash of it: a browser may keep it for good.
type static struct {
	byName map[string]staticFile // "respond-0123456789ab.css"
	names  map[string]string     // "respond.css" -> its name with the hash
}

type staticFile struct {
	kind    string // its media type
	content []byte
	packed  []byte // the same, gzip
}

func newStatic(fsys fs.FS, dir string) (*static, error) {
	s := &static{byName: make(map[string]staticFile), names: make(map[string]string)}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(fsys, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if err := s.add(entry.Name(), content); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add names a file and keeps it ready to be sent.
func (s *static) add(name string, content []byte) error {
	kinds := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	extension := path.Ext(name)
	kind, ok := kinds[extension]
	if !ok {
		return fmt.Errorf("static/%s: no media type is known for %q", name, extension)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	hashed := strings.TrimSuffix(name, extension) + "-" + hex.EncodeToString(sum[:6]) + extension
	s.names[name] = hashed
	s.byName[hashed] = staticFile{kind: kind, content: content, packed: packed.Bytes()}
	return nil
}

// address returns where a file is found. It is an error of a template to ask for one that is not there.
func (s *static) address(name string) (string, error) {
	hashed, ok := s.names[name]
	if !ok {
		return "", fmt.Errorf("there is no static/%s", name)
	}
	return "/static/" + hashed, nil
}

func (s *Server) showStatic(c echo.Context) error {
	file, ok := s.static.byName[c.Param("name")]
	if !ok {
		return fmt.Errorf("static file: %w", survey.ErrNotFound)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(c.Request()) {
		h.Set("Content-Encoding", "gzip")
		return c.Blob(http.StatusOK, file.kind, file.packed)
	}
	return c.Blob(http.StatusOK, file.kind, file.content)
}

// takesGzip reports whether the visitor's browser can unpack what is sent.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(parameters, " ", "") != "q=0"
		}
	}
	return false
}
