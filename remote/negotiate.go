package remote

import (
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// What is offered to a host. By default nothing that leans on SHA-1 is: no key
// exchange, no signature, no MAC. ssh_config may ask for it by its name, for
// the hosts that have nothing else.

// negotiable is one list that client and server choose from.
type negotiable struct {
	key      string // of ssh_config
	standard []string
	more     []string // that the library has
	all      []string
}

func negotiables() map[string]negotiable {
	bad, good := ssh.InsecureAlgorithms(), transport()
	insecure := func(standard, all []string) []string { // what the library has beside
		return slices.DeleteFunc(slices.Clone(all), func(a string) bool { return slices.Contains(standard, a) })
	}
	known := ssh.SupportedAlgorithms()
	signs := certSignatures[:]
	all := make(map[string]negotiable)
	for _, n := range []negotiable{
		{key: "kexalgorithms", standard: good.KeyExchanges, more: slices.Concat(known.KeyExchanges, bad.KeyExchanges)},
		{key: "ciphers", standard: good.Ciphers, more: bad.Ciphers},
		{key: "macs", standard: good.MACs, more: slices.Concat(known.MACs, bad.MACs)},
		{key: "hostkeyalgorithms", standard: hostKeyAlgorithms[:], more: bad.HostKeys},
		{key: "pubkeyacceptedalgorithms", standard: slices.Concat(hostKeyAlgorithms[:], userSignatures[:]), more: []string{ssh.KeyAlgoRSA, ssh.CertAlgoRSAv01}},
		{key: "casignaturealgorithms", standard: signs, more: []string{ssh.KeyAlgoRSA}},
	} {
		n.all = slices.Concat(n.standard, insecure(n.standard, n.more))
		all[n.key] = n
	}
	return all
}

// userSignatures are those of security keys, which only users have.
var userSignatures = [...]string{ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.CertAlgoSKED25519v01, ssh.CertAlgoSKECDSA256v01}

// choose applies what ssh_config says: a list in place of the standard one, or
// more (+), fewer (-), others first (^). It holds patterns. What is not known
// here is passed over.
func (n negotiable) choose(said string) []string {
	if said == "" {
		return n.standard
	}
	list := strings.TrimLeft(said, "+-^")
	var named []string
	for _, p := range strings.Split(list, ",") {
		for _, a := range n.all {
			if matchPattern(p, a) && !slices.Contains(named, a) {
				named = append(named, a)
			}
		}
	}
	without := slices.DeleteFunc(slices.Clone(n.standard), func(a string) bool { return slices.Contains(named, a) })
	switch said[0] {
	case '+':
		added := slices.DeleteFunc(named, func(a string) bool { return slices.Contains(n.standard, a) })
		return append(slices.Clone(n.standard), added...)
	case '-':
		return without
	case '^':
		return append(named, without...)
	}
	return named
}

// chosen is one of the lists for h.
func (h *hop) chosen(key string) []string {
	if list, set := h.algorithms[key]; set {
		return list
	}
	return negotiables()[key].standard
}

// plainAlgorithm is the algorithm of a key without its certificate.
func plainAlgorithm(a string) string {
	plain, _, cert := strings.Cut(a, "-cert-v01@openssh.com")
	if cert && strings.HasPrefix(plain, "sk-") {
		return plain + "@openssh.com"
	}
	return plain
}

// algorithmsOf are the algorithms that a key of a type signs with.
func algorithmsOf(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{keyType}
}
