package remote

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// jumpCase is a way through a jump host. In its texts, JUMP and WEB are the two
// hosts as known_hosts writes them, JKEY, WKEY their keys, BAD another, SIGNER an
// authority that has signed JKEY, DIR the directory .ssh.
type jumpCase struct {
	name   string
	known  string
	jump   string // said of the jump host in ssh_config
	web    string // and of the host behind it
	first  string // at the top of the file
	host   string // HostName of the jump host, if not 127.0.0.1
	files  map[string]string
	key    string // another file that the jump host's key is in; it takes none but that
	mode   os.FileMode
	agent  int // keys in the agent that nobody knows
	tries  int // MaxAuthTries of both
	cert   bool
	accept bool // --accept-new, and the same for ssh
	want   []string
	kind   Kind
	warns  int
	loops  bool // ssh is not asked
}

const bothKnown = "JUMP JKEY\nWEB WKEY\n"

var jumpCases = []jumpCase{
	{name: "both known", known: bothKnown},
	{name: "jump host changed", known: "JUMP BAD\nWEB WKEY\n", accept: true, kind: HostKey, want: []string{"is not the one in", "the way to web1"}},
	{name: "host behind it changed", known: "JUMP JKEY\nWEB BAD\n", accept: true, kind: HostKey, want: []string{"is not the one in", "cannot trust web1"}},
	{name: "jump host changed, line in capitals", known: "[LOCALHOST]:JPORT BAD\nWEB WKEY\n", host: "localhost", accept: true, kind: HostKey, want: []string{"is not the one in"}},
	{name: "jump host revoked", known: bothKnown + "@revoked * JKEY\n", accept: true, kind: HostKey, want: []string{"is marked @revoked in", "the way to web1"}},
	{name: "RevokedHostKeys for the jump host", known: bothKnown, jump: "RevokedHostKeys DIR/revoked", files: map[string]string{"revoked": "JKEY"}, kind: HostKey, want: []string{"is revoked by"}},
	{name: "RevokedHostKeys for the host behind it alone", known: bothKnown, web: "RevokedHostKeys DIR/revoked", files: map[string]string{"revoked": "JKEY"}},
	{name: "RevokedHostKeys with the key behind it", known: bothKnown, web: "RevokedHostKeys DIR/revoked", files: map[string]string{"revoked": "WKEY"}, kind: HostKey, want: []string{"cannot trust web1", "is revoked by"}},
	{name: "alias of the jump host", known: "bastion JKEY\nJUMP BAD\nWEB WKEY\n", jump: "HostKeyAlias BASTION"},
	{name: "alias of the jump host, changed", known: "bastion BAD\nJUMP JKEY\nWEB WKEY\n", jump: "HostKeyAlias bastion", accept: true, kind: HostKey, want: []string{"is not the one in"}},
	{name: "nothing known, all accepted", accept: true},
	{name: "jump host accepted, the host behind it not", jump: "StrictHostKeyChecking accept-new", kind: HostKey, want: []string{"cannot trust web1", "is not known"}},
	{name: "host behind it accepted, the jump host not", web: "StrictHostKeyChecking accept-new", kind: HostKey, want: []string{"is not known", "the way to web1"}},
	{name: "known_hosts of its own", known: "WEB WKEY\n", jump: "UserKnownHostsFile DIR/other", files: map[string]string{"other": "JUMP JKEY"}},
	{name: "known_hosts of another", known: "WEB WKEY\n", web: "UserKnownHostsFile DIR/other", files: map[string]string{"other": "JUMP JKEY\nWEB WKEY"}, kind: HostKey, want: []string{"is not known"}},
	{name: "certificate", known: "@cert-authority JUMP SIGNER\nWEB WKEY\n", cert: true},
	{name: "certificate, another authority", known: "@cert-authority JUMP BAD\nWEB WKEY\n", cert: true, kind: HostKey, want: []string{"is not known"}},
	{name: "authority of the host behind it", known: "@cert-authority WEB SIGNER\nWEB WKEY\n", cert: true, kind: HostKey, want: []string{"is not known"}},
	{name: "more keys than MaxAuthTries", known: bothKnown, agent: 7, tries: 3},
	{name: "forty keys", known: bothKnown, agent: 40},
	{name: "no agent for the jump host", known: bothKnown, agent: 40, jump: "IdentityAgent none"},
	{name: "key of its own", known: bothKnown, key: "bastion", jump: "IdentityFile DIR/bastion"},
	{name: "key of its own, given for the host behind it", known: bothKnown, key: "bastion", web: "IdentityFile DIR/bastion", kind: Auth, want: []string{"reach web1 (WADDR) through JADDR", "none of our keys is accepted for user root"}},
	{name: "key of its own that others may read", known: bothKnown, key: "bastion", mode: 0o644, jump: "IdentityFile DIR/bastion", kind: Auth, want: []string{"others may read it (mode 0644)", "through JADDR"}, warns: 1},
	{name: "key of its own in PuTTY's format", known: bothKnown, jump: "IdentityFile DIR/putty\nIdentitiesOnly yes", key: "bastion", files: map[string]string{"putty": "PuTTY-User-Key-File-3: ssh-ed25519\n"}, kind: Auth, want: []string{"it is a key in PuTTY's format"}},
	{name: "ProxyCommand of the jump host", known: bothKnown, jump: "ProxyCommand false %h", kind: Settings, want: []string{"ProxyCommand"}},
	{name: "jump host of the jump host", known: bothKnown, jump: "ProxyJump outer", first: "Host outer\nHostName 127.0.0.1\nPort JPORT\nProxyJump none\n"},
	{name: "jump host for all", known: bothKnown, first: "Host web1 jump\nProxyJump jump\n", loops: true},
	{name: "tokens in ProxyJump", known: bothKnown, first: "Host web1\nProxyJump jump-of-%n\nHost jump-of-web1\nHostName 127.0.0.1\nPort JPORT\n"},
	{name: "another address family", known: bothKnown, jump: "AddressFamily inet6", kind: Unreachable, want: []string{"through JADDR"}},
}

func TestJumpAsOpenSSH(t *testing.T) {
	good, ca := sshtest.NewKey(t), sshtest.NewKey(t)
	for _, c := range jumpCases {
		t.Run(c.name, func(t *testing.T) {
			hostKeys := []ssh.Signer{good}
			if c.cert {
				cert := &ssh.Certificate{Key: good.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
				if err := cert.SignCert(rand.Reader, ca); err != nil {
					t.Fatal(err)
				}
				signer, err := ssh.NewCertSigner(cert, good)
				if err != nil {
					t.Fatal(err)
				}
				hostKeys = append(hostKeys, signer)
			}
			nothing := func(context.Context, string, io.Reader, io.Writer, io.Writer) int { return 0 }
			web := sshtest.New(t, sshtest.Options{Exec: nothing, MaxAuthTries: c.tries})
			jump := sshtest.New(t, sshtest.Options{Exec: nothing, MaxAuthTries: c.tries, HostKeys: hostKeys, Forward: true, NoKey: true})
			home := sshtest.Home(t, web)
			text := func(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }
			fill := strings.NewReplacer("JUMP", knownhosts.Normalize(jump.Addr()), "WEB", knownhosts.Normalize(web.Addr()), "JPORT", fmt.Sprint(jump.Port()),
				"JADDR", jump.Addr(), "WADDR", web.Addr(), "JKEY", text(good.PublicKey()), "WKEY", text(web.HostKey()),
				"BAD", text(sshtest.NewKey(t).PublicKey()), "SIGNER", text(ca.PublicKey()), "DIR", filepath.Join(home, ".ssh")).Replace
			for name, text := range c.files {
				put(t, home, name, fill(text))
			}
			if c.key != "" {
				_, signer := keyPair(t, home, c.key, "")
				jump.Authorize(signer.PublicKey())
				if c.mode != 0 {
					if err := os.Chmod(filepath.Join(home, ".ssh", c.key), c.mode); err != nil {
						t.Fatal(err)
					}
				}
			} else {
				jump.Authorize(readPublicOf(t, home))
			}
			var others []ed25519.PrivateKey
			for range c.agent {
				secret, _ := keyPair(t, home, "", "")
				others = append(others, secret)
			}
			runAgent(t, others...)
			put(t, home, "config", fill(fmt.Sprintf("%s\nHost jump jump-of-web1\n%s\nHostName %s\nPort JPORT\nHost web1\n%s\nHostName 127.0.0.1\nPort %d\nProxyJump jump\nHost *\n"+
				"User root\nUserKnownHostsFile DIR/known_hosts\nGlobalKnownHostsFile /dev/null\nIdentityFile DIR/id_ed25519\n", c.first, c.jump, firstOf(c.host, "127.0.0.1"), c.web, web.Port())))
			put(t, home, "known_hosts", fill(c.known))

			// ssh(1) gets no further when it is hung up on for all the keys of its
			// agent, and starts itself without end where a host is its own jump host.
			if c.agent == 0 && !c.loops {
				said, err := sshThrough(t, home, c.accept)
				if (err == nil) != (c.want == nil) && !strings.Contains(c.name, "ProxyCommand") {
					t.Errorf("the case is not what it says: ssh ends with %v\n%s", err, said)
				}
				put(t, home, "known_hosts", fill(c.known))
			}
			warned := 0
			cfg := Config{Home: home, AcceptNew: c.accept, Timeout: 20 * time.Second, Warn: func(string, string) { warned++ }}
			r := DialAll(t.Context(), cfg, []Target{{Name: "web1", Host: "web1"}})["web1"]
			if r.Err == nil {
				_ = r.Conn.Close()
			}
			switch {
			case c.want == nil && r.Err != nil:
				t.Error(r.Err, r.Err.(*Error).Hint)
			case c.want != nil:
				for i := range c.want {
					c.want[i] = fill(c.want[i])
				}
				wantError(t, r.Err, c.kind, c.want...)
			}
			if warned != c.warns {
				t.Errorf("%d warnings, want %d", warned, c.warns)
			}
		})
	}
}

// readPublicOf is the public half of the key that web1 accepts.
func readPublicOf(t *testing.T, home string) ssh.PublicKey {
	t.Helper()
	signer, err := ssh.ParsePrivateKey([]byte(get(t, home, "id_ed25519")))
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey()
}

// sshThrough is how ssh(1) gets to web1.
func sshThrough(t *testing.T, home string, acceptNew bool) (said string, err error) {
	t.Helper()
	config := filepath.Join(home, ".ssh", "config")
	if acceptNew { // for the jump host too, which options of the command line are not about
		old := get(t, home, "config")
		put(t, home, "config", old+"StrictHostKeyChecking accept-new\n")
		defer put(t, home, "config", old)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", "-F", config, "-o", "BatchMode=yes", "-o", "UpdateHostKeys=no", "web1", "true")
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal("this test needs ssh (package openssh-client): ", err)
	}
	return out.String(), err
}

// Two names of one jump host are two sets of settings: what one trusts does not
// let the other through.
func TestJumpTwoNames(t *testing.T) {
	t.Parallel()
	jump := sshtest.New(t, sshtest.Options{Forward: true})
	one, two := sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, jump, one, two)
	put(t, home, "known_hosts", "first "+text1(jump.HostKey())+"\nsecond "+text1(sshtest.NewKey(t).PublicKey())+"\n"+one.KnownHosts()+two.KnownHosts())
	put(t, home, "config", fmt.Sprintf("Host first second\nHostName 127.0.0.1\nPort %d\nHost first\nHostKeyAlias first\nHost second\nHostKeyAlias second\n", jump.Port()))
	a, b := target("web1", one), target("web2", two)
	a.Jump, b.Jump = []string{"first"}, []string{"second"}
	results := DialAll(t.Context(), Config{Home: home}, []Target{a, b})
	if r := results["web1"]; r.Err != nil {
		t.Error(r.Err)
	} else {
		_ = r.Conn.Close()
	}
	if r := results["web2"]; r.Err == nil {
		_ = r.Conn.Close()
		t.Error("web2 got through a jump host whose key is not the one that is known")
	} else {
		wantError(t, r.Err, HostKey, "is not the one in", "the way to web2")
	}
}

func text1(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

// A jump host that begins SSH and falls silent ends those behind it alone, and
// within the timeout.
func TestJumpFallsSilent(t *testing.T) {
	t.Parallel()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	go func() {
		for {
			c, err := listen.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			fmt.Fprint(c, "SSH-2.0-OpenSSH_9.2\r\n")
		}
	}()
	web, free := sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, web, free)
	var targets []Target
	for i := range 3 {
		tg := target(fmt.Sprint("web", i), web)
		tg.Jump = []string{listen.Addr().String()}
		targets = append(targets, tg)
	}
	targets = append(targets, target("free", free))
	begin := time.Now()
	results := DialAll(t.Context(), Config{Home: home, Timeout: 2 * time.Second}, targets)
	if took := time.Since(begin); took > 6*time.Second {
		t.Errorf("it took %v", took)
	}
	for name, r := range results {
		if name != "free" {
			wantError(t, r.Err, Unreachable, "through "+listen.Addr().String(), "it began SSH", "--timeout")
		} else if r.Err != nil {
			t.Error(r.Err)
		} else {
			_ = r.Conn.Close()
		}
	}
}
