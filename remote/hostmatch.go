package remote

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// How a line of known_hosts names its hosts: exactly as OpenSSH reads it
// (match.c, hostfile.c). A name that is matched there and not here would make
// a changed key look like a new one.

// longestPattern is where OpenSSH gives up on a whole list of patterns.
const longestPattern = 1022

// namesHost reports whether the first field of a line is about host. readable is false
// where the field cannot be read, and with it the line.
func namesHost(field, host string) (matches, readable bool) {
	if strings.HasPrefix(field, "|") {
		salt, ok := hashSalt(field)
		if !ok {
			return false, false
		}
		return hashHost(host, salt) == field, true
	}
	return matchList(field, lower(host)), true
}

// matchList is match_hostname: one pattern of the list must match, and no
// negated one may. Upper and lower case are the same; the name is in lower
// case already.
func matchList(list, name string) bool {
	found := false
	for list != "" {
		var p string
		p, list, _ = strings.Cut(list, ",")
		p, negated := strings.CutPrefix(p, "!")
		if len(p) > longestPattern {
			return false
		}
		if !matchPattern(lower(p), name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchPattern matches * (any number of characters, also none) and ? (exactly
// one), in a time that many * do not multiply.
func matchPattern(p, s string) bool {
	star, from := -1, 0 // the last * in p, and where in s what follows it was tried
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}

// lower turns ASCII letters to lower case, and leaves all other bytes alone.
func lower(s string) string {
	b := []byte(s) // not runes: a name need not be UTF-8
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// hashSalt returns the salt of a hashed name: |1|SALT|HASH, of 20 bytes each.
func hashSalt(field string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(field, "|1|")
	if !ok {
		return nil, false
	}
	text, _, ok := strings.Cut(rest, "|")
	if !ok {
		return nil, false
	}
	salt, err := base64.StdEncoding.Strict().DecodeString(text)
	return salt, err == nil && len(salt) == sha1.Size
}

// hashHost hashes a name as HashKnownHosts does.
func hashHost(host string, salt []byte) string {
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(host))
	return "|1|" + base64.StdEncoding.EncodeToString(salt) + "|" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// newHash hashes a name with a salt of its own.
func newHash(host string) string {
	salt := make([]byte, sha1.Size)
	_, _ = rand.Read(salt) // never fails
	return hashHost(host, salt)
}
