package remote

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// certSignatures are the algorithms that an authority may sign with. SHA-1 is
// not among them, as in OpenSSH; CASignatureAlgorithms may say otherwise.
var certSignatures = [...]string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256,
	ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512,
}

// certTrouble says what is wrong with a certificate whose authority is known:
// then, as in OpenSSH, it counts for nothing, and its key has to be known. An
// error is about a signature that does not hold: nothing in it can be believed.
func certTrouble(c *ssh.Certificate, principal string, signatures []string) (reason string, err error) {
	if !signed(c) {
		return "", errors.New("the signature of its certificate is wrong")
	}
	now := uint64(time.Now().Unix())
	day := func(t uint64) string { return time.Unix(int64(min(t, 1<<40)), 0).UTC().Format(time.RFC3339) }
	switch {
	case c.CertType != ssh.HostCert:
		reason = "is one for users"
	case now < c.ValidAfter:
		reason = "is not valid before " + day(c.ValidAfter)
	case now >= c.ValidBefore:
		reason = "has expired on " + day(c.ValidBefore)
	case len(c.ValidPrincipals) > 0 && !slices.Contains(c.ValidPrincipals, principal):
		reason = fmt.Sprintf("is for %s, not for %s", printable(strings.Join(c.ValidPrincipals, ", ")), principal)
	case len(c.CriticalOptions) > 0:
		reason = "has critical options that nobody knows: " + printable(strings.Join(slices.Sorted(maps.Keys(c.CriticalOptions)), ", "))
	case !slices.Contains(signatures, c.Signature.Format):
		reason = "is signed with " + printable(c.Signature.Format)
	}
	if reason != "" {
		reason = ", and its certificate " + reason
	}
	return reason, nil
}

// signed checks the signature alone. The library's checker looks at all else
// first, so it is told what it wants to hear.
func signed(c *ssh.Certificate) bool {
	principal := ""
	if len(c.ValidPrincipals) > 0 {
		principal = c.ValidPrincipals[0]
	}
	checker := ssh.CertChecker{
		SupportedCriticalOptions: slices.Collect(maps.Keys(c.CriticalOptions)),
		Clock:                    func() time.Time { return time.Unix(int64(c.ValidAfter), 0) },
	}
	err := checker.CheckCert(principal, c)
	return err == nil || !strings.Contains(err.Error(), "signature")
}

// unsigned says that none of the authorities that are known for a host signed
// its certificate. Nothing is said where there are none: then nobody expects one.
func unsigned(entries []knownEntry, c *ssh.Certificate) string {
	if !slices.ContainsFunc(entries, func(e knownEntry) bool { return e.marker == authority }) {
		return ""
	}
	return fmt.Sprintf(", and its certificate is signed by %s, which no @cert-authority line names for it", describe(c.SignatureKey))
}
