package remote

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// keyPair makes a private key, in a file of home if name is given, with a
// passphrase if that is.
func keyPair(t *testing.T, home, name, passphrase string) (ed25519.PrivateKey, ssh.Signer) {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if passphrase != "" {
		// One round of bcrypt (-a 1): x/crypto's own default takes seconds
		// under the race detector.
		path := filepath.Join(home, ".ssh", name)
		if out, err := exec.Command("ssh-keygen", "-q", "-a", "1", "-t", "ed25519", "-N", passphrase, "-f", path).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen (package openssh-client): %v\n%s", err, out)
		}
		text := get(t, home, name)
		raw, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(text), []byte(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		secret = *raw.(*ed25519.PrivateKey)
	} else if name != "" {
		block, err := ssh.MarshalPrivateKey(secret, "")
		if err != nil {
			t.Fatal(err)
		}
		put(t, home, name, string(pem.EncodeToMemory(block)))
	}
	signer, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return secret, signer
}

// runAgent serves keys on a socket.
func runAgent(t *testing.T, keys ...ed25519.PrivateKey) {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listen.Close() })
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c); c.Close() }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
}

func TestAuth(t *testing.T) {
	tests := []struct {
		name       string
		right      string // where the key is that the host accepts: a file, or agent
		wrong      []string
		passphrase string
		agent      int // keys in the agent that the host does not know
		identity   string
		config     string
		typed      string
		logins     int // connections it takes at most; 0: one
		want       string
		hint       string
		questions  int
	}{
		{name: "identity", right: "shop", identity: "~/.ssh/shop"},
		{name: "identity before a full agent", right: "shop", identity: "~/.ssh/shop", agent: 8},
		{name: "agent", right: "agent"},
		{name: "agent, wrong identity first", right: "agent", wrong: []string{"shop"}, identity: "~/.ssh/shop"},
		{name: "configured", right: "shop", config: "IdentityFile ~/.ssh/shop\n"},
		{name: "configured, with tokens", right: "shop", config: "IdentityFile %d/.ssh/shop\n"},
		{name: "configured, one file missing", right: "shop", config: "IdentityFile ~/.ssh/gone\nIdentityFile ~/.ssh/shop\n"},
		{name: "identities only, full agent", right: "shop", agent: 8, config: "IdentitiesOnly yes\nIdentityFile ~/.ssh/shop\n"},
		{name: "more keys than sshd lets us try", right: "shop", agent: 8, config: "IdentityFile ~/.ssh/shop\n", logins: 2},
		{name: "usual ed25519", right: "id_ed25519"},
		{name: "usual rsa file", right: "id_rsa", wrong: []string{"id_ed25519", "id_ecdsa"}},
		{name: "passphrase", right: "shop", passphrase: "open", identity: "~/.ssh/shop", typed: "open", questions: 1},
		{name: "passphrase of a key that is not accepted", right: "id_ed25519", wrong: []string{"shop"}, passphrase: "open", identity: "~/.ssh/shop"},
		{name: "passphrase, nobody to ask", right: "shop", passphrase: "open", identity: "~/.ssh/shop", want: "cannot unlock key HOME/.ssh/shop: it has a passphrase", hint: "ssh-add HOME/.ssh/shop"},
		{name: "passphrase wrong", right: "shop", passphrase: "open", identity: "~/.ssh/shop", typed: "shut", questions: 1, want: "the passphrase is wrong", hint: "ssh-add"},
		{name: "passphrase, but the agent has it", right: "both", passphrase: "open", identity: "~/.ssh/both"},
		{name: "none", right: "nowhere", want: "no key to log in with", hint: "ssh-keygen"},
		{name: "not accepted", right: "nowhere", wrong: []string{"id_ed25519"}, want: "none of our keys is accepted for user root"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first := sshtest.New(t, sshtest.Options{NoKey: true})
			second := sshtest.New(t, sshtest.Options{NoKey: true})
			home := sshtest.Home(t, first, second)
			if err := os.Remove(filepath.Join(home, ".ssh", "id_ed25519")); err != nil {
				t.Fatal(err)
			}
			put(t, home, "config", tt.config)
			for _, name := range tt.wrong {
				pass := ""
				if "~/.ssh/"+name == tt.identity {
					pass = tt.passphrase
				}
				keyPair(t, home, name, pass)
			}
			file, pass := tt.right, tt.passphrase
			if file == "agent" || file == "nowhere" {
				file = ""
			} else if "~/.ssh/"+file != tt.identity {
				pass = ""
			}
			secret, right := keyPair(t, home, file, pass)
			var inside []ed25519.PrivateKey
			for range tt.agent {
				other, _ := keyPair(t, home, "", "")
				inside = append(inside, other)
			}
			if tt.right == "agent" || tt.right == "both" {
				inside = append(inside, secret)
			}
			runAgent(t, inside...)
			terminal := &fakeTerminal{secrets: map[string]string{"passphrase": tt.typed}}
			cfg := Config{Home: home}
			if tt.typed != "" {
				cfg.Terminal = terminal
			}
			var targets []Target
			for i, s := range []*sshtest.Server{first, second} {
				s.Authorize(right.PublicKey())
				tg := target(fmt.Sprint("web", i+1), s)
				tg.Identity = tt.identity
				targets = append(targets, tg)
			}
			for name, r := range DialAll(t.Context(), cfg, targets) {
				fill := func(s string) string { return strings.ReplaceAll(s, "HOME", home) }
				if tt.want != "" {
					var kind = Auth
					e := wantError(t, r.Err, kind, fill(tt.want), fill(tt.hint))
					if e.Host != name {
						t.Errorf("host is %q, want %q", e.Host, name)
					}
					continue
				}
				if r.Err != nil {
					t.Fatalf("%s: %v", name, r.Err)
				}
				_ = r.Conn.Close()
			}
			if len(terminal.questions) != tt.questions {
				t.Errorf("asked %q", terminal.questions)
			}
			if n := max(tt.logins, 1); first.Accepted() > n {
				t.Errorf("it took %d connections, want %d", first.Accepted(), n)
			}
		})
	}
}

func TestUserCertificate(t *testing.T) {
	t.Parallel()
	ca := sshtest.NewKey(t)
	s := sshtest.New(t, sshtest.Options{NoKey: true, CA: ca.PublicKey()})
	home := sshtest.Home(t, s)
	_, key := keyPair(t, home, "id_ed25519", "")
	cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"root"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	put(t, home, "id_ed25519-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	dialOne(t, Config{Home: home}, target("web1", s))
}
