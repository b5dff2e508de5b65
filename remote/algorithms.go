package remote

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// hostKeyAlgorithms are those that a host key may be used with, in OpenSSH's
// order. None of them uses SHA-1.
var hostKeyAlgorithms = [...]string{
	ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
	ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// algorithms orders the host key algorithms for h by what is known of it:
// asked for another type of key, the host would seem to have changed its own.
// The order is OpenSSH's, so that both are shown the same key.
func (k *knownKeys) algorithms(h hop) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, _, _ := h.names()
	authorities := false
	types := make(map[string]bool)
	for _, e := range lookup(k.read(h), name) {
		switch {
		case e.marker == authority:
			authorities = true
		case e.marker == noMarker && e.key != nil:
			types[e.key.Type()] = true
		}
	}
	all := h.chosen("hostkeyalgorithms")
	// A key of the first choice is known, to which a certificate only adds.
	if h.hostKeysFixed || len(all) > 0 && types[keyFormat(plainAlgorithm(all[0]))] {
		return slices.Clone(all)
	}
	var first, last []string
	for _, a := range all {
		plain := plainAlgorithm(a)
		if plain != a && authorities || types[keyFormat(plain)] {
			first = append(first, a)
		} else {
			last = append(last, a)
		}
	}
	return append(first, last...)
}

// transport are the algorithms of the connection itself: all that the library
// has and does not call insecure, and no SHA-1.
func transport() ssh.Config {
	good := ssh.SupportedAlgorithms()
	noSHA1 := func(list []string) []string {
		return slices.DeleteFunc(list, func(a string) bool { return strings.Contains(a, "sha1") })
	}
	return ssh.Config{KeyExchanges: noSHA1(good.KeyExchanges), Ciphers: good.Ciphers, MACs: noSHA1(good.MACs)}
}

// nothingCommon says in what client and server do not agree.
func nothingCommon(e *ssh.AlgorithmNegotiationError) error {
	only := printable(strings.Join(slices.DeleteFunc(slices.Clone(e.RequestedAlgorithms), func(a string) bool {
		return strings.HasPrefix(a, "kex-strict-") || strings.HasPrefix(a, "ext-info-") // no algorithms
	}), ", "))
	return fmt.Errorf("its sshd offers no %s that is accepted here, only %s", disagreed(e), firstOf(only, "none at all"))
}

// disagreed is what the algorithms are for, whatever the direction.
func disagreed(e *ssh.AlgorithmNegotiationError) string {
	_, what, found := strings.Cut(e.What, " to ")
	if found {
		_, what, _ = strings.Cut(what, " ")
		return what
	}
	return e.What
}

func sshdKeyword(e *ssh.AlgorithmNegotiationError) string {
	switch disagreed(e) {
	case "key exchange":
		return "KexAlgorithms"
	case "host key":
		return "HostKeyAlgorithms"
	case "cipher":
		return "Ciphers"
	case "MAC":
		return "MACs"
	}
	return "Compression"
}
