package remote

import (
	"crypto/ed25519"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// offered collects the keys that a server is shown.
type offered struct {
	mu   sync.Mutex
	keys []string
}

func (o *offered) note(key ssh.PublicKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := ssh.FingerprintSHA256(plainKey(key))
	if _, cert := key.(*ssh.Certificate); cert {
		id += " CERT"
	}
	o.keys = append(o.keys, id)
}

func (o *offered) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := o.keys
	o.keys = nil
	return keys
}

// certify signs the key of a file of home, and puts the certificate into another.
func certify(t *testing.T, home, key, file string) {
	t.Helper()
	dir := t.TempDir()
	run := func(args ...string) {
		if out, err := exec.Command("ssh-keygen", append([]string{"-q"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	run("-t", "ed25519", "-N", "", "-f", dir+"/ca")
	text, err := exec.Command("ssh-keygen", "-y", "-f", filepath.Join(home, ".ssh", key)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/k.pub", text, 0o600); err != nil {
		t.Fatal(err)
	}
	run("-s", dir+"/ca", "-I", "me", "-n", "root", dir+"/k.pub")
	cert, err := os.ReadFile(dir + "/k-cert.pub")
	if err != nil {
		t.Fatal(err)
	}
	put(t, home, file, string(cert))
}

// A host is shown the same keys as by ssh, in the same order.
func TestKeyOrderAsOpenSSH(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		files        []string
		certs        map[string]string // file -> of which key
		agent        int               // keys that no file holds
		inAgent      []string          // files whose keys the agent has too
		ours         string            // what we offer, where that differs: ssh shows keys that it cannot use
		public       []string          // files of which only the public half is there
		open         []string          // files that others may read
	}{
		{name: "files", files: []string{"a", "b"}, config: "IdentityFile SSH/b\nIdentityFile SSH/a\n"},
		{name: "agent before files", files: []string{"a"}, agent: 2, config: "IdentityFile SSH/a\n"},
		{name: "agent's own file first", files: []string{"a", "b"}, agent: 2, inAgent: []string{"b"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "two of the agent's files, in the order of the files", files: []string{"a", "b"}, agent: 1, inAgent: []string{"b", "a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "identities only", files: []string{"a", "b"}, agent: 2, inAgent: []string{"b"}, config: "IdentitiesOnly yes\nIdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "public half", files: []string{"a", "b"}, agent: 1, inAgent: []string{"b"}, public: []string{"b"}, config: "IdentitiesOnly yes\nIdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "public half by its name", files: []string{"b"}, agent: 1, inAgent: []string{"b"}, public: []string{"b"}, config: "IdentitiesOnly yes\nIdentityFile SSH/b.pub\n"},
		{name: "public half, and nobody has the other", files: []string{"a", "b"}, public: []string{"b"}, config: "IdentityFile SSH/b\nIdentityFile SSH/a\n", ours: "a"},
		{name: "no agent", files: []string{"a"}, agent: 2, config: "IdentityAgent none\nIdentityFile SSH/a\n"},
		{name: "agent from the environment", files: []string{"a"}, agent: 1, config: "IdentityAgent $TEST_AGENT\nIdentityFile SSH/a\n"},
		{name: "agent from the environment, not set", files: []string{"a"}, agent: 1, config: "IdentityAgent $TEST_NO_AGENT\nIdentityFile SSH/a\n"},
		{name: "agent by its path", files: []string{"a"}, agent: 1, config: "IdentityAgent ${TEST_AGENT}\nIdentityFile SSH/a\n"},
		{name: "certificate beside the key", files: []string{"a", "b"}, certs: map[string]string{"a-cert.pub": "a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "certificate of its own", files: []string{"a", "b"}, certs: map[string]string{"c": "b"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\nCertificateFile SSH/c\n"},
		{name: "certificate of its own, and one beside", files: []string{"a", "b"}, certs: map[string]string{"c": "b", "a-cert.pub": "a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\nCertificateFile SSH/c\n"},
		{name: "certificate for a key of the agent's", files: []string{"a", "b"}, agent: 1, inAgent: []string{"b"}, certs: map[string]string{"c": "b"}, config: "IdentityFile SSH/a\nCertificateFile SSH/c\n"},
		{name: "certificate and agent", files: []string{"a", "b"}, agent: 1, inAgent: []string{"a"}, certs: map[string]string{"a-cert.pub": "a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "a key that others may read", files: []string{"a", "b"}, open: []string{"a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n", ours: "b"},
		{name: "a key that others may read, in the agent", files: []string{"a", "b"}, open: []string{"a"}, inAgent: []string{"a"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\n"},
		{name: "the same twice", files: []string{"a", "b"}, config: "IdentityFile SSH/a\nIdentityFile SSH/b\nIdentityFile SSH/a\n"},
		{name: "algorithms", files: []string{"a"}, agent: 1, config: "IdentityFile SSH/a\nPubkeyAcceptedAlgorithms rsa-sha2-*\n"},
		{name: "no certificates accepted", files: []string{"a"}, certs: map[string]string{"a-cert.pub": "a"}, config: "IdentityFile SSH/a\nPubkeyAcceptedAlgorithms ssh-ed25519\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen offered
			s := sshtest.New(t, sshtest.Options{NoKey: true, MaxAuthTries: 30, OnKey: seen.note})
			home := sshtest.Home(t, s)
			dir := filepath.Join(home, ".ssh")
			names := make(map[string]string)
			var inside []ed25519.PrivateKey
			secrets := make(map[string]ed25519.PrivateKey)
			for _, f := range tt.files {
				secret, signer := keyPair(t, home, f, "")
				names[ssh.FingerprintSHA256(signer.PublicKey())] = f
				secrets[f] = secret
				put(t, home, f+".pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
			}
			for file, key := range tt.certs {
				certify(t, home, key, file)
			}
			for i := range tt.agent {
				secret, signer := keyPair(t, home, "", "")
				names[ssh.FingerprintSHA256(signer.PublicKey())] = fmt.Sprint("agent", i+1)
				inside = append(inside, secret)
			}
			for _, f := range tt.inAgent {
				inside = append(inside, secrets[f])
			}
			runAgent(t, inside...)
			t.Setenv("TEST_AGENT", os.Getenv("SSH_AUTH_SOCK"))
			for _, f := range tt.public {
				if err := os.Remove(filepath.Join(dir, f)); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range tt.open {
				if err := os.Chmod(filepath.Join(dir, f), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			put(t, home, "config", strings.ReplaceAll(tt.config, "SSH", dir)+"UserKnownHostsFile "+dir+"/known_hosts\nUser root\n")
			named := func(keys []string) string {
				var all []string
				for _, k := range keys {
					id, cert, _ := strings.Cut(k, " ")
					all = append(all, strings.TrimSpace(names[id]+" "+cert))
				}
				return strings.Join(all, ", ")
			}
			out, err := exec.Command("ssh", "-F", dir+"/config", "-o", "BatchMode=yes", "-p", fmt.Sprint(s.Port()), "127.0.0.1", "true").CombinedOutput()
			if err == nil {
				t.Fatalf("ssh got in: %s", out)
			}
			want := named(seen.take())
			r := DialAll(t.Context(), Config{Home: home}, []Target{target("web1", s)})["web1"]
			wantError(t, r.Err, Auth, "")
			if got := named(seen.take()); got != firstOf(tt.ours, want) {
				t.Errorf("offered %s; by ssh %s\n%s", got, want, out)
			}
		})
	}
}

// Keys that did not get their turn before sshd hung up are offered over
// another connection, and none a second time.
func TestKeysAfterHangUp(t *testing.T) {
	for _, tt := range []struct{ tries, agent, files, most int }{
		{tries: 3, agent: 4, most: 2}, // through it as a jump host
		{tries: 3, agent: 3, most: 2},
		{tries: 3, agent: 40, most: 14},
		{tries: 2, agent: 5, files: 2, most: 5},
		{tries: 1, agent: 3, most: 5},
		{tries: 6, agent: 40, most: 9},
		{tries: 20, agent: 40, most: 9},
		{tries: 4, files: 9, most: 3},
	} {
		for _, real := range []bool{false, true} {
			if real && tt.agent > 10 && tt.tries != 3 { // sshd takes its time
				continue
			}
			t.Run(fmt.Sprintf("%d tries, %d in the agent, %d in files, sshd %v", tt.tries, tt.agent, tt.files, real), func(t *testing.T) {
				var seen offered
				var home string
				var tg Target
				accepted := func() int { return 0 }
				if real {
					s := startSSHD(t, fmt.Sprint("MaxAuthTries ", tt.tries))
					home, tg = s.home, s.target("web1")
				} else {
					s := sshtest.New(t, sshtest.Options{MaxAuthTries: tt.tries, OnKey: seen.note, Forward: true})
					home, tg = sshtest.Home(t, s), target("web1", s)
					accepted = s.Accepted
				}
				config := ""
				for i := range tt.files {
					name := fmt.Sprint("wrong", i)
					keyPair(t, home, name, "")
					config += "IdentityFile ~/.ssh/" + name + "\n"
				}
				put(t, home, "config", config+"IdentityFile ~/.ssh/id_ed25519\n")
				var inside []ed25519.PrivateKey
				for range tt.agent {
					secret, _ := keyPair(t, home, "", "")
					inside = append(inside, secret)
				}
				runAgent(t, inside...)
				if behind := sshtest.New(t, sshtest.Options{}); tt.agent == 4 { // it is the same on the way to another host
					put(t, home, "known_hosts", get(t, home, "known_hosts")+behind.KnownHosts())
					key, _, _, _, err := ssh.ParseAuthorizedKey(publicHalf(t, home))
					if err != nil {
						t.Fatal(err)
					}
					behind.Authorize(key)
					far := target("web2", behind)
					far.Jump = []string{fmt.Sprintf("%s@127.0.0.1:%d", firstOf(tg.User, "root"), tg.Port)}
					dialOne(t, Config{Home: home}, far)
					if n := accepted(); n > tt.most {
						t.Errorf("the jump host took %d connections, want %d", n, tt.most)
					}
					return
				}
				dialOne(t, Config{Home: home}, tg)
				if n := accepted(); n > tt.most {
					t.Errorf("it took %d connections, want %d", n, tt.most)
				}
				if !real && tt.tries > 1 {
					keys := seen.take()
					if slices.Sort(keys); len(slices.Compact(slices.Clone(keys))) < len(keys)-1 { // the right one is offered, then used
						t.Errorf("a key was offered twice: %d of %d are different", len(slices.Compact(slices.Clone(keys))), len(keys))
					}
				}
			})
		}
	}
}

// An agent that is gone, hangs, or is none costs no more than --timeout, and the
// reason is told where no other key does it.
func TestAgentTrouble(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(net.Conn)
		want  string
	}{
		"gone":       {nil, "the agent cannot be asked: connection refused"},
		"hangs":      {func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)); time.Sleep(time.Hour) }, "the agent does not answer"},
		"hangs up":   {func(c net.Conn) { c.Close() }, "the agent gives no keys"},
		"no agent":   {func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.0 400 no\r\n\r\n")); c.Close() }, "the agent gives no keys"},
		"does drip":  {func(c net.Conn) { drip(c) }, "the agent does not answer"},
		"is refused": {func(c net.Conn) { _, _ = c.Read(make([]byte, 1000)); _, _ = c.Write([]byte{0, 0, 0, 1, 5}); c.Close() }, "the agent gives no keys"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.New(t, sshtest.Options{})
			home := sshtest.Home(t, s)
			socket := filepath.Join(t.TempDir(), "agent")
			listen, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			if tt.serve == nil {
				listen.(*net.UnixListener).SetUnlinkOnClose(false)
				listen.Close()
			} else {
				t.Cleanup(func() { listen.Close() })
				go func() {
					for {
						c, err := listen.Accept()
						if err != nil {
							return
						}
						go tt.serve(c)
					}
				}()
			}
			t.Setenv("SSH_AUTH_SOCK", socket)
			began := time.Now()
			dialOne(t, Config{Home: home, Timeout: 500 * time.Millisecond}, target("web1", s))
			if err := os.Remove(filepath.Join(home, ".ssh", "id_ed25519")); err != nil {
				t.Fatal(err)
			}
			r := DialAll(t.Context(), Config{Home: home, Timeout: 500 * time.Millisecond}, []Target{target("web1", s)})["web1"]
			wantError(t, r.Err, Auth, "no key to log in with", tt.want)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func publicHalf(t *testing.T, home string) []byte {
	t.Helper()
	out, err := exec.Command("ssh-keygen", "-y", "-f", filepath.Join(home, ".ssh", "id_ed25519")).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func drip(c net.Conn) {
	_, _ = c.Write([]byte{0, 0, 4, 0, 12})
	for {
		if _, err := c.Write([]byte{0}); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
