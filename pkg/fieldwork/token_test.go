package fieldwork

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cxmirror/pkg/survey"
)

func secretOf(tb testing.TB, first byte) Secret {
	tb.Helper()
	key := make([]byte, minSecret)
	for i := range key {
		key[i] = first + byte(i)
	}
	secret, err := NewSecret(key)
	if err != nil {
		tb.Fatal(err)
	}
	return secret
}

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := secretOf(t, 'A') // its bytes would be letters
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("secret", "it", secret, "in", struct{ S Secret }{secret})
	encoded, err := json.Marshal(map[string]any{"s": secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%+v %#v %s %q", secret, secret, secret, secret), fmt.Sprintf("%x", secret), log.String(), string(encoded),
		fmt.Sprintf("%+v", struct{ S Secret }{secret}), fmt.Sprintf("%+v", struct{ s Secret }{secret}), // methods of unexported fields are not called
	} {
		if strings.Contains(printed, "ABCD") || strings.Contains(printed, "41424344") || strings.Contains(printed, "65 66 67") {
			t.Errorf("printed: %s", printed)
		}
	}
}

func TestSecretRefusesWhatIsNone(t *testing.T) {
	t.Parallel()
	for _, key := range [][]byte{nil, make([]byte, 31), make([]byte, 32), bytes.Repeat([]byte("a"), 64)} {
		if _, err := NewSecret(key); err == nil {
			t.Errorf("NewSecret(%d times %v) was accepted", len(key), key[:min(1, len(key))])
		}
	}
}

func TestReadSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	var made [8]Secret
	var wg sync.WaitGroup
	for i := range made { // servers that start at once
		wg.Go(func() {
			var err error
			if made[i], err = ReadSecret(path, rand.Reader); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range made {
		if made[i].Token("a") != made[0].Token("a") {
			t.Errorf("server %d has another secret than the first", i)
		}
	}
	if about, err := os.Stat(path); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v; want mode 0600", about.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the directory holds %v, %v; want the secret alone", left, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret(path, rand.Reader); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that a group may read: %v", err)
	}
	for name, content := range map[string]string{"words": "correct horse battery staple", "short": "YWJj", "empty": ""} {
		other := filepath.Join(dir, name)
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadSecret(other, rand.Reader)
		if err == nil || !strings.Contains(err.Error(), other) || content != "" && strings.Contains(err.Error(), content) {
			t.Errorf("%s: %v; want an error that names the file and quotes nothing of it", name, err)
		}
	}
}

func TestTokensAndCodes(t *testing.T) {
	t.Parallel()
	one, other := secretOf(t, 1), secretOf(t, 2)
	const id = survey.InvitationID("00112233445566778899aabbccddeeff")
	token, code := one.Token(id), one.Code(id)
	if len(token) != 32 || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("token %q; want 32 characters of a-z2-7", token)
	}
	if len(code) != 11 || code[5] != '-' || strings.ContainsAny(code, "01OIl") {
		t.Errorf("code %q; want two groups of five without look-alikes", code)
	}
	if again := one.Token(id); again != token {
		t.Errorf("the token changed from %s to %s", token, again)
	}
	if other.Token(id) == token || one.Token(id[1:]) == token || other.Code(id) == code {
		t.Error("another secret or invitation has the same token or code")
	}
	if !bytes.Equal(HashToken(strings.ToUpper(token)+" "), HashToken(token)) {
		t.Error("a token in capitals is another one")
	}
	if bytes.Equal(HashToken(token), HashToken(keyOf(token))) || keyOf(token) == keyOf(other.Token(id)) || len(keyOf(token)) != 64 {
		t.Error("the key of a response is not one of its own")
	}
	hash := one.HashCode(code)
	plain := strings.ReplaceAll(code, "-", "")
	for _, typed := range []string{strings.ToLower(code), plain, " " + plain[:3] + " " + plain[3:] + "\t", strings.ReplaceAll(code, "-", "\u2013")} {
		if !bytes.Equal(one.HashCode(typed), hash) {
			t.Errorf("%q is not taken for %q", typed, code)
		}
	}
	if bytes.Equal(other.HashCode(code), hash) {
		t.Error("who has not the secret can hash codes")
	}
	for _, typed := range []string{"", "K7QXM", code + "2", "O" + plain[1:], "<script>..", strings.Repeat("A", 1<<16)} {
		if got := one.HashCode(typed); got != nil {
			t.Errorf("%.20q is taken for a code", typed)
		}
	}
}

// A code typed on a Russian, Ukrainian or Greek keyboard, or in full width, is the code.
func TestCodesOfOtherKeyboards(t *testing.T) {
	t.Parallel()
	tests := []struct{ typed, printed string }{
		{"АВЕКМ-НРСТХ", "ABEKM-HPCTX"}, {"авекм нрстх", "ABEKM-HPCTX"}, {"ΑΒΕΖΗ-ΚΜΝΡΤ", "ABEZH-KMNPT"}, {"ＡＢＣ２３４５６７Ｚ", "ABC23-4567Z"}, {"У2345-6789Ѕ", "Y2345-6789S"},
	}
	for _, tt := range tests {
		got, ok := plainCode(tt.typed)
		if want := strings.ReplaceAll(tt.printed, "-", ""); got != want || !ok {
			t.Errorf("plainCode(%q) = %q, %v; want %q", tt.typed, got, ok, want)
		}
	}
}

// Every letter of a code is as likely as every other. The chi-square of 31 degrees of freedom is above 61.1 once
// in a thousand times; the codes are the same in every run.
func TestCodesAreEven(t *testing.T) {
	t.Parallel()
	secret := secretOf(t, 7)
	counts := map[rune]int{}
	const codes = 3200
	for i := range codes {
		for _, r := range strings.ReplaceAll(secret.Code(survey.InvitationID(fmt.Sprint(i))), "-", "") {
			counts[r]++
		}
	}
	expected, chi2 := float64(codes*codeLength)/float64(len(codeLetters)), 0.0
	for _, r := range codeLetters {
		d := float64(counts[r]) - expected
		chi2 += d * d / expected
	}
	if len(counts) != len(codeLetters) || chi2 > 61.1 {
		t.Errorf("%d letters, chi-square %.1f; want %d, below 61.1", len(counts), chi2, len(codeLetters))
	}
}

func FuzzHashCode(f *testing.F) {
	secret := secretOf(f, 3)
	f.Add("K7QXM-3FPWA")
	f.Add("АВЕКМ НРСТХ")
	f.Fuzz(func(t *testing.T, typed string) {
		plain, ok := plainCode(typed)
		if ok != (secret.HashCode(typed) != nil) {
			t.Fatalf("plainCode and HashCode differ about %q", typed)
		}
		if again, still := plainCode(plain); ok && (again != plain || !still || len(plain) != codeLength) {
			t.Errorf("%q becomes %q, which becomes %q", typed, plain, again)
		}
	})
}

func TestEncrypt(t *testing.T) {
	t.Parallel()
	key, other := bytes.Repeat([]byte{1}, keyBytes), bytes.Repeat([]byte{2}, keyBytes)
	random := mathrand.NewChaCha8([32]byte{1})
	const usual = 1536 - 12 - lengthBytes - 16 // the longest that is as short as all others
	var sizes []int
	for _, length := range []int{0, 1, 100, usual, usual + 1, 20_000, 200_000} {
		content := bytes.Repeat([]byte("x"), length)
		box, err := encrypt(key, content, "wave 1", random)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(box))
		got, err := decrypt(key, box, "wave 1")
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes come back as %d, %v", length, len(got), err)
		}
		if length > 4 && bytes.Contains(box, content) {
			t.Errorf("%d bytes can be read in the box", length)
		}
		again, err := encrypt(key, content, "wave 1", random)
		if err != nil || bytes.Equal(again, box) {
			t.Errorf("the same content twice is the same box, %v", err)
		}
		for name, try := range map[string]func() ([]byte, error){
			"another key":      func() ([]byte, error) { return decrypt(other, box, "wave 1") },
			"another wave":     func() ([]byte, error) { return decrypt(key, box, "wave 2") },
			"a changed byte":   func() ([]byte, error) { b := bytes.Clone(box); b[len(b)/2] ^= 1; return decrypt(key, b, "wave 1") },
			"the end cut off":  func() ([]byte, error) { return decrypt(key, box[:len(box)-1], "wave 1") },
			"nothing":          func() ([]byte, error) { return decrypt(key, nil, "wave 1") },
			"the nonce alone":  func() ([]byte, error) { return decrypt(key, box[:12], "wave 1") },
			"a key cut in two": func() ([]byte, error) { return decrypt(key[:5], box, "wave 1") },
		} {
			if got, err := try(); err == nil {
				t.Errorf("%s decrypts to %q", name, got)
			}
		}
	}
	if want := []int{1536, 1536, 1536, 1536, 4096, 32768, 262144}; !slices.Equal(sizes, want) {
		t.Errorf("lengths %v; want %v", sizes, want)
	}
}
