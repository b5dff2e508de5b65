package remote

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// revocations is a file that RevokedHostKeys names, read.
type revocations struct {
	lines map[string]int // by the key's encoding
	krl   *krl           // or what ssh-keygen -k made
	err   error          // why it cannot be read, or not to its end
}

// checkRevoked holds key against the files that RevokedHostKeys names. One
// that cannot be read refuses every host, as in OpenSSH.
func (k *knownKeys) checkRevoked(h hop, key ssh.PublicKey) (hint string, err error) {
	for _, path := range h.revokedBy {
		r := k.revoked[path]
		if r == nil {
			r = readRevocations(path)
			k.revoked[path] = r
		}
		if where := r.find(key); where != "" {
			return "", fmt.Errorf("its %s is revoked by %s%s, as RevokedHostKeys of ssh_config wants it", describe(key), path, where)
		}
		if r.err != nil {
			return "mend that file, or take the RevokedHostKeys line away: ssh trusts no host either while it is so",
				fmt.Errorf("RevokedHostKeys of ssh_config names %s, which cannot be read: %w", path, r.err)
		}
	}
	return "", nil
}

// readRevocations reads a file of keys, one a line, without options or names.
func readRevocations(path string) *revocations {
	r := &revocations{lines: make(map[string]int)}
	text, err := readPlain(path)
	if err != nil {
		r.err = err
		return r
	}
	if bytes.HasPrefix(text, []byte(krlMagic)) {
		r.krl, r.err = parseKRL(text[len(krlMagic):])
		return r
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		words, _, _ := strings.Cut(strings.TrimLeft(string(line), blanks), "\x00")
		if words == "" || words[0] == '#' || words[0] == '\n' {
			continue
		}
		key, _, err := parseKeyText(words)
		if err != nil {
			r.err = fmt.Errorf("line %d: %w", n, err)
			return r
		}
		if id := string(plainKey(key).Marshal()); r.lines[id] == 0 {
			r.lines[id] = n
		}
	}
	return r
}

// find says where a key, or what signed it, is revoked.
func (r *revocations) find(key ssh.PublicKey) string {
	if r.krl != nil && r.krl.revokes(key) {
		return " (a key revocation list)"
	}
	keys := []ssh.PublicKey{plainKey(key)}
	if cert, ok := key.(*ssh.Certificate); ok {
		keys = append(keys, cert.SignatureKey)
	}
	for _, k := range keys {
		if n := r.lines[string(k.Marshal())]; n > 0 {
			return fmt.Sprintf(":%d", n)
		}
	}
	return ""
}
