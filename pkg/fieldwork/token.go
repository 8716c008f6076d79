package fieldwork

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"cxmirror/pkg/store"
	"cxmirror/pkg/survey"
)

const (
	minSecret = 32 // bytes
	keyBytes  = 32 // of AES-256 and of what respondents' keys are made of

	tokenBytes = 20 // 160 bits: nobody meets a token by trying
	codeLength = 10 // of 32 letters each: 50 bits, for people to type; whoever tries many is slowed down by the page

	// codeLetters leaves out what is mistaken for something else on paper: 0 and O, 1 and I.
	codeLetters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
)

// Secret is what the service knows and its database does not: tokens, access codes and the keys of sealed
// answers are made of it. All servers of one database have the same. What is lost with it the package's comment says.
type Secret struct {
	key *[]byte // behind a pointer, which fmt prints as an address even where it cannot call String
}

// NewSecret returns the secret of at least 32 random bytes.
func NewSecret(key []byte) (Secret, error) {
	if len(key) < minSecret {
		return Secret{}, fmt.Errorf("a secret has at least %d bytes, and this one has %d", minSecret, len(key))
	}
	if len(bytes.Trim(key, string(key[:1]))) == 0 {
		return Secret{}, errors.New("the bytes of the secret are all the same: it needs to be random")
	}
	key = bytes.Clone(key)
	return Secret{key: &key}, nil
}

// ReadSecret reads the secret from a file: 32 bytes in base64, on one line. A file that is missing is made, for
// its owner alone, with bytes of random; of several servers that start at once one makes it and all read it. A
// file that others may read is an error.
func ReadSecret(path string, random io.Reader) (Secret, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the path is a setting
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeSecret(path, random); err == nil {
			content, err = os.ReadFile(path) //nolint:gosec // the same
		}
	}
	if err != nil {
		return Secret{}, fmt.Errorf("secret: %w", err)
	}
	if about, err := os.Stat(path); err != nil {
		return Secret{}, fmt.Errorf("secret: %w", err)
	} else if about.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		return Secret{}, fmt.Errorf("secret: others than its owner may read %s (mode %04o): chmod 600 %[1]s", path, about.Mode().Perm())
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(content)))
	if err != nil { // the error would quote the secret
		return Secret{}, fmt.Errorf("secret: %s is not %d bytes in base64, as made by: openssl rand -base64 %[2]d", path, minSecret)
	}
	secret, err := NewSecret(key)
	if err != nil {
		return Secret{}, fmt.Errorf("secret: %s: %w", path, err)
	}
	return secret, nil
}

// makeSecret writes a file with a new secret, whole or not at all, unless there is one by then.
func makeSecret(path string, random io.Reader) error {
	key := make([]byte, minSecret)
	if _, err := io.ReadFull(random, key); err != nil {
		return fmt.Errorf("random bytes: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
		return nil // another server was faster: its secret is the one
	}
	return err
}

// String returns "[secret]", whatever the secret is.
func (Secret) String() string { return "[secret]" }

// GoString returns what String does.
func (s Secret) GoString() string { return s.String() }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns what String does.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Fingerprint returns 32 bytes that tell the secret from others and say nothing of what it is. The database keeps
// them, so that it is not used with another secret.
func (s Secret) Fingerprint() []byte { return s.sum("fingerprint", "cxmirror") }

// AccessKey returns 32 bytes from which package access derives the keys of second factors and of browsers that are
// known again.
func (s Secret) AccessKey() []byte { return s.sum("access", "cxmirror") }

// sum returns the HMAC-SHA256 of a text for one purpose.
func (s Secret) sum(purpose, of string) []byte {
	mac := hmac.New(sha256.New, *s.key)
	_, _ = io.WriteString(mac, purpose+"\x00"+of) // no purpose is the beginning of another with its zero
	return mac.Sum(nil)
}

// Token returns the secret part of an invitation's personal link, /s/{token}: 32 characters of a to z and 2 to 7.
// It follows from the invitation's id and is stored nowhere, so that a link can be sent again.
func (s Secret) Token(id survey.InvitationID) string {
	return strings.ToLower(base32.StdEncoding.EncodeToString(s.sum("token", string(id))[:tokenBytes]))
}

// HashToken returns what the database keeps of a token: its SHA-256. Any text can be given; mail programs and
// people who type may have changed its case.
func HashToken(token string) []byte {
	hash := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(token))))
	return hash[:]
}

// keyOf returns the key of the response that belongs to a token, in the form of keys that browsers keep. The
// hash of the key, which the database has, does not tell of which token it is, nor does the hash of the token.
func keyOf(token string) string {
	hash := sha256.Sum256([]byte("key of the response\x00" + strings.ToLower(strings.TrimSpace(token))))
	return hex.EncodeToString(hash[:])
}

// Code returns an invitation's access code on paper, in two groups of five: "K7QXM-3FPWA".
func (s Secret) Code(id survey.InvitationID) string {
	sum := s.sum("code", string(id))
	code := make([]byte, 0, codeLength+1)
	for i, b := range sum[:codeLength] {
		if i == codeLength/2 {
			code = append(code, '-')
		}
		code = append(code, codeLetters[int(b)%len(codeLetters)]) // 256 is a multiple of 32: no letter is likelier
	}
	return string(code)
}

// Ways returns an invitation's ways in, as the database keeps them.
func (s Secret) Ways(id survey.InvitationID) store.Ways {
	token := s.Token(id)
	return store.Ways{TokenHash: HashToken(token), CodeHash: s.HashCode(s.Code(id)), Key: keyOf(token)}
}

// HashCode returns what the database keeps of an access code, or nil if what was typed cannot be one. Upper and
// lower case, blanks and hyphens do not matter, nor does it whether letters that look alike were typed on a
// Latin, Cyrillic or Greek keyboard. Codes are short, so the hash is keyed: who has only the database cannot
// try them all.
func (s Secret) HashCode(typed string) []byte {
	code, ok := plainCode(typed)
	if !ok {
		return nil
	}
	return s.sum("code as stored", code)
}

// plainCode returns the letters of an access code as it was printed.
func plainCode(typed string) (string, bool) {
	// Cyrillic, then Greek capitals that look like Latin ones.
	const foreign, latin = "АВЕКМНРСТУХѕЅЈЗΑΒΕΖΗΚΜΝΡΤΥΧ", "ABEKMHPCTYXSSJ3ABEZHKMNPTYX"
	alike := make(map[rune]rune, len(latin))
	at := 0
	for _, r := range foreign {
		alike[r] = rune(latin[at])
		at++
	}
	var code strings.Builder
	for _, r := range strings.ToUpper(typed) {
		switch {
		case strings.ContainsRune(" -\u00a0\u2010\u2011\u2012\u2013\u2014\u2212\u202f\t_.", r):
			continue
		case alike[r] != 0:
			r = alike[r]
		case r >= '０' && r <= 'Ｚ': // full width, as some phones write
			r -= '０' - '0'
		}
		if !strings.ContainsRune(codeLetters, r) || code.Len() == codeLength {
			return "", false
		}
		code.WriteRune(r)
	}
	return code.String(), code.Len() == codeLength
}

// sealingKey returns the key of the sealed answers of a wave.
func (s Secret) sealingKey(wave survey.WaveID) ([]byte, error) {
	return hkdf.Key(sha256.New, *s.key, nil, "cxmirror sealed answers of wave "+strconv.FormatInt(int64(wave), 10), keyBytes)
}

// draftKey returns the key of the draft that belongs to a respondent's key: nothing of the service goes into it,
// so that only who comes with her key reads what she has typed.
func draftKey(wave survey.WaveID, key string) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(key), nil, "cxmirror draft of wave "+strconv.FormatInt(int64(wave), 10), keyBytes)
}

// hashOfPerson names an erased person in a receipt: who has the secret and the key of a person can see whether
// the receipt is hers.
func (s Secret) hashOfPerson(organisation survey.OrganisationID, key string) string {
	sum := s.sum("erased person", strconv.FormatInt(int64(organisation), 10)+"\x00"+key)
	return hex.EncodeToString(sum[:16])
}

// codeOfPerson names a person of an organisation in files: the same in all of its waves, and in none of another.
func (s Secret) codeOfPerson(organisation survey.OrganisationID, key string) string {
	sum := s.sum("person in a file", strconv.FormatInt(int64(organisation), 10)+"\x00"+key)
	return hex.EncodeToString(sum[:12])
}
