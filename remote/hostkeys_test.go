package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// fakeTerminal answers and remembers questions.
type fakeTerminal struct {
	mu        sync.Mutex
	yes       bool
	secrets   map[string]string // by a part of the prompt
	questions []string
}

func (f *fakeTerminal) Confirm(q string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.questions = append(f.questions, q)
	return f.yes, nil
}

func (f *fakeTerminal) Secret(prompt string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.questions = append(f.questions, prompt)
	for part, s := range f.secrets {
		if strings.Contains(prompt, part) {
			return s, nil
		}
	}
	return "", errors.New("no answer")
}

func ecdsaKey(t *testing.T) ssh.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func line(pattern string, key ssh.PublicKey) string {
	return pattern + " " + string(ssh.MarshalAuthorizedKey(key))
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	ed, ec, other, ca := sshtest.NewKey(t), ecdsaKey(t), sshtest.NewKey(t), sshtest.NewKey(t)
	cert := &ssh.Certificate{Key: ed.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	certified, err := ssh.NewCertSigner(cert, ed)
	if err != nil {
		t.Fatal(err)
	}
	both := []ssh.Signer{ed, ec}
	tests := []struct {
		name   string
		keys   []ssh.Signer
		known  string // %[1]s: [127.0.0.1]:port
		config string
		accept bool
		want   string // empty: connected
		hint   string
	}{
		{name: "known", keys: both, known: line("%[1]s", ed.PublicKey())},
		{name: "known by its other key", keys: both, known: line("%[1]s", ec.PublicKey())},
		{name: "several names", keys: both, known: line("web1,%[1]s", ec.PublicKey())},
		{name: "wildcard", keys: both, known: line("127.0.0.*", ed.PublicKey())}, // without a port, ssh does not ask for the type that is known
		{name: "wildcard with port", keys: both, known: line("[127.*]:%[3]s", ec.PublicKey())},
		{name: "hashed", keys: both, known: "HASHED"},
		{name: "no newline at the end", keys: both, known: strings.TrimSpace(line("%[1]s", ed.PublicKey()))},
		{name: "unreadable lines beside it", keys: both, known: "garbage\nhost ssh-foo AAAA\n# comment\n" + line("%[1]s", ed.PublicKey())},
		{name: "certificate", keys: []ssh.Signer{certified}, known: "@cert-authority " + line("*", ca.PublicKey())},
		{name: "certificate, nobody known", keys: []ssh.Signer{certified, ed}, want: "is not known"},
		{name: "certificate of another authority", keys: []ssh.Signer{certified}, known: "@cert-authority " + line("*", other.PublicKey()), want: "cannot trust web1"},
		{name: "unknown", keys: both, want: "cannot trust web1 (%[2]s): its ED25519 key " + ssh.FingerprintSHA256(ed.PublicKey()) + " is not known", hint: "--accept-new"},
		{name: "another host's", keys: both, known: line("[127.0.0.1]:1", ed.PublicKey()), want: "is not known"},
		{name: "changed", keys: []ssh.Signer{ed}, known: "# one\n" + line("%[1]s", other.PublicKey()), want: "known_hosts:2", hint: "ssh-keygen -f HOME/.ssh/known_hosts -R '%[1]s'"},
		{name: "changed, accept-new", keys: []ssh.Signer{ed}, known: line("%[1]s", other.PublicKey()), accept: true, want: "is not the one in HOME/.ssh/known_hosts:1"},
		{name: "changed, StrictHostKeyChecking no", keys: []ssh.Signer{ed}, known: line("%[1]s", other.PublicKey()), config: "StrictHostKeyChecking no\n", want: "is not the one in"},
		{name: "changed, known_hosts off", keys: []ssh.Signer{ed}, known: line("%[1]s", other.PublicKey()), config: "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n", want: "is not the one in"},
		{name: "changed type, accept-new", keys: []ssh.Signer{ed}, known: line("%[1]s", ec.PublicKey()), accept: true, want: "is not the one in"},
		{name: "changed, unreadable line before", keys: []ssh.Signer{ed}, known: "garbage\n" + line("%[1]s", other.PublicKey()), want: "HOME/.ssh/known_hosts:2"},
		{name: "revoked", keys: []ssh.Signer{ed}, known: "@revoked " + line("*", ed.PublicKey()), accept: true, want: "is marked @revoked in HOME/.ssh/known_hosts:1"},
		{name: "accept-new", keys: both, accept: true},
		{name: "accept-new by config", keys: both, config: "StrictHostKeyChecking accept-new\n"},
		{name: "alias", keys: both, known: line("shop", ec.PublicKey()), config: "HostKeyAlias shop\n"},
		{name: "alias unknown", keys: both, known: line("%[1]s", ec.PublicKey()), config: "HostKeyAlias shop\n", want: "is not known"},
		{name: "global file of its own", keys: both, known: line("%[1]s", ed.PublicKey()), config: "UserKnownHostsFile ~/.ssh/nothing\nGlobalKnownHostsFile ~/.ssh/known_hosts\n"},
		{name: "global file of nobody's", keys: both, config: "GlobalKnownHostsFile ~nobody-of-that-name/x\n", accept: true, want: "cannot read ~nobody-of-that-name/x: there is no such user"},
		{name: "file of its own", keys: both, known: line("%[1]s", other.PublicKey()), config: "UserKnownHostsFile ~/.ssh/extra\nStrictHostKeyChecking accept-new\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sshtest.New(t, sshtest.Options{HostKeys: tt.keys})
			home := sshtest.Home(t, s)
			pattern := knownhosts.Normalize(s.Addr())
			known := strings.ReplaceAll(tt.known, "%[1]s", pattern)
			known = strings.ReplaceAll(known, "%[3]s", fmt.Sprint(s.Port()))
			if known == "HASHED" {
				known = line(knownhosts.HashHostname(pattern), ec.PublicKey())
			}
			put(t, home, "known_hosts", known)
			put(t, home, "config", tt.config)
			r := DialAll(t.Context(), Config{Home: home, AcceptNew: tt.accept}, []Target{target("web1", s)})["web1"]
			if tt.want == "" {
				if r.Err != nil {
					t.Fatal(r.Err, r.Err.(*Error).Hint)
				}
				_ = r.Conn.Close()
				return
			}
			fill := func(text string) string {
				text = strings.ReplaceAll(text, "%[1]s", pattern)
				return strings.ReplaceAll(strings.ReplaceAll(text, "%[2]s", s.Addr()), "HOME", home)
			}
			wantError(t, r.Err, HostKey, fill(tt.want), fill(tt.hint))
			if got := get(t, home, "known_hosts"); got != known {
				t.Errorf("known_hosts was changed to %q", got)
			}
		})
	}
}

func put(t *testing.T, home, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(home, ".ssh", name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, home, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(home, ".ssh", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Several hosts at once, one of them under two names; the file's last line has
// no end.
func TestAcceptNewAppends(t *testing.T) {
	t.Parallel()
	for _, hash := range []bool{false, true} {
		var servers []*sshtest.Server
		var targets []Target
		for i := range 6 {
			servers = append(servers, sshtest.New(t, sshtest.Options{}))
			targets = append(targets, target(fmt.Sprint("web", i), servers[i]))
		}
		targets = append(targets, target("again", servers[0]))
		home := sshtest.Home(t, servers...)
		first := strings.TrimSpace(line("somebody", sshtest.NewKey(t).PublicKey()))
		put(t, home, "known_hosts", first)
		if hash {
			put(t, home, "config", "HashKnownHosts yes\n")
		}
		for range 2 {
			for name, r := range DialAll(t.Context(), Config{Home: home, AcceptNew: true}, targets) {
				if r.Err != nil {
					t.Fatal(name, r.Err)
				}
				_ = r.Conn.Close()
			}
			text := get(t, home, "known_hosts")
			if !strings.HasPrefix(text, first+"\n") || strings.Count(text, "\n") != 7 {
				t.Errorf("known_hosts is\n%s", text)
			}
			if hash == strings.Contains(text, "127.0.0.1") {
				t.Errorf("hash %v, but known_hosts is\n%s", hash, text)
			}
		}
	}
}

func TestAcceptNewMakesDirectory(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	key := filepath.Join(sshtest.Home(t, s), ".ssh", "id_ed25519")
	home := t.TempDir()
	tg := target("web1", s)
	tg.Identity = key
	dialOne(t, Config{Home: home, AcceptNew: true}, tg)
	for path, want := range map[string]os.FileMode{".ssh": 0o700 | os.ModeDir, ".ssh/known_hosts": 0o600} {
		info, err := os.Stat(filepath.Join(home, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestUnknownKeysAskedOnce(t *testing.T) {
	t.Parallel()
	for _, yes := range []bool{true, false} {
		servers := []*sshtest.Server{sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{})}
		home := sshtest.Home(t, servers...)
		put(t, home, "known_hosts", servers[2].KnownHosts())
		terminal := &fakeTerminal{yes: yes}
		targets := []Target{target("web1", servers[0]), target("web2", servers[1]), target("nfs", servers[2]), target("same", servers[0])}
		results := DialAll(t.Context(), Config{Home: home, Terminal: terminal}, targets)
		if len(terminal.questions) != 1 {
			t.Fatalf("asked %d times: %q", len(terminal.questions), terminal.questions)
		}
		for _, s := range servers[:2] {
			if print := ssh.FingerprintSHA256(s.HostKey()); strings.Count(terminal.questions[0], print) != 1 {
				t.Errorf("question lacks %s, or has it twice:\n%s", print, terminal.questions[0])
			}
		}
		for name, r := range results {
			if yes || name == "nfs" {
				if r.Err != nil {
					t.Errorf("%s: %v", name, r.Err)
				} else {
					_ = r.Conn.Close()
				}
				continue
			}
			wantError(t, r.Err, HostKey, "is not known")
		}
		if n := servers[2].Accepted(); n != 1 {
			t.Errorf("the host that was known was dialled %d times", n)
		}
	}
}

func TestStrictIsNotAsked(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, s)
	put(t, home, "known_hosts", "")
	put(t, home, "config", "StrictHostKeyChecking yes\n")
	terminal := &fakeTerminal{yes: true}
	r := DialAll(t.Context(), Config{Home: home, Terminal: terminal}, []Target{target("web1", s)})["web1"]
	wantError(t, r.Err, HostKey, "is not known")
	if len(terminal.questions) > 0 {
		t.Errorf("asked %q", terminal.questions)
	}
}

// CheckHostIP, which ssh leaves alone on this machine's own addresses.
func TestCheckHostIP(t *testing.T) {
	t.Parallel()
	key, other := sshtest.NewKey(t).PublicKey(), sshtest.NewKey(t).PublicKey()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, home, "known_hosts", line("web1", key)+line("192.0.2.7", other)+line("[192.0.2.8]:2222", other)+line("192.0.2.9,127.0.0.1", key)+
		"@revoked "+line("192.0.2.10", key))
	for _, tt := range []struct {
		config, ip string
		port       int
		want       string
	}{
		{"", "192.0.2.7", 22, ""},
		{"CheckHostIP no", "192.0.2.7", 22, ""},
		{"CheckHostIP yes", "192.0.2.7", 22, "known_hosts:2 has for its address"},
		{"CheckHostIP yes", "192.0.2.8", 22, ""},
		{"CheckHostIP yes", "192.0.2.8", 2222, "known_hosts:3 has for its address"},
		{"CheckHostIP yes", "192.0.2.9", 22, ""},
		{"CheckHostIP yes", "192.0.2.10", 22, "is marked @revoked"},
		{"CheckHostIP yes", "192.0.2.11", 22, ""},
		{"CheckHostIP yes", "", 22, ""}, // behind a jump host
	} {
		put(t, home, "config", tt.config)
		config, err := readSSHConfig(home, "")
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := config.hop("web1", "web1", "root", tt.port)
		if err != nil {
			t.Fatal(err)
		}
		err = newKnownKeys(home, nil).check(h, "web1", net.ParseIP(tt.ip), key, true)
		if tt.want != "" {
			wantError(t, err, HostKey, tt.want)
		} else if err != nil {
			t.Errorf("%s, %s port %d: %v", tt.config, tt.ip, tt.port, err)
		}
	}
}

// Where known_hosts cannot be written the operator's word counts for the run,
// and is told not to be kept, once for each host.
func TestKeyNotKept(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		servers := []*sshtest.Server{sshtest.New(t, sshtest.Options{}), sshtest.New(t, sshtest.Options{})}
		home := sshtest.Home(t, servers...)
		put(t, home, "config", "UserKnownHostsFile ~/.ssh/id_ed25519/known_hosts\n")
		var warned []string
		cfg := Config{Home: home, AcceptNew: !asked, Warn: func(host, text string) { warned = append(warned, host+": "+text) }}
		if asked {
			cfg.Terminal = &fakeTerminal{yes: true}
		}
		for name, r := range DialAll(t.Context(), cfg, []Target{target("web1", servers[0]), target("web2", servers[1]), target("same", servers[0])}) {
			if r.Err != nil {
				t.Errorf("%s: %v", name, r.Err)
				continue
			}
			_ = r.Conn.Close()
		}
		slices.Sort(warned)
		if len(warned) != 2 || !strings.Contains(warned[1], "this run only: cannot add it to "+home+"/.ssh/id_ed25519/known_hosts: not a directory") {
			t.Errorf("asked %v: warned %q", asked, warned)
		}
	}
}

func TestKnownHostsLocked(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, s)
	put(t, home, "known_hosts", "")
	f, err := os.OpenFile(filepath.Join(home, ".ssh", "known_hosts"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if taken, err := tryLock(f); !taken || err != nil {
		t.Fatal(taken, err)
	}
	warned := ""
	dialOne(t, Config{Home: home, AcceptNew: true, Warn: func(_, text string) { warned = text }}, target("web1", s))
	if !strings.Contains(warned, "another process has locked it") {
		t.Errorf("warned %q", warned)
	}
	if text := get(t, home, "known_hosts"); text != "" {
		t.Errorf("known_hosts is %q", text)
	}
}

// What a changed key's hint tells to do takes no other host's line away.
func TestChangedHint(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{})
	home := sshtest.Home(t, s)
	other := sshtest.NewKey(t).PublicKey()
	pattern := knownhosts.Normalize(s.Addr())
	for names, want := range map[string]string{
		pattern:                          "ssh-keygen -f " + home + "/.ssh/known_hosts -R '" + pattern + "'",
		knownhosts.HashHostname(pattern): "-R '" + pattern + "'",
		"web2," + pattern:                "change line 1 of " + home + "/.ssh/known_hosts, which may be about other hosts too",
		"*":                              "change line 1 of ",
		strings.ReplaceAll(pattern, "127.0.0.1", "127.?.0.1"): "change line 1 of ",
	} {
		put(t, home, "known_hosts", line(names, other))
		r := DialAll(t.Context(), Config{Home: home}, []Target{target("web1", s)})["web1"]
		wantError(t, r.Err, HostKey, "is not the one in", want)
	}
}
