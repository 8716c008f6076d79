package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// upload is a form of the workbench: its fields and its files.
type upload struct {
	fields url.Values
	files  map[string]uploadedFile
}

type uploadedFile struct {
	name    string
	content []byte
}

// text returns a field with the line ends that were typed (browsers send CR LF), and without what no database
// takes for text.
func (u *upload) text(field string) string {
	return strings.NewReplacer("\r\n", "\n", "\x00", "").Replace(strings.ToValidUTF8(u.fields.Get(field), "\uFFFD"))
}

// readUpload reads a form of at most limit bytes, with files or without. A longer one is errTooLarge, half of
// one is refused.
func readUpload(r *http.Request, limit int64) (*upload, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if int64(len(body)) > limit {
		_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, uploadLimit)) // a browser reads no answer before it has sent all
		return nil, errTooLarge
	}
	if err != nil {
		return nil, brokenOff(err)
	}
	u := &upload{files: make(map[string]uploadedFile)}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		if u.fields, err = url.ParseQuery(string(body)); err != nil {
			return nil, brokenOff(err)
		}
		return u, nil
	}
	u.fields = make(url.Values)
	parts := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, nil
		}
		if err != nil {
			return nil, brokenOff(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, brokenOff(err)
		}
		if name := part.FileName(); name != "" {
			u.files[part.FormName()] = uploadedFile{path.Base(strings.ReplaceAll(name, `\`, "/")), content}
			continue
		}
		u.fields.Add(part.FormName(), string(content))
	}
}

// brokenOff is a form that did not arrive whole.
func brokenOff(err error) error {
	return echo.NewHTTPError(http.StatusBadRequest).SetInternal(errors.Join(errIncomplete, err))
}
