package remote

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// triesPerConnection bounds the keys offered on one connection: sshd counts
// each, and hangs up at the sixth (MaxAuthTries). More keys than that get
// further connections.
const triesPerConnection = 5

// usualKeys are what ssh(1) tries without being told.
var usualKeys = [...]string{".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"}

// keyring reads key files and asks the agent, once for all hosts.
type keyring struct {
	home string
	ask  *asker

	mu     sync.Mutex
	files  map[string]*keyFile
	opened bool
	agent  io.Closer
	inside []ssh.Signer // what the agent holds
}

// keyFile is a private key that has been read.
type keyFile struct {
	signers []ssh.Signer // with a certificate first, where there is one
	err     error
}

func newKeyring(home string, ask *asker) *keyring {
	return &keyring{home: home, ask: ask, files: make(map[string]*keyFile)}
}

func (k *keyring) close() {
	if k.agent != nil {
		_ = k.agent.Close()
	}
}

// keyList is the keys for one host, in the order in which they are offered.
type keyList []ssh.Signer

// batch returns the keys for the nth connection, and whether there are more.
func (l keyList) batch(n int) (keys []ssh.Signer, more bool) {
	lo := min(n*triesPerConnection, len(l))
	hi := min(lo+triesPerConnection, len(l))
	return l[lo:hi], hi < len(l)
}

// signers lists the keys for h: the identity it was given, what the agent
// holds (first those that ~/.ssh/config names), the files ~/.ssh/config
// names, the usual ones. A file that was given and cannot be used is an
// error; others are passed over when they are not there.
func (k *keyring) signers(h hop) (keyList, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list keyList
	seen := make(map[string]bool)
	add := func(signers ...ssh.Signer) {
		for _, s := range signers {
			if id := string(s.PublicKey().Marshal()); !seen[id] {
				seen[id] = true
				list = append(list, s)
			}
		}
	}
	held := k.agentSigners()
	if h.identity != "" {
		signers, err := k.load(h.identity, held)
		if err != nil {
			return nil, err
		}
		add(signers...)
	}
	var named keyList
	for _, path := range h.identityFiles {
		signers, err := k.load(path, held)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		named = append(named, signers...)
	}
	if !h.identitiesOnly {
		isNamed := make(map[string]bool)
		for _, s := range named {
			isNamed[string(s.PublicKey().Marshal())] = true
		}
		for _, first := range []bool{true, false} {
			for _, s := range held {
				if isNamed[string(s.PublicKey().Marshal())] == first {
					add(s)
				}
			}
		}
	}
	add(named...)
	if len(h.identityFiles) == 0 && !(h.identitiesOnly && h.identity != "") {
		for _, path := range usualKeys {
			signers, err := k.load(filepath.Join(k.home, path), held)
			if err == nil {
				add(signers...)
			}
		}
	}
	return list, nil
}

// agentSigners returns what the agent holds; no agent is no error.
func (k *keyring) agentSigners() []ssh.Signer {
	if k.opened {
		return k.inside
	}
	k.opened = true
	conn, err := dialAgent()
	if err != nil {
		return nil
	}
	k.agent = conn
	k.inside, _ = agent.NewClient(conn).Signers()
	return k.inside
}

// load reads a private key and the certificate beside it.
func (k *keyring) load(path string, held []ssh.Signer) ([]ssh.Signer, error) {
	path = expandHome(path, k.home)
	file := k.files[path]
	if file == nil {
		file = new(keyFile)
		file.signers, file.err = k.read(path, held)
		k.files[path] = file
	}
	return file.signers, file.err
}

func (k *keyring) read(path string, held []ssh.Signer) ([]ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		// An IdentityFile may be just the public half of what the agent holds.
		if pub := readPublic(path + ".pub"); pub != nil {
			if s := holding(held, pub); s != nil {
				return []ssh.Signer{s}, nil
			}
		}
		return nil, keyError(path, err, "ssh.identity names a private key file; ssh-keygen makes one")
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		pub := locked.PublicKey
		if pub == nil { // the old PEM format does not say
			pub = readPublic(path + ".pub")
		}
		if s := holding(held, pub); s != nil {
			signer = s
		} else if pub == nil {
			signer, err = k.unlock(path, text)
			if err != nil {
				return nil, err
			}
		} else {
			signer = &lockedKey{ring: k, path: path, text: text, public: pub}
		}
	case err != nil:
		if pub, _, _, _, perr := ssh.ParseAuthorizedKey(text); perr == nil {
			if s := holding(held, pub); s != nil {
				return []ssh.Signer{s}, nil
			}
			err = errors.New("this is a public key, and the agent does not hold its private half")
		}
		return nil, keyError(path, err, "")
	}
	signers := []ssh.Signer{signer}
	if cert, ok := readPublic(path + "-cert.pub").(*ssh.Certificate); ok {
		if s, err := ssh.NewCertSigner(cert, signer); err == nil {
			signers = []ssh.Signer{s, signer}
		}
	}
	return signers, nil
}

func keyError(path string, err error, hint string) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	} else {
		err = errors.New(strings.TrimPrefix(err.Error(), "ssh: "))
	}
	return &Error{Op: "read key " + path, Kind: Settings, Err: err, Hint: hint}
}

func readPublic(path string) ssh.PublicKey {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil
	}
	return pub
}

// holding returns the agent's signer for pub, or nil.
func holding(held []ssh.Signer, pub ssh.PublicKey) ssh.Signer {
	if pub == nil {
		return nil
	}
	for _, s := range held {
		if bytes.Equal(s.PublicKey().Marshal(), pub.Marshal()) {
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
	s, ok := l.signer.(ssh.AlgorithmSigner)
	if !ok {
		return l.signer.Sign(rand, data)
	}
	return s.SignWithAlgorithm(rand, data, algorithm)
}
