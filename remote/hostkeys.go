package remote

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// knownKeys decides about host keys by the known_hosts files. It is strict: an
// unknown key is added only when the operator said so, a changed one is always
// refused. Where it differs from ssh(1), it is stricter, and says why.
type knownKeys struct {
	home string
	warn func(host, text string) // may be nil

	mu       sync.Mutex
	files    map[source]*knownFile
	revoked  map[string]*revocations
	accepted map[string]bool // keys that could not be kept, see unknownKey.id
}

func newKnownKeys(home string, warn func(host, text string)) *knownKeys {
	return &knownKeys{home: home, warn: warn, files: make(map[source]*knownFile),
		revoked: make(map[string]*revocations), accepted: make(map[string]bool)}
}

// unknownKey is why a host that was not met before is refused.
type unknownKey struct {
	hop   hop
	key   ssh.PublicKey
	note  string // what its certificate lacks, or where else the key stands
	known bool   // it stands in a file that is switched off
}

func (u *unknownKey) Error() string {
	return fmt.Sprintf("its %s is not known%s", describe(u.key), u.note)
}

func (u *unknownKey) id() string { return u.hop.keyName() + " " + string(u.key.Marshal()) }

// keyType names a key the way ssh-keygen -l does.
func keyType(k ssh.PublicKey) string {
	t := strings.TrimPrefix(k.Type(), "ssh-")
	if strings.HasPrefix(t, "ecdsa-") {
		t = "ecdsa"
	}
	return strings.ToUpper(t)
}

func describe(k ssh.PublicKey) string {
	k = plainKey(k)
	return keyType(k) + " key " + ssh.FingerprintSHA256(k)
}

// plainKey is the key in a certificate, or the key itself.
func plainKey(k ssh.PublicKey) ssh.PublicKey {
	if cert, ok := k.(*ssh.Certificate); ok {
		return cert.Key
	}
	return k
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// read returns the files for h, each read once. The caller holds k.mu.
func (k *knownKeys) read(h hop) []*knownFile {
	var files []*knownFile
	for _, s := range k.sources(h) {
		f := k.files[s]
		if f == nil {
			f = readKnownHosts(s)
			k.files[s] = f
		}
		files = append(files, f)
	}
	return files
}

// forget has the files read again.
func (k *knownKeys) forget() { k.files = make(map[source]*knownFile) }

// verdict is what the files say about a host's key.
type verdict int

const (
	keyNew verdict = iota
	keyKnown
	keyChanged
	keyRevoked
	keyBad // a certificate that nobody signed
)

// judgement is a verdict with what it is based on.
type judgement struct {
	verdict verdict
	entry   *knownEntry // nil for keyNew, unless it stands in a file that is switched off
	key     ssh.PublicKey
	note    string // of a certificate that does not count, and so its key alone was looked up
}

// judge decides about key by the lines for name, as OpenSSH does it
// (sshconnect.c, check_host_key). An authority may use these signatures. bare is the name without its port, or empty:
// a key that is known by that is known, one that differs there says nothing.
func judge(files []*knownFile, name, bare, principal string, signatures []string, key ssh.PublicKey) judgement {
	entries := lookup(files, name)
	j := standing(entries, key)
	if j.verdict == keyKnown {
		if cert, ok := key.(*ssh.Certificate); ok {
			reason, err := certTrouble(cert, principal, signatures)
			if err != nil {
				return judgement{verdict: keyBad, key: key, note: err.Error()}
			}
			if reason != "" {
				j = judgement{verdict: keyNew, key: key, note: reason}
			}
		}
	} else if j.verdict == keyNew && bare != "" {
		// the revocation of a key is not about a port
		if b := judge(files, bare, "", principal, signatures, key); b.verdict == keyKnown || b.verdict == keyRevoked || b.verdict == keyBad {
			return b
		}
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok || j.verdict != keyNew {
		return j
	}
	if j.note == "" {
		j.note = unsigned(entries, cert)
	}
	note := j.note
	j = judge(files, name, bare, principal, signatures, cert.Key)
	if j.note == "" {
		j.note = note
	}
	return j
}

// standing holds key against the lines about its host.
func standing(entries []knownEntry, key ssh.PublicKey) judgement {
	j := judgement{verdict: keyNew, key: key}
	cert, isCert := key.(*ssh.Certificate)
	var unused, differs, differsUnused *knownEntry
	for i := range entries {
		e := &entries[i]
		switch {
		case e.marker == revoked:
			if e.key != nil && (sameKey(plainKey(key), plainKey(e.key)) || isCert && sameKey(cert.SignatureKey, plainKey(e.key))) {
				return judgement{verdict: keyRevoked, entry: e, key: key}
			}
		case j.verdict == keyKnown:
		case e.marker == authority:
			if isCert && e.key != nil && !e.file.off && sameKey(cert.SignatureKey, plainKey(e.key)) {
				j.verdict, j.entry = keyKnown, e
			}
		case isCert:
		case e.key != nil && sameKey(key, e.key):
			if e.file.off {
				unused = e
			} else {
				j.verdict, j.entry = keyKnown, e
			}
		case e.file.off:
			differsUnused = nearer(differsUnused, e, key)
		default:
			differs = nearer(differs, e, key)
		}
	}
	switch {
	case j.verdict == keyKnown:
	case differs != nil:
		j.verdict, j.entry = keyChanged, differs
	case unused != nil:
		j.entry = unused
	case differsUnused != nil:
		j.verdict, j.entry = keyChanged, differsUnused
	}
	return j
}

// nearer is the line to show for a key that changed: the first of its type, or
// else the first.
func nearer(shown, e *knownEntry, key ssh.PublicKey) *knownEntry {
	if shown == nil || keyFormat(shown.kind) != key.Type() && keyFormat(e.kind) == key.Type() {
		return e
	}
	return shown
}

// check decides about key as the host key of h, called name in messages and
// reached at ip, nil where that is not known.
// With acceptNew an unknown key is added to known_hosts.
func (k *knownKeys) check(h hop, name string, ip net.IP, key ssh.PublicKey, acceptNew bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.verdict(h, name, key)
	var unknown *unknownKey
	if err == nil || errors.As(err, &unknown) {
		if err := k.checkIP(h, name, ip, key); err != nil {
			return err
		}
	}
	if unknown != nil && acceptNew {
		return k.add(h, name, unknown.key)
	}
	return err
}

// checkIP holds key against the lines for the address too, where CheckHostIP
// asks for it. Like ssh(1) it does not for this machine itself, nor through a
// jump host, nor for a certificate. An address that no line names is not added.
func (k *knownKeys) checkIP(h hop, name string, ip net.IP, key ssh.PublicKey) error {
	if !h.checkAddress || ip == nil || ip.IsLoopback() || ip.String() == lower(h.host) {
		return nil
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return nil
	}
	at := h
	at.alias, at.host = "", ip.String()
	n, _, _ := at.names()
	j := judge(k.read(h), n, "", "", nil, key)
	switch j.verdict {
	case keyChanged:
		return refuse(h, name, fmt.Errorf("its %s is not the one that %s has for its address (CheckHostIP)", describe(key), j.entry.where()),
			"was the address another host's? then: "+j.entry.removal(n)+"; if not, somebody else may be answering")
	case keyRevoked:
		return refuse(h, name, fmt.Errorf("its %s is marked @revoked in %s", describe(key), j.entry.where()), renew)
	}
	return nil
}

// renew is what to do about a key that must not be used any more.
const renew = "give the host new keys (ssh-keygen -A), or find out who answers there"

func refuse(h hop, name string, err error, hint string) error {
	op := fmt.Sprintf("trust %s (%s)", name, h.addr())
	if name == h.host {
		op = "trust " + h.addr()
	}
	return &Error{Host: name, Op: op, Kind: HostKey, Err: err, Hint: hint}
}

// verdict is check without adding; the caller holds k.mu.
func (k *knownKeys) verdict(h hop, name string, key ssh.PublicKey) error {
	fail := func(err error, hint string) error { return refuse(h, name, err, hint) }
	if short := tooShort(key, h.rsaBits); short != "" {
		return fail(errors.New(short), "give the host new keys: ssh-keygen -A on it makes those that are missing")
	}
	if hint, err := k.checkRevoked(h, key); err != nil {
		if hint == "" {
			hint = renew
		}
		return fail(err, hint)
	}
	files := k.read(h)
	n, bare, principal := h.names()
	j := judge(files, n, bare, principal, h.chosen("casignaturealgorithms"), key)
	its := describe(j.key)
	switch j.verdict {
	case keyKnown:
		return nil
	case keyBad:
		return fail(errors.New(j.note), renew)
	case keyRevoked:
		what := its
		if cert, ok := j.key.(*ssh.Certificate); ok && sameKey(cert.SignatureKey, plainKey(j.entry.key)) {
			what = "certificate's authority, " + describe(cert.SignatureKey) + ","
		}
		return fail(fmt.Errorf("its %s is marked @revoked in %s", what, j.entry.where()), renew)
	case keyChanged:
		return fail(fmt.Errorf("its %s is not the one in %s%s", its, j.entry.where(), changedNote(j)),
			"was it reinstalled? then: "+j.entry.removal(n)+"; if not, somebody else may be answering")
	}
	u := &unknownKey{hop: h, key: j.key, note: j.note}
	if j.entry != nil {
		u.known = true
		u.note = fmt.Sprintf(": %s has it, but ssh_config switches that file off", j.entry.where())
	}
	if k.accepted[u.id()] {
		return nil
	}
	if h.userFiles.none {
		return fail(fmt.Errorf("%s, and ssh_config has UserKnownHostsFile none: there is no file to add it to", u.Error()),
			"take that line away, or put the key into a file that GlobalKnownHostsFile names")
	}
	if reason, hint := untold(h, files); reason != "" {
		return fail(fmt.Errorf("whether its %s is known cannot be told: %s", its, reason), hint)
	}
	return fail(u, "compare it with the output of: ssh-keygen -lf /etc/ssh/ssh_host_"+
		strings.ToLower(keyType(j.key))+"_key.pub on the host; then --accept-new adds it to known_hosts")
}

// removal says how the line goes. ssh-keygen takes lines away whole, with all
// their names and patterns, and none of a file that has lines it cannot read.
func (e *knownEntry) removal(name string) string {
	if e.key == nil || !strings.HasPrefix(e.names, "|") && strings.ContainsAny(e.names, "*?!,") {
		return fmt.Sprintf("change line %d of %s, which may be about other hosts too", e.line, e.file.path)
	}
	return fmt.Sprintf("ssh-keygen -f %s -R '%s'", e.file.path, name)
}

func changedNote(j judgement) string {
	switch {
	case j.entry.key == nil:
		return fmt.Sprintf(", which is of a type or shape that is not supported here (%s)", j.entry.kind)
	case j.entry.file.off:
		return "; ssh_config switches that file off, but a changed key is refused all the same"
	}
	return j.note
}

// untold is why a key that no line names may be known all the same, or have
// changed: ssh takes what it cannot read for empty.
func untold(h hop, files []*knownFile) (reason, hint string) {
	if h.command {
		return "ssh_config has a KnownHostsCommand, which is not run here",
			"put the host's key into known_hosts: ssh-keyscan shows it"
	}
	for _, f := range files {
		if f.err != nil {
			return fmt.Sprintf("cannot read %s: %v", f.path, f.err), "make that file readable, or remove it"
		}
	}
	return "", ""
}

// leastRSA is the shortest RSA key that OpenSSH takes, unless told otherwise.
const leastRSA = 1024

func tooShort(key ssh.PublicKey, least int) string {
	crypto, ok := plainKey(key).(ssh.CryptoPublicKey)
	if !ok {
		return ""
	}
	k, ok := crypto.CryptoPublicKey().(*rsa.PublicKey)
	if least = max(least, leastRSA); !ok || k.N.BitLen() >= least {
		return ""
	}
	return fmt.Sprintf("its %s has %d bits, fewer than %d", describe(key), k.N.BitLen(), least)
}
