package remote

import (
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

func TestNoSHA1(t *testing.T) {
	t.Parallel()
	c := transport()
	offered := slices.Concat(c.KeyExchanges, c.Ciphers, c.MACs, newKnownKeys(t.TempDir(), nil).algorithms(hop{host: "web1", port: 22}))
	insecure := ssh.InsecureAlgorithms()
	bad := slices.Concat(insecure.KeyExchanges, insecure.Ciphers, insecure.MACs, insecure.HostKeys)
	for _, a := range offered {
		if strings.Contains(a, "sha1") || slices.Contains(bad, a) {
			t.Errorf("%s is offered", a)
		}
	}
	for _, a := range []string{"curve25519-sha256", "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256", "aes128-ctr",
		"hmac-sha2-256", "ssh-ed25519", "rsa-sha2-512", "ssh-ed25519-cert-v01@openssh.com"} {
		if !slices.Contains(offered, a) {
			t.Errorf("%s is not offered", a)
		}
	}
}

// A server that insists on one algorithm is reached, unless it is an old one.
func TestOpenSSHAlgorithms(t *testing.T) {
	t.Parallel()
	for option, refused := range map[string]string{
		"KexAlgorithms diffie-hellman-group-exchange-sha256": "",
		"KexAlgorithms diffie-hellman-group16-sha512":        "",
		"MACs hmac-sha2-512\nCiphers aes256-ctr":             "",
		"Ciphers chacha20-poly1305@openssh.com":              "",
		"KexAlgorithms diffie-hellman-group14-sha1":          "its sshd offers no key exchange that is accepted here, only diffie-hellman-group14-sha1|SHA-1 and what is older are not used: KexAlgorithms",
		"MACs hmac-sha1,hmac-md5\nCiphers aes128-ctr":        "its sshd offers no MAC that is accepted here, only hmac-sha1, hmac-md5|MACs",
		"Ciphers aes128-cbc,3des-cbc":                        "its sshd offers no cipher that is accepted here, only aes128-cbc, 3des-cbc|Ciphers",
	} {
		t.Run(option, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, option)
			r := DialAll(t.Context(), Config{Home: s.home}, []Target{s.target("web1")})["web1"]
			if refused == "" {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				_ = r.Conn.Close()
				return
			}
			wantError(t, r.Err, Unreachable, strings.Split(refused, "|")...)
		})
	}
}

func TestHostSignatureSHA1(t *testing.T) {
	t.Parallel()
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	old, err := ssh.NewSignerWithAlgorithms(key.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	s := sshtest.New(t, sshtest.Options{HostKeys: []ssh.Signer{old}})
	r := DialAll(t.Context(), Config{Home: sshtest.Home(t, s)}, []Target{target("web1", s)})["web1"]
	wantError(t, r.Err, Unreachable, "offers no host key that is accepted here, only ssh-rsa", "HostKeyAlgorithms")
}
