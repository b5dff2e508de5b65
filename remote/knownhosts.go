package remote

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// source is a known_hosts file that may say something about a host.
type source struct {
	path string
	// off: ssh_config switches the file off. It is read all the same, since
	// a changed or revoked key must not be missed, but makes no key known.
	off bool
}

// sources lists the known_hosts files for h. New keys go to the first.
func (k *knownKeys) sources(h hop) []source {
	usual := []string{filepath.Join(k.home, ".ssh", "known_hosts"), filepath.Join(k.home, ".ssh", "known_hosts2")}
	var list []source
	for _, of := range []struct {
		set   fileSetting
		usual []string
	}{{h.userFiles, usual}, {h.globalFiles, systemKnownHosts()}} {
		paths := of.set.paths
		if len(paths) == 0 {
			paths = of.usual
		}
		for _, p := range paths {
			if full, err := expandHome(p, k.home); err == nil { // ssh -G shows the global ones with their ~
				p = full
			}
			list = append(list, source{path: p, off: of.set.off})
		}
	}
	return list
}

// marker is what stands before the names of a line.
type marker int

const (
	noMarker marker = iota
	authority
	revoked
)

// knownFile is a known_hosts file that was read.
type knownFile struct {
	source
	lines []knownLine
	err   error // it is there, and cannot be read
}

// knownLine is a line that may be about a host; its key is read when it is.
type knownLine struct {
	number int
	marker marker
	names  string
	key    string
}

// knownEntry is a line about the host that was asked for.
type knownEntry struct {
	file   *knownFile
	line   int
	marker marker
	key    ssh.PublicKey // nil: of a type, or a shape, that x/crypto does not know
	kind   string        // the key's type, as the line says it
	names  string
}

func (e *knownEntry) where() string { return fmt.Sprintf("%s:%d", e.file.path, e.line) }

// readKnownHosts reads a file. One that is missing is empty, and so is a
// directory: neither has a line that could be missed.
func readKnownHosts(from source) *knownFile {
	f := &knownFile{source: from}
	if strings.HasPrefix(from.path, "~") {
		f.err = errors.New("there is no such user")
		return f
	}
	text, err := readPlain(from.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, errIsDir):
		return f
	case err != nil:
		f.err = err
		return f
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line, _ := bytes.CutSuffix(line, []byte("\n"))
		if l, ok := parseKnownLine(string(line)); ok {
			l.number = n
			f.lines = append(f.lines, l)
		}
	}
	return f
}

var errIsDir = errors.New("it is a directory")

// readPlain reads a file, but nothing that may have no end, or block: a named
// pipe without a writer would hold up everybody.
func readPlain(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, plainPath(err)
	case info.IsDir():
		return nil, errIsDir
	case path == os.DevNull:
		return nil, nil
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a plain file")
	}
	text, err := os.ReadFile(path)
	return text, plainPath(err)
}

const blanks = " \t"

// parseKnownLine splits a line as OpenSSH does, which reads strings of C: a
// NUL after the names separates like a blank, any other ends the line.
func parseKnownLine(line string) (l knownLine, ok bool) {
	line = strings.TrimLeft(line, blanks)
	if line == "" || line[0] == '#' || line[0] == 0 {
		return l, false
	}
	if line[0] == '@' {
		if l.marker, line, ok = cutMarker(line); !ok {
			return l, false
		}
	}
	end := strings.IndexAny(line, blanks+"\x00")
	if end < 0 {
		return l, false
	}
	l.names, l.key = line[:end], strings.TrimLeft(line[end+1:], blanks)
	l.key, _, _ = strings.Cut(l.key, "\x00")
	return l, l.key != ""
}

// cutMarker cuts the marker off. There is one at most. OpenSSH looks for a
// blank before it looks for a tab: @cert-authority with a tab behind it is no
// marker there, and must not make anybody trusted here. A revocation is taken
// either way.
func cutMarker(line string) (marker, string, bool) {
	text, _, _ := strings.Cut(line, "\x00")
	end := strings.IndexAny(text, blanks)
	if end < 0 {
		return noMarker, "", false
	}
	var m marker
	switch {
	case text[:end] == "@revoked":
		m = revoked
	case text[:end] == "@cert-authority" && (text[end] == ' ' || !strings.Contains(text, " ")):
		m = authority
	default:
		return noMarker, "", false
	}
	rest := strings.TrimLeft(line[end:], blanks)
	return m, rest, !strings.HasPrefix(rest, "@")
}

// lookup returns what files say about a name, in their order. Lines that
// cannot be read are skipped, as ssh does.
func lookup(files []*knownFile, name string) []knownEntry {
	var found []knownEntry
	for _, f := range files {
		for _, l := range f.lines {
			if matches, _ := namesHost(l.names, name); !matches {
				continue
			}
			key, kind, err := parseKeyText(l.key)
			if err != nil && !errors.Is(err, errKeyType) {
				continue
			}
			found = append(found, knownEntry{file: f, line: l.number, marker: l.marker, key: key, kind: kind, names: l.names})
		}
	}
	return found
}

// errKeyType is why a key is not understood here that looks like one.
var errKeyType = errors.New("the key's type or shape is not supported")

// parseKeyText reads a key as it stands in known_hosts: type, base64, comment.
// OpenSSH takes the names of RSA's signatures for its type too.
func parseKeyText(text string) (key ssh.PublicKey, kind string, err error) {
	text = strings.TrimLeft(text, blanks)
	end := strings.IndexAny(text, blanks)
	if end < 0 {
		return nil, "", errors.New("there is no key in it")
	}
	kind = text[:end]
	rest := strings.TrimLeft(text[end:], blanks)
	if end := strings.IndexAny(rest, blanks); end >= 0 {
		rest = rest[:end]
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(strings.Map(func(r rune) rune {
		if strings.ContainsRune("\r\n\v\f", r) {
			return -1
		}
		return r
	}, rest))
	if err != nil {
		return nil, kind, errors.New("its key is not base64")
	}
	inner, ok := blobType(blob)
	if !ok || keyFormat(inner) != keyFormat(kind) {
		return nil, kind, errors.New("it is not a key of the type that it names")
	}
	key, err = ssh.ParsePublicKey(blob)
	switch {
	case err == nil:
		return key, kind, nil
	case kind == ssh.KeyAlgoED25519 || strings.HasPrefix(kind, "ecdsa-sha2-") && !strings.Contains(kind, "-cert-"):
		return nil, kind, errors.New("its key is damaged") // nobody could read it
	}
	return nil, kind, errKeyType
}

// blobType is the type that a key's encoding begins with (RFC 4253, 6.6).
func blobType(blob []byte) (string, bool) {
	if len(blob) < 4 {
		return "", false
	}
	n := binary.BigEndian.Uint32(blob)
	if n == 0 || uint64(n) > uint64(len(blob)-4) || len(blob) == int(n)+4 {
		return "", false
	}
	return string(blob[4 : 4+n]), true
}

// keyFormat is the type of a key that is used with a signature algorithm.
func keyFormat(algorithm string) string {
	switch algorithm {
	case ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512:
		return ssh.KeyAlgoRSA
	case ssh.CertAlgoRSASHA256v01, ssh.CertAlgoRSASHA512v01:
		return ssh.CertAlgoRSAv01
	}
	return algorithm
}
