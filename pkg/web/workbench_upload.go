package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"cxmirror/pkg/survey"
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

// line returns a field as one line, as names are: see [survey.OneLine].
func (u *upload) line(field string) string { return survey.OneLine(u.text(field)) }

// drainLimit is how many bytes of a form are read that is too large: a browser reads no answer before it has sent
// all, so who sends a little too much is heard out.
const drainLimit = 1 << 30

// readUpload reads a form of at most limit bytes, with files or without. A longer one is errTooLarge, half of
// one is errIncomplete; both come with the fields that arrived, if any did. One that takes too long is errTooSlow.
func readUpload(r *http.Request, limit int64) (*upload, error) {
	body := io.LimitReader(r.Body, drainLimit)
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		return readParts(multipart.NewReader(body, parameters["boundary"]), limit)
	}
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if int64(len(content)) > limit {
		_, _ = io.Copy(io.Discard, body)
		return nil, errTooLarge
	}
	if err != nil {
		return nil, brokenOff(err)
	}
	fields, err := url.ParseQuery(string(content))
	if err != nil {
		err = brokenOff(err)
	}
	return &upload{fields: fields}, err
}

// readParts reads a form part by part. A part that does not fit any more is left out, the ones behind it are not:
// the fields of a form can stand behind a file that is too large.
func readParts(parts *multipart.Reader, limit int64) (*upload, error) {
	u := &upload{fields: make(url.Values), files: make(map[string]uploadedFile)}
	var tooLarge error
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return u, tooLarge
		}
		if err != nil {
			return u, errors.Join(tooLarge, brokenOff(err))
		}
		content, err := io.ReadAll(io.LimitReader(part, limit+1))
		if int64(len(content)) > limit {
			tooLarge = errTooLarge
			if _, err := io.Copy(io.Discard, part); err != nil {
				return u, tooLarge
			}
			continue
		}
		limit -= int64(len(content))
		if name := part.FileName(); name != "" && err == nil {
			u.files[part.FormName()] = uploadedFile{path.Base(strings.ReplaceAll(name, `\`, "/")), content}
		} else if name == "" {
			u.fields.Add(part.FormName(), string(content))
		}
		if err != nil {
			return u, errors.Join(tooLarge, brokenOff(err))
		}
	}
}

// brokenOff is a form that did not arrive whole, or errTooSlow.
func brokenOff(err error) error {
	if errors.Is(err, errTooSlow) {
		return errTooSlow
	}
	return echo.NewHTTPError(http.StatusBadRequest).SetInternal(errors.Join(errIncomplete, err))
}
