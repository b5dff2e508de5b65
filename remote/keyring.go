package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// keyring reads key files and asks agents, once for all hosts.
type keyring struct {
	home    string
	timeout time.Duration // for an agent to answer
	ask     *asker

	mu     sync.Mutex
	files  map[string]*keyFile
	agents map[string]*agentKeys // by their socket
}

// keyFile is a private key that has been read.
type keyFile struct {
	signer ssh.Signer
	err    error
}

func newKeyring(home string, timeout time.Duration, ask *asker) *keyring {
	return &keyring{home: home, timeout: timeout, ask: ask, files: make(map[string]*keyFile), agents: make(map[string]*agentKeys)}
}

func (k *keyring) close() {
	for _, a := range k.agents {
		a.close()
	}
}

// signers lists the keys for h: the identity it was given, certificates that
// are named, what the agent holds (first those that ssh_config names), the
// files that it names, or else the usual ones. That is the order of ssh(1). The
// identity that was given must be usable; others are passed over.
func (k *keyring) signers(h hop) (*keyList, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := new(keyList)
	seen := make(map[string]bool)
	add := func(signers ...ssh.Signer) {
		for _, s := range signers {
			if id := string(s.PublicKey().Marshal()); !seen[id] {
				seen[id] = true
				list.keys = append(list.keys, s)
			}
		}
	}
	agent := k.agent(h.agent)
	if agent.err != nil {
		list.notes = append(list.notes, agent.err.Error())
	}
	held := agent.keys
	if h.identity != "" {
		path, err := expandHome(h.identity, k.home)
		if err != nil {
			return nil, keyError(h.identity, err, "")
		}
		signer, err := k.load(path, held)
		if err != nil {
			return nil, err
		}
		add(withCertificate(path, signer)...)
	}
	paths := h.identityFiles
	usual := !h.keysNamed && !(h.identitiesOnly && h.identity != "")
	if usual {
		for _, path := range usualKeys {
			paths = append(paths, filepath.Join(k.home, path))
		}
	}
	var named []ssh.Signer
	for _, path := range paths {
		signer, err := k.load(path, held)
		var e *Error
		switch {
		case err == nil && len(h.certificates) == 0:
			named = append(named, withCertificate(path, signer)...)
		case err == nil:
			named = append(named, signer)
		case !absent(err) && errors.As(err, &e):
			note := strings.TrimPrefix(e.Op, "read ") + " is not used: " + e.Err.Error() + inBrackets(e.Hint)
			list.notes = append(list.notes, note)
			if errors.As(err, new(openKey)) {
				list.warn = append(list.warn, note)
			}
		}
	}
	for _, path := range h.certificates {
		cert, _ := readPublic(path).(*ssh.Certificate)
		if cert == nil {
			list.notes = append(list.notes, "certificate "+path+" is not used: it cannot be read")
			continue
		}
		for _, s := range append(named, held...) {
			if c, err := ssh.NewCertSigner(cert, s); err == nil {
				add(c)
				break
			}
		}
	}
	for _, first := range []bool{true, false} {
		for _, s := range held {
			if isNamed := holding(named, s.PublicKey()) != nil; isNamed == first && (isNamed || !h.identitiesOnly) {
				add(s)
			}
		}
	}
	add(named...)
	return list, nil
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// withCertificate is signer and, behind it as for ssh(1), the certificate beside its file.
func withCertificate(path string, signer ssh.Signer) []ssh.Signer {
	if cert, ok := readPublic(path + "-cert.pub").(*ssh.Certificate); ok {
		if s, err := ssh.NewCertSigner(cert, signer); err == nil {
			return []ssh.Signer{signer, s}
		}
	}
	return []ssh.Signer{signer}
}

// load reads a private key.
func (k *keyring) load(path string, held []ssh.Signer) (ssh.Signer, error) {
	id := fmt.Sprintf("%s %p", path, held)
	file := k.files[id]
	if file == nil {
		file = new(keyFile)
		file.signer, file.err = k.read(path, held)
		k.files[id] = file
	}
	return file.signer, file.err
}

func (k *keyring) read(path string, held []ssh.Signer) (ssh.Signer, error) {
	text, err := readPlain(path)
	if err != nil {
		// An IdentityFile may be just the public half of what the agent holds.
		if pub := readPublic(path + ".pub"); pub != nil {
			if s := holding(held, pub); s != nil {
				return s, nil
			}
		}
		return nil, keyError(path, err, "ssh.identity names a private key file; ssh-keygen makes one")
	}
	if pub := publicKey(text); pub != nil {
		if s := holding(held, pub); s != nil {
			return s, nil
		}
		return nil, keyError(path, errors.New("this is a public key, and the agent does not hold its private half"), "")
	}
	if mode, open := readableByOthers(path); open {
		return nil, keyError(path, openKey(mode), "chmod 600 "+path)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err == nil {
		return signer, nil
	}
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return k.readOther(path, text, held, err)
	}
	pub := locked.PublicKey
	if pub == nil { // the old PEM format does not say
		pub = readPublic(path + ".pub")
	}
	if s := holding(held, pub); s != nil {
		return s, nil
	}
	if pub == nil {
		return k.unlock(path, text)
	}
	return &lockedKey{ring: k, path: path, text: text, public: pub}, nil
}

// readOther says what a file is that holds no key in a format that is read.
func (k *keyring) readOther(path string, text []byte, held []ssh.Signer, err error) (ssh.Signer, error) {
	if s := holding(held, readPublic(path+".pub")); s != nil {
		return s, nil
	}
	switch {
	case bytes.HasPrefix(text, []byte("PuTTY-User-Key-File")):
		return nil, keyError(path, errors.New("it is a key in PuTTY's format"), "puttygen "+path+" -O private-openssh -o NEW makes one in OpenSSH's")
	case bytes.Contains(text, []byte("BEGIN ENCRYPTED PRIVATE KEY")):
		return nil, keyError(path, errors.New("it is a PKCS #8 key with a passphrase, a format that is not read"), "ssh-keygen -p -f "+path+" writes it in OpenSSH's")
	case bytes.Contains(text, []byte("BEGIN SSH2 ENCRYPTED PRIVATE KEY")):
		return nil, keyError(path, errors.New("it is a key in the format of ssh.com"), "ssh-keygen -i -f "+path+" converts it")
	case bytes.Contains(text, []byte("sk-ssh-ed25519")), bytes.Contains(text, []byte("sk-ecdsa")), strings.Contains(err.Error(), "sk-"):
		return nil, keyError(path, errors.New("it belongs to a security key, which only an agent can use"), "ssh-add "+path)
	}
	return nil, keyError(path, err, "")
}

// openKey is the mode of a private key that is none any more.
type openKey os.FileMode

func (o openKey) Error() string {
	return fmt.Sprintf("others may read it (mode %04o), so ssh ignores it too", os.FileMode(o))
}

func keyError(path string, err error, hint string) error {
	cause := plainPath(err)
	if text, library := strings.CutPrefix(cause.Error(), "ssh: "); library {
		cause = errors.New(text)
	}
	return &Error{Op: "read key " + path, Kind: Settings, Err: cause, Hint: hint}
}

func readPublic(path string) ssh.PublicKey {
	text, err := readPlain(path)
	if err != nil {
		return nil
	}
	return publicKey(text)
}

func publicKey(text []byte) ssh.PublicKey {
	pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil
	}
	return pub
}

// holding returns the signer for pub, or nil.
func holding(held []ssh.Signer, pub ssh.PublicKey) ssh.Signer {
	if pub == nil {
		return nil
	}
	for _, s := range held {
		if sameKey(s.PublicKey(), pub) {
			return s
		}
	}
	return nil
}

// unlock asks for the passphrase of the key in text.
func (k *keyring) unlock(path string, text []byte) (ssh.Signer, error) {
	secret, err := k.ask.secret(fmt.Sprintf("passphrase of %s: ", path))
	hint := "ssh-add " + path + " unlocks it for a while; it is used from the agent then"
	if err != nil {
		return nil, &Error{Op: "unlock key " + path, Kind: Auth, Err: fmt.Errorf("it has a passphrase: %w", err), Hint: hint}
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(text, []byte(secret))
	if err != nil {
		return nil, &Error{Op: "unlock key " + path, Kind: Auth, Err: errors.New("the passphrase is wrong"), Hint: hint}
	}
	return signer, nil
}

// lockedKey offers its public half, and asks for the passphrase when a host
// accepts it: once, for all hosts.
type lockedKey struct {
	ring   *keyring
	path   string
	text   []byte
	public ssh.PublicKey

	once   sync.Once
	signer ssh.Signer
	err    error
}

// PublicKey returns the public half.
func (l *lockedKey) PublicKey() ssh.PublicKey { return l.public }

// Sign signs with the unlocked key.
func (l *lockedKey) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return l.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm signs with the unlocked key.
func (l *lockedKey) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	l.once.Do(func() { l.signer, l.err = l.ring.unlock(l.path, l.text) })
	if l.err != nil {
		return nil, l.err
	}
	return signWith(l.signer, rand, data, algorithm)
}
