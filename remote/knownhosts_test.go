package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
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

// knownCase is a known_hosts that ssh(1) and this package are both given.
// Templates hold %NAME: HOME, PORT, and the keys of knownKeysOf.
type knownCase struct {
	name   string
	known  string // ~/.ssh/known_hosts
	hash   string // ssh-keygen -H is run over known_hosts, with this name to be found in it
	config string // more of ~/.ssh/config
	files  map[string]string
	krl    string // what ssh-keygen -k makes the file krl of
	server string // of knownServers; default "plain"
	host   string // HostName; default 127.0.0.1
	port22 bool   // as if it listened on port 22

	want  string // ssh's verdicts: strict, accept-new
	ours  string // where they differ; never laxer
	says  string // a part of our message with accept-new, or else with strict
	after string // what known_hosts ends with after accept-new
}

// TestKnownHostsBesideOpenSSH holds this package against the ssh of this
// machine. Nowhere may it be laxer; where it is stricter it says why.
func TestKnownHostsBesideOpenSSH(t *testing.T) {
	t.Parallel()
	servers, keys := knownServers(t)
	seen := make(map[string]bool)
	for _, c := range knownCases(keys) {
		if seen[c.name] {
			t.Fatalf("there are two cases %q", c.name)
		}
		seen[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := servers[firstOf(c.server, "plain")]
			wants, ours := strings.Fields(c.want), strings.Fields(firstOf(c.ours, c.want))
			said := ""
			for i, checking := range []string{"yes", "accept-new"} {
				ssh := askSSH(t, c.home(t, s, keys), s, c, checking)
				if ssh != wants[i] {
					t.Errorf("StrictHostKeyChecking %s: ssh says %s, want %s", checking, ssh, wants[i])
				}
				home := c.home(t, s, keys)
				got, message, after := askOurs(t, home, s, c, checking)
				if got != ours[i] {
					t.Errorf("StrictHostKeyChecking %s: we say %s, want %s: %s", checking, got, ours[i], message)
				}
				switch {
				case ssh == "refused" && got != "refused":
					t.Errorf("StrictHostKeyChecking %s: we say %s, and ssh %s: laxer: %s", checking, got, ssh, message)
				case got == "refused" && ssh != "refused" && c.says == "":
					t.Errorf("StrictHostKeyChecking %s: stricter than ssh, and the case does not say with what message: %s", checking, message)
				}
				if message != "" {
					said += strings.ReplaceAll(message, home, "%HOME") + "\n"
				}
				if i == 1 && !strings.HasSuffix(after, c.fill(c.after, s, home, keys)) {
					t.Errorf("known_hosts ends\n%q\nwant\n%q", after, c.fill(c.after, s, home, keys))
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("we say %q, which lacks %q", said, c.says)
			}
		})
	}
	if len(seen) < 60 {
		t.Errorf("only %d cases", len(seen))
	}
}

// knownServers are servers with host keys and certificates, and what their
// keys, and those of others, are called in templates.
func knownServers(t *testing.T) (map[string]*sshtest.Server, map[string]string) {
	t.Helper()
	ed, ec, ca := sshtest.NewKey(t), ecdsaKey(t), sshtest.NewKey(t)
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := uint64(time.Now().Unix())
	cert := func(change func(*ssh.Certificate), by ssh.Signer) ssh.Signer {
		c := &ssh.Certificate{Key: ed.PublicKey(), CertType: ssh.HostCert, KeyId: "web1", Serial: 70, ValidPrincipals: []string{"web1", "127.0.0.1", "localhost"},
			ValidAfter: now - 3600, ValidBefore: now + 3600}
		change(c)
		if err := c.SignCert(rand.Reader, by); err != nil {
			t.Fatal(err)
		}
		if c.KeyId == "forged" {
			c.ValidPrincipals = append(c.ValidPrincipals, "db")
		}
		s, err := ssh.NewCertSigner(c, ed)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sha1 := func(s ssh.Signer) ssh.Signer {
		s, err := ssh.NewSignerWithAlgorithms(s.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	certs := map[string]ssh.Signer{
		"cert":          cert(func(*ssh.Certificate) {}, ca),
		"no serial":     cert(func(c *ssh.Certificate) { c.Serial = 0 }, ca),
		"anybody":       cert(func(c *ssh.Certificate) { c.ValidPrincipals = nil }, ca),
		"expired":       cert(func(c *ssh.Certificate) { c.ValidBefore = now - 1800 }, ca),
		"too early":     cert(func(c *ssh.Certificate) { c.ValidAfter = now + 1800 }, ca),
		"other name":    cert(func(c *ssh.Certificate) { c.ValidPrincipals = []string{"db", "*"} }, ca),
		"user's":        cert(func(c *ssh.Certificate) { c.CertType = ssh.UserCert }, ca),
		"option":        cert(func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"force-command": "true"} }, ca),
		"forged":        cert(func(c *ssh.Certificate) { c.KeyId = "forged" }, ca),
		"signed by rsa": cert(func(*ssh.Certificate) {}, sha1(rs)),
	}
	signers := map[string][]ssh.Signer{"plain": {ed}, "both": {ec, ed}, "rsa": {rs}}
	for name, s := range certs {
		signers[name] = []ssh.Signer{s, ed}
	}
	servers := make(map[string]*sshtest.Server)
	for name, s := range signers {
		servers[name] = sshtest.New(t, sshtest.Options{HostKeys: s})
	}
	keys := map[string]ssh.PublicKey{"ED": ed.PublicKey(), "EC": ec.PublicKey(), "RSA": rs.PublicKey(), "CA": ca.PublicKey(),
		"OTHER": sshtest.NewKey(t).PublicKey(), "CERT": certs["cert"].PublicKey()}
	text := make(map[string]string)
	for name, k := range keys {
		text["%"+name] = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
	}
	return servers, text
}

func (c knownCase) fill(text string, s *sshtest.Server, home string, keys map[string]string) string {
	at := fmt.Sprintf("[127.0.0.1]:%d", s.Port())
	hashed, another := knownhosts.HashHostname(at), strings.Split(knownhosts.HashHostname(at), "|")
	salt := strings.Split(hashed, "|")
	pairs := []string{"%HOME", home, "%PORT", fmt.Sprint(s.Port()), "%AT", at,
		"%HASHED", hashed, "%CUT", hashed[:len(hashed)-4], "%SALT", "|1|" + salt[2] + "|" + another[3],
		"%BARE", knownhosts.HashHostname("127.0.0.1"), "%UPPER", knownhosts.HashHostname(fmt.Sprintf("[LOCALHOST]:%d", s.Port()))}
	for name, k := range keys {
		pairs = append(pairs, name, k)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// home makes the case's files.
func (c knownCase) home(t *testing.T, s *sshtest.Server, keys map[string]string) string {
	t.Helper()
	home := sshtest.Home(t, s)
	port := s.Port()
	if c.port22 {
		port = 22
	}
	put(t, home, "known_hosts", c.fill(c.known, s, home, keys))
	if c.hash != "" {
		file := filepath.Join(home, ".ssh", "known_hosts")
		if out, err := exec.Command("ssh-keygen", "-q", "-H", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := os.Remove(file + ".old"); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range c.files {
		put(t, home, name, c.fill(text, s, home, keys))
	}
	if c.krl != "" {
		put(t, home, "krl.txt", c.fill(c.krl, s, home, keys))
		put(t, home, "ca.pub", keys["%CA"])
		args := []string{"-q", "-k", "-f", filepath.Join(home, ".ssh", "krl"), "-s", filepath.Join(home, ".ssh", "ca.pub"), filepath.Join(home, ".ssh", "krl.txt")}
		if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Symlink("loop", filepath.Join(home, ".ssh", "loop")); err != nil {
		t.Fatal(err)
	}
	config := c.fill(c.config, s, home, keys) + fmt.Sprintf("HostName %s\nPort %d\n", firstOf(c.host, "127.0.0.1"), port)
	for _, usual := range []string{"UserKnownHostsFile " + home + "/.ssh/known_hosts", "GlobalKnownHostsFile " + home + "/.ssh/global"} {
		if key, _, _ := strings.Cut(usual, " "); !strings.Contains(config, key) {
			config += usual + "\n"
		}
	}
	put(t, home, "config", config)
	return home
}

// askSSH returns what ssh(1) makes of it. It is given no way to log in: what
// it says about the key comes before.
func askSSH(t *testing.T, home string, s *sshtest.Server, c knownCase, checking string) string {
	t.Helper()
	args := []string{"-F", filepath.Join(home, ".ssh", "config"), "-o", "StrictHostKeyChecking=" + checking, "-o", "BatchMode=yes",
		"-o", "PreferredAuthentications=none", "-o", "UpdateHostKeys=no", "-o", "IdentityAgent=none"}
	if c.port22 {
		args = append(args, "-o", "ProxyCommand="+os.Args[0], "-o", "ProxyUseFdpass=no")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ssh", append(args, "root@web1", "true")...)
	cmd.Env = append(os.Environ(), "HOME="+home, proxyTo+"="+s.Addr())
	out, err := cmd.CombinedOutput()
	text := string(out)
	switch {
	case strings.Contains(text, "Host key verification failed"), strings.Contains(text, "Bad server host key"),
		strings.Contains(text, "incorrect signature"):
		return "refused"
	case !strings.Contains(text, "Permission denied"):
		t.Fatalf("ssh: %v\n%s", err, text)
	case strings.Contains(text, "Permanently added"), strings.Contains(text, "Failed to add the host"):
		return "new"
	}
	return "ok"
}

// askOurs returns the same of this package, its message, and known_hosts then.
func askOurs(t *testing.T, home string, s *sshtest.Server, c knownCase, checking string) (verdict, message, after string) {
	t.Helper()
	before := knownText(home)
	warned := ""
	warn := func(_, text string) { warned = text }
	var err error
	if c.port22 {
		err = connect22(home, s, checking == "accept-new", warn)
	} else {
		r := DialAll(t.Context(), Config{Home: home, AcceptNew: checking == "accept-new", Warn: warn}, []Target{{Name: "web1", Host: "web1"}})["web1"]
		if err = r.Err; err == nil {
			_ = r.Conn.Close()
		}
	}
	after = knownText(home)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Kind == HostKey:
		if after != before {
			t.Errorf("known_hosts was changed by a refusal:\n%s", after)
		}
		return "refused", e.Error() + "\n" + e.Hint, after
	case err != nil:
		t.Fatal(err)
	case warned != "":
		return "new", warned, after
	case after != before:
		return "new", "", after
	}
	return "ok", "", after
}

// knownText is all that ~/.ssh holds of known hosts.
func knownText(home string) string {
	var all bytes.Buffer
	for _, name := range []string{"second", "global", "known_hosts"} {
		text, _ := os.ReadFile(filepath.Join(home, ".ssh", name))
		all.Write(text)
	}
	return all.String()
}

// connect22 shakes hands with s as if it listened on port 22.
func connect22(home string, s *sshtest.Server, acceptNew bool, warn func(string, string)) error {
	config, err := readSSHConfig(home, "")
	if err != nil {
		return err
	}
	h, _, err := config.hop("web1", "web1", "root", 0)
	if err != nil {
		return err
	}
	known := newKnownKeys(home, warn)
	var refused error
	c, err := ssh.Dial("tcp", s.Addr(), &ssh.ClientConfig{Config: transport(), HostKeyAlgorithms: known.algorithms(h), Timeout: time.Minute,
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			refused = known.check(h, "web1", nil, key, acceptNew)
			return refused
		}})
	if err == nil {
		_ = c.Close()
	}
	return refused
}

// proxyTo has this program stand between its standard streams and an address:
// ssh's ProxyCommand, for a server that seems to be on another port.
const proxyTo = "LVSDEPLOY_TEST_PROXY_TO"

func proxy(to string) int {
	conn, err := net.Dial("tcp", to)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	return 0
}

// badKeys are an RSA key with an exponent that is too long for x/crypto, and a
// key of a type that nobody has.
func badKeys() (long, unknown string) {
	e := append([]byte{0, 0, 0, 8}, 0x7f, 1, 1, 1, 1, 1, 1, 1)
	n := append([]byte{0, 0, 1, 0}, bytes.Repeat([]byte{0x71}, 256)...)
	blob := append(append([]byte("\x00\x00\x00\x07ssh-rsa"), e...), n...)
	other := append([]byte("\x00\x00\x00\x08ssh-nope"), blob...)
	return "ssh-rsa " + base64.StdEncoding.EncodeToString(blob), "ssh-nope " + base64.StdEncoding.EncodeToString(other)
}
