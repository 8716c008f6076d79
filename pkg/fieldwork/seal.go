package fieldwork

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"cxmirror/pkg/survey"
)

// lengthBytes hold the length of the content within a box.
const lengthBytes = 8

// errUnreadable says that content was encrypted with another key, or changed.
var errUnreadable = errors.New("encrypted with another key, or changed since")

// encrypt encrypts content with AES-256-GCM. about is not secret and must be the same when it is decrypted. What
// comes out has one of few lengths ([survey.PaddedLength]): otherwise the length of what is encrypted today could
// be compared with the length of what is published tomorrow.
func encrypt(key, content []byte, about string, random io.Reader) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	around := gcm.NonceSize() + lengthBytes + gcm.Overhead()
	size := survey.PaddedLength(around+len(content)) - gcm.NonceSize() - gcm.Overhead()
	box := make([]byte, gcm.NonceSize()+size, gcm.NonceSize()+size+gcm.Overhead())
	nonce, plain := box[:gcm.NonceSize()], box[gcm.NonceSize():]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("random bytes: %w", err)
	}
	binary.BigEndian.PutUint64(plain, uint64(len(content)))
	copy(plain[lengthBytes:], content)
	return gcm.Seal(nonce, nonce, plain, []byte(about)), nil
}

// decrypt returns the content that [encrypt] was given, or errUnreadable.
func decrypt(key, box []byte, about string) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(box) < gcm.NonceSize()+gcm.Overhead()+lengthBytes {
		return nil, errUnreadable
	}
	plain, err := gcm.Open(nil, box[:gcm.NonceSize()], box[gcm.NonceSize():], []byte(about))
	if err != nil || len(plain) < lengthBytes {
		return nil, errUnreadable
	}
	content := plain[lengthBytes:]
	length := binary.BigEndian.Uint64(plain)
	if length > uint64(len(content)) {
		return nil, errUnreadable
	}
	return content[:length], nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
