package remote

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// triesPerConnection bounds the keys offered on one connection: sshd counts
// each, and hangs up at the sixth (MaxAuthTries). More keys than that get
// further connections, as many as it takes when sshd is less patient.
const triesPerConnection = 5

// usualKeys are what ssh(1) tries without being told.
var usualKeys = [...]string{".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"}

// keyList is the keys for one host, in the order in which they are offered.
type keyList struct {
	keys  []ssh.Signer
	notes []string // why others are not among them
	warn  []string // the same, for what the operator has to hear of even if another key will do
}

// offer is a key as it is offered to one host, with the algorithms that this
// host may see.
type offer struct {
	ssh.Signer
	algorithms []string
	used       *login
}

// Algorithms returns what it signs with.
func (o *offer) Algorithms() []string { return o.algorithms }

// SignWithAlgorithm signs: the host has said that it takes the key.
func (o *offer) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	o.used.signing.Store(true)
	defer o.used.signing.Store(false)
	sig, err := signWith(o.Signer, rand, data, algorithm)
	if err != nil {
		o.used.mu.Lock()
		if o.used.signErr == nil {
			o.used.signErr = err
		}
		o.used.mu.Unlock()
		return nil, err
	}
	o.used.accepted.Store(true)
	return sig, nil
}

func signWith(s ssh.Signer, rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if a, ok := s.(ssh.AlgorithmSigner); ok {
		return a.SignWithAlgorithm(rand, data, algorithm)
	}
	return s.Sign(rand, data)
}

// offers are the keys of the list that h may be offered.
func (l *keyList) offers(h hop) []*offer {
	accepted := h.chosen("pubkeyacceptedalgorithms")
	var all []*offer
	for _, s := range l.keys {
		t := s.PublicKey().Type()
		plain := plainAlgorithm(t)
		var good []string
		for _, a := range algorithmsOf(plain) {
			name := a
			if plain != t {
				name = certAlgorithm(a)
			}
			if slices.Contains(accepted, name) {
				good = append(good, a)
			}
		}
		if len(good) == 0 {
			l.notes = append(l.notes, fmt.Sprintf("the key %s is not used: %s is not among its PubkeyAcceptedAlgorithms",
				ssh.FingerprintSHA256(s.PublicKey()), printable(t)))
			continue
		}
		all = append(all, &offer{Signer: s, algorithms: good})
	}
	return all
}

// certAlgorithm is the algorithm of a certificate for a key that signs with a.
func certAlgorithm(a string) string {
	return strings.TrimSuffix(a, "@openssh.com") + "-cert-v01@openssh.com"
}
