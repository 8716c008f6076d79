package access

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestDeviceIsKnownToItsUserAlone(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	key := deviceKey{bytes.Repeat([]byte{1}, keyBytes)}
	device := []byte("sixteen bytes...")
	mark := key.mark(device, "ann@example.org", now)
	if got := key.read(mark, "ann@example.org", now.Add(KnownFor)); !bytes.Equal(got, device) {
		t.Fatalf("read = %q, want %q", got, device)
	}
	forged := []byte(mark)
	forged[3] ^= 1
	tests := []struct {
		name, mark, address string
		key                 deviceKey
		at                  time.Time
	}{
		{"another user", mark, "bob@example.org", key, now},
		{"another key", mark, "ann@example.org", deviceKey{bytes.Repeat([]byte{2}, keyBytes)}, now},
		{"too old", mark, "ann@example.org", key, now.Add(KnownFor + time.Second)},
		{"forged", string(forged), "ann@example.org", key, now},
		{"cut", mark[:20], "ann@example.org", key, now},
		{"longer", mark + "AAAA", "ann@example.org", key, now},
		{"none", "", "ann@example.org", key, now},
		{"not base64", strings.Repeat("!", len(mark)), "ann@example.org", key, now},
	}
	for _, tt := range tests {
		if got := tt.key.read(tt.mark, tt.address, tt.at); got != nil {
			t.Errorf("%s: read = %q, want nil", tt.name, got)
		}
	}
}
