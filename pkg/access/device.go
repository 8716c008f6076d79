package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// deviceKey marks browsers in which somebody has signed in, so that who guesses her password from elsewhere slows
// down others, and not her (OWASP, Slow Down Online Guessing Attacks with Device Cookies).
type deviceKey struct{ key []byte }

const (
	deviceBytes = 16 // that tell browsers apart
	// KnownFor is how long a browser is known again: how long its cookie is kept.
	KnownFor = 365 * 24 * time.Hour
)

// mark returns what a browser keeps: its number, when it was marked, and a proof of both for one address.
func (k deviceKey) mark(device []byte, address string, now time.Time) string {
	value := binary.BigEndian.AppendUint64(append(make([]byte, 0, 64), device...), uint64(now.Unix())) //nolint:gosec // after 1970
	return base64.RawURLEncoding.EncodeToString(append(value, k.proof(value, address)...))
}

// read returns the number of a browser in which somebody with the address has signed in, or nil.
func (k deviceKey) read(mark, address string, now time.Time) []byte {
	value, err := base64.RawURLEncoding.DecodeString(mark)
	if err != nil || len(value) != deviceBytes+8+sha256.Size {
		return nil
	}
	marked, proof := value[:deviceBytes+8], value[deviceBytes+8:]
	if !hmac.Equal(proof, k.proof(marked, address)) {
		return nil
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(marked[deviceBytes:])), 0) //nolint:gosec // it was marked by us
	if now.Sub(at) > KnownFor {
		return nil
	}
	return marked[:deviceBytes:deviceBytes]
}

func (k deviceKey) proof(marked []byte, address string) []byte {
	mac := hmac.New(sha256.New, k.key)
	_, _ = mac.Write(marked) // of a fixed length, so that the two cannot be confused
	_, _ = mac.Write([]byte(address))
	return mac.Sum(nil)
}
