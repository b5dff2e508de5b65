package remote

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// What a host says to somebody who has the right key, and does not let in. The
// banners are those of PAM's modules, which sshd passes on before it closes the
// connection; the server here stands in for both.
func TestLoginRefused(t *testing.T) {
	t.Parallel()
	const in = "the key is accepted for user ops, and the login is refused: "
	for _, tt := range []struct {
		name       string
		opts       sshtest.Options
		want, hint string
	}{
		{"account expired", sshtest.Options{TurnAway: "Your account has expired; please contact your system administrator.\n"},
			in + "Your account has expired; please contact", "chage -l ops"},
		{"password expired", sshtest.Options{TurnAway: "Password expired. Change your password now.\n"}, in + "Password expired", "set a password there"},
		{"nologin", sshtest.Options{TurnAway: "\"System is going down. Unprivileged users are not permitted to log in anymore. For technical details, see pam_nologin(8).\"\n"},
			in + `"System is going down.`, "/run/nologin"},
		{"etc nologin", sshtest.Options{TurnAway: "back at noon\n"}, in + "back at noon", "/etc/nologin"},
		{"says nothing", sshtest.Options{TurnAway: " "}, "the key is accepted for user ops, and the login is refused", "pam_access"},
		{"says it in many lines", sshtest.Options{TurnAway: strings.Repeat("All that is done here is recorded.\r\n", 200) + "\x1b[31mYour account has expired\n"},
			"Your account has expired", "chage -l ops"},
		{"a banner before that is not the reason", sshtest.Options{Banner: "Authorized users only.\n", TurnAway: "Your account has expired; please contact your system administrator.\n"},
			in + "Your account has expired", "chage -l ops"},
		{"second factor", sshtest.Options{Second: true}, "the key is accepted for user ops, and sshd wants more than that: keyboard-interactive", "AuthenticationMethods publickey"},
		{"second factor and a banner", sshtest.Options{Second: true, Banner: strings.Repeat("x", 200_000)}, "sshd wants more than that: keyboard-interactive", "second factor"},
		{"slow", sshtest.Options{SlowLogin: time.Hour}, "the key is accepted for user ops, and the login is not over after 700ms", "--timeout"},
		{"no key of ours, and a large banner", sshtest.Options{NoKey: true, Banner: strings.Repeat("no entry\n", 20_000)}, "none of our keys is accepted for user ops", "ssh-copy-id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.New(t, tt.opts)
			behind := sshtest.New(t, sshtest.Options{})
			home := sshtest.Home(t, s, behind)
			direct := target("web1", s)
			direct.User = "ops"
			far := target("web2", behind)
			far.Jump = []string{"ops@" + s.Addr()}
			for name, tg := range map[string]Target{"web1": direct, "web2": far} {
				began := time.Now()
				r := DialAll(t.Context(), Config{Home: home, Timeout: 700 * time.Millisecond}, []Target{tg})[name]
				kind := Auth
				if tt.opts.SlowLogin > 0 {
					kind = Unreachable
				}
				e := wantError(t, r.Err, kind, tt.want, tt.hint)
				if strings.ContainsAny(e.Error(), "\x1b\r\n") || len(e.Error()) > 700 {
					t.Errorf("%s: %q", name, e.Error())
				}
				if name == "web2" && !strings.Contains(e.Error(), "through "+s.Addr()) {
					t.Errorf("%s: %v", name, e)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s: it took %v", name, took)
				}
			}
		})
	}
}

// A large banner keeps nobody out.
func TestBanner(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{Banner: strings.Repeat("Authorized users only.\r\n", 5000)})
	dialOne(t, Config{Home: sshtest.Home(t, s)}, target("web1", s))
}

// A real sshd that wants more than a key, takes none, or knows no such user.
func TestOpenSSHRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, user string
		options    []string
		want, hint string
	}{
		{"second factor", "", []string{"AuthenticationMethods publickey,password", "PasswordAuthentication yes"}, "the key is accepted for user ", "sshd wants more than that: password"},
		{"no keys", "", []string{"PubkeyAuthentication no", "PasswordAuthentication yes"}, "sshd takes no keys from user ", "only: password"},
		{"not allowed", "", []string{"DenyUsers *"}, "none of our keys is accepted for user ", "ssh-copy-id"},
		{"nobody there", "nosuchuser", nil, "none of our keys is accepted for user nosuchuser", "ssh-copy-id"},
		{"algorithms of keys", "", []string{"PubkeyAcceptedAlgorithms rsa-sha2-512"}, "none of our keys is accepted for user ", ""},
		{"a command of sshd's", "", []string{"ForceCommand echo 'Please login as the user \"debian\" rather than the user \"root\".'; sleep 20"}, "it wants another user to log in", `user = "debian" and become = true`},
		{"files only", "", []string{"ForceCommand internal-sftp"}, "", ""},
		{"a shell in place of it", "", []string{"ForceCommand bash"}, "starts another shell there", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := startSSHD(t, tt.options...)
			tg := s.target("web1")
			tg.User = firstOf(tt.user, tg.User)
			began := time.Now()
			r := DialAll(t.Context(), Config{Home: s.home, Timeout: 2 * time.Second}, []Target{tg})["web1"]
			err, kind := r.Err, Auth
			if r.Conn != nil {
				kind = Refused
				_, err = r.Conn.Program(t.Context(), "true")
				_ = r.Conn.Close()
			}
			wantError(t, err, kind, tt.want, tt.hint)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// What ssh(1) would do and is not done here is named where it may be why a
// login fails, and only there.
func TestUnusedKeywords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, config, want, not string }{
		{"PKCS11Provider", "PKCS11Provider /usr/lib/p11.so\n", "of ssh_config these have no effect here: pkcs11provider (HOME/.ssh/config:1)", ""},
		{"SecurityKeyProvider", "SecurityKeyProvider /usr/lib/sk.so\n", "securitykeyprovider (HOME/.ssh/config:1)", ""},
		{"its usual value", "SecurityKeyProvider internal\nPKCS11Provider none\n", "", "no effect here"},
		{"of another host", "Host db1\nPKCS11Provider /usr/lib/p11.so\n", "", "no effect here"},
		{"GSSAPI, which the host does not offer", "GSSAPIAuthentication yes\nHostbasedAuthentication yes\n", "", "no effect here"},
		{"algorithms", "PubkeyAcceptedAlgorithms rsa-sha2-512\n", "ssh-ed25519 is not among its PubkeyAcceptedAlgorithms", ""},
		{"no keys wanted", "PubkeyAuthentication no\n", "pubkeyauthentication of HOME/.ssh/config:1: without public keys nobody can log in here", ""},
		{"other methods preferred", "PreferredAuthentications gssapi-with-mic,password\n", "publickey is not in it", ""},
		{"KexAlgorithms", "KexAlgorithms sntrup761x25519-sha512@openssh.com\n", "kexalgorithms of HOME/.ssh/config:1: none of sntrup761x25519-sha512@openssh.com can be used here", ""},
		{"Ciphers", "Ciphers 3des-cbc-x\n", "none of 3des-cbc-x can be used here", ""},
		{"MACs", "MACs umac-64@openssh.com\n", "none of umac-64@openssh.com can be used here", ""},
		{"ProxyCommand", "ProxyCommand nc %h %p\n", "HOME/.ssh/config:1 has a ProxyCommand for it, which is not run here", ""},
		{"misspelt", "Host db1\nIdentiyFile ~/.ssh/a\n", "cannot read HOME/.ssh/config:2: identiyfile is no keyword of ssh_config", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.New(t, sshtest.Options{NoKey: true})
			home := sshtest.Home(t, s)
			put(t, home, "config", tt.config)
			r := DialAll(t.Context(), Config{Home: home}, []Target{target("web1", s)})["web1"]
			e, _ := r.Err.(*Error)
			if e == nil {
				t.Fatalf("error is %v", r.Err)
			}
			text := strings.ReplaceAll(e.Error()+"\n"+e.Hint, home, "HOME")
			if !strings.Contains(text, tt.want) || tt.not != "" && strings.Contains(text, tt.not) {
				t.Errorf("%s\nlacks %q, or has %q", text, tt.want, tt.not)
			}
		})
	}
}

// A key that cannot be used says what it is and how to change that; one that
// nobody named, and that others may read, is passed over with a warning, as by ssh.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
		want, hint string
	}{
		{"PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", 0o600, "it is a key in PuTTY's format", "puttygen HOME/.ssh/shop -O private-openssh"},
		{"PKCS 8", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600, "a PKCS #8 key with a passphrase", "ssh-keygen -p -f HOME/.ssh/shop"},
		{"ssh.com", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/5\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n", 0o600, "the format of ssh.com", "ssh-keygen -i"},
		{"no key", "hello\n", 0o600, "no key found", ""},
		{"empty", "", 0o600, "no key found", ""},
		{"public", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxvCOIMmmwoeVRZbO9d/9+1b8wbWCNB0oPBR6YtNVUk me\n", 0o600, "this is a public key", ""},
		{"open", "", 0o644, "others may read it (mode 0644), so ssh ignores it too", "chmod 600 HOME/.ssh/shop"},
		{"open to the group", "", 0o640, "others may read it (mode 0640)", "chmod 600 HOME/.ssh/shop"},
		{"open for writing", "", 0o620, "others may read it (mode 0620)", "chmod 600 HOME/.ssh/shop"},
		{"read only", "", 0o400, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.New(t, sshtest.Options{})
			home := sshtest.Home(t, s)
			path := filepath.Join(home, ".ssh", "shop")
			text := tt.text
			if text == "" && tt.name != "empty" {
				text = string(s.ClientKey())
			}
			put(t, home, "shop", text)
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			fill := func(s string) string { return strings.ReplaceAll(s, "HOME", home) }

			// Named in the inventory, it has to do.
			tg := target("web1", s)
			tg.Identity = "~/.ssh/shop"
			r := DialAll(t.Context(), Config{Home: home}, []Target{tg})["web1"]
			if tt.want == "" {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
				_ = r.Conn.Close()
			} else {
				wantError(t, r.Err, Settings, "cannot read key "+path, fill(tt.want), fill(tt.hint))
			}

			// Named in ssh_config, another one does.
			put(t, home, "config", "IdentityFile ~/.ssh/shop\nIdentityFile ~/.ssh/id_ed25519\n")
			var mu sync.Mutex
			var warned []string
			cfg := Config{Home: home, Warn: func(_, text string) {
				mu.Lock()
				defer mu.Unlock()
				warned = append(warned, text)
			}}
			second := target("web2", s)
			for name, r := range DialAll(t.Context(), cfg, []Target{target("web1", s), second}) {
				if r.Err != nil {
					t.Errorf("%s: %v", name, r.Err)
					continue
				}
				_ = r.Conn.Close()
			}
			if open := tt.mode&0o077 != 0; open != (len(warned) == 1) || open && !strings.Contains(warned[0], path+" is not used: others may read it") {
				t.Errorf("warned %q", warned)
			}

			// And if none does, each is named.
			if err := os.Remove(filepath.Join(home, ".ssh", "id_ed25519")); err != nil {
				t.Fatal(err)
			}
			if tt.want != "" {
				r = DialAll(t.Context(), Config{Home: home}, []Target{target("web1", s)})["web1"]
				wantError(t, r.Err, Auth, "no key to log in with; key "+path+" is not used: ", fill(tt.want), fill(tt.hint))
			}
		})
	}
}

// A PKCS #8 key without a passphrase is read.
func TestKeyPKCS8(t *testing.T) {
	t.Parallel()
	s := sshtest.New(t, sshtest.Options{NoKey: true})
	home := sshtest.Home(t, s)
	path := filepath.Join(home, ".ssh", "id_rsa")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PKCS8", "-N", "", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.Authorize(readPublic(path + ".pub"))
	dialOne(t, Config{Home: home}, target("web1", s))
}

// --timeout that is given counts more than ConnectTimeout of ssh_config.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		config string
		given  bool
		want   time.Duration
	}{
		{"", false, 7 * time.Second},
		{"ConnectTimeout 3\n", false, 3 * time.Second},
		{"ConnectTimeout 3\n", true, 7 * time.Second},
		{"ConnectTimeout 1m\n", true, 7 * time.Second},
		{"ConnectTimeout 1m30\n", false, 90 * time.Second},
		{"ConnectTimeout none\n", false, 7 * time.Second},
		{"ConnectTimeout 0\n", false, 7 * time.Second},
		{"Host db1\nConnectTimeout 3\n", false, 7 * time.Second},
	} {
		home := t.TempDir()
		if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, home, "config", tt.config)
		d, err := newDialer(Config{Home: home, Timeout: 7 * time.Second, TimeoutGiven: tt.given})
		if err != nil {
			t.Fatal(err)
		}
		hops, err := d.settings.route(Target{Name: "web1", Host: "web1", Jump: []string{"gate"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hops {
			if got := d.timeout(h); got != tt.want {
				t.Errorf("%q, given %v: %s has %v, want %v", tt.config, tt.given, h.host, got, tt.want)
			}
		}
	}
}

// Without a $HOME, or with one that is not there, home is what passwd says.
func TestHome(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	mine := t.TempDir()
	file := filepath.Join(mine, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{mine: mine, "": me.HomeDir, "/no/such/home": me.HomeDir, file: me.HomeDir, "not/absolute": me.HomeDir} {
		t.Setenv("HOME", value)
		if got, err := homeDir(); got != want || err != nil {
			t.Errorf("HOME=%q: %q, %v, want %q", value, got, err, want)
		}
	}
	if err := os.Unsetenv("HOME"); err != nil {
		t.Fatal(err)
	}
	if got, err := homeDir(); got != me.HomeDir || err != nil {
		t.Errorf("no HOME: %q, %v", got, err)
	}
}
