package remote

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// krl is a key revocation list as ssh-keygen -k makes it (PROTOCOL.krl of
// OpenSSH). Its signature, if it has one, is not asked for: a list that is
// signed is refused.
type krl struct {
	keys, sha1, sha256 map[string]bool
	certs              []revokedCerts
}

// revokedCerts are certificates of one authority.
type revokedCerts struct {
	ca      []byte // its key; empty: any
	serials []serials
	ids     map[string]bool
}

type serials struct {
	from, to uint64
	bits     *big.Int // those from from on that are meant; nil: all up to to
}

func (s serials) hold(n uint64) bool {
	if s.bits == nil {
		return s.from <= n && n <= s.to
	}
	return n >= s.from && n-s.from < uint64(s.bits.BitLen()) && s.bits.Bit(int(n-s.from)) == 1
}

// revokes looks for a key, and for a certificate and who signed it.
func (l *krl) revokes(key ssh.PublicKey) bool {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return l.holds(key)
	}
	return l.holds(cert.Key) || l.holds(cert.SignatureKey) || l.holdsCert(cert)
}

func (l *krl) holds(key ssh.PublicKey) bool {
	blob := key.Marshal()
	one, two := sha1.Sum(blob), sha256.Sum256(blob)
	return l.keys[string(blob)] || l.sha1[string(one[:])] || l.sha256[string(two[:])]
}

func (l *krl) holdsCert(cert *ssh.Certificate) bool {
	for _, c := range l.certs {
		if len(c.ca) > 0 && !bytes.Equal(c.ca, cert.SignatureKey.Marshal()) {
			continue
		}
		if c.ids[cert.KeyId] {
			return true
		}
		for _, s := range c.serials {
			if cert.Serial != 0 && s.hold(cert.Serial) { // 0: it has none
				return true
			}
		}
	}
	return false
}

const krlMagic = "SSHKRL\n\x00"

// Sections of a list, and of its section for certificates.
const (
	krlCertificates = 1
	krlKeys         = 2
	krlSHA1         = 3
	krlSignature    = 4
	krlSHA256       = 5
	krlExtension    = 255

	krlSerialList    = 0x20
	krlSerialRange   = 0x21
	krlSerialBits    = 0x22
	krlKeyIDs        = 0x23
	krlCertExtension = 0x39
)

var errKRL = errors.New("it is a damaged key revocation list")

// parseKRL reads what follows the magic. What it does not understand may
// revoke a key, so that is an error.
func parseKRL(text []byte) (*krl, error) {
	l := &krl{keys: make(map[string]bool), sha1: make(map[string]bool), sha256: make(map[string]bool)}
	in := &krlReader{rest: text}
	if version := in.number(4); version != 1 {
		return nil, fmt.Errorf("it is a key revocation list of version %d", version)
	}
	in.take(3 * 8) // its number, date and flags
	in.text()      // reserved
	in.text()      // a comment
	for in.more() {
		kind := in.number(1)
		section := &krlReader{rest: in.text()}
		if err := l.section(kind, section); err != nil {
			return nil, err
		}
		in.bad = in.bad || section.bad
	}
	if in.bad {
		return nil, errKRL
	}
	return l, nil
}

func (l *krl) section(kind uint64, in *krlReader) error {
	set := map[uint64]map[string]bool{krlKeys: l.keys, krlSHA1: l.sha1, krlSHA256: l.sha256}[kind]
	switch {
	case set != nil:
		for in.more() {
			set[string(in.text())] = true
		}
	case kind == krlCertificates:
		c := revokedCerts{ca: in.text(), ids: make(map[string]bool)}
		in.text() // reserved
		for in.more() {
			kind := in.number(1)
			part := &krlReader{rest: in.text()}
			if err := c.section(kind, part); err != nil {
				return err
			}
			in.bad = in.bad || part.bad
		}
		l.certs = append(l.certs, c)
	case kind == krlExtension:
		return in.extension()
	case kind == krlSignature:
		return errors.New("it is a signed key revocation list, which is not supported")
	default:
		return fmt.Errorf("it is a key revocation list with a section of an unknown kind, %d", kind)
	}
	return nil
}

func (c *revokedCerts) section(kind uint64, in *krlReader) error {
	switch kind {
	case krlSerialList:
		for in.more() {
			n := in.number(8)
			c.serials = append(c.serials, serials{from: n, to: n})
		}
	case krlSerialRange:
		from, to := in.number(8), in.number(8)
		c.serials = append(c.serials, serials{from: from, to: to})
	case krlSerialBits:
		from := in.number(8)
		c.serials = append(c.serials, serials{from: from, bits: new(big.Int).SetBytes(in.text())})
	case krlKeyIDs:
		for in.more() {
			c.ids[string(in.text())] = true
		}
	case krlCertExtension:
		return in.extension()
	default:
		return fmt.Errorf("it is a key revocation list with a section of an unknown kind, %#x", kind)
	}
	return nil
}

// krlReader takes numbers and strings off a text; bad once there was too little.
type krlReader struct {
	rest []byte
	bad  bool
}

func (in *krlReader) more() bool { return len(in.rest) > 0 && !in.bad }

func (in *krlReader) take(n uint64) []byte {
	if in.bad || n > uint64(len(in.rest)) {
		in.bad = true
		return nil
	}
	b := in.rest[:n]
	in.rest = in.rest[n:]
	return b
}

func (in *krlReader) number(size uint64) uint64 {
	var n uint64
	for _, b := range in.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (in *krlReader) text() []byte { return in.take(in.number(4)) }

// extension passes over what says itself that it need not be understood.
func (in *krlReader) extension() error {
	name, critical := in.text(), in.number(1)
	if critical != 0 {
		return fmt.Errorf("it is a key revocation list with a critical extension, %s", printable(string(name)))
	}
	return nil
}
