package remote

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// realSSHD is OpenSSH's sshd on a loopback port, with a configuration, keys
// and authorized keys of its own. It needs the package openssh-server.
type realSSHD struct {
	port  int
	home  string // from which it can be reached
	login string
	keys  map[string]ssh.PublicKey // host keys by type
}

func startSSHD(t testing.TB, options ...string) *realSSHD {
	t.Helper()
	path := "/usr/sbin/sshd"
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("this test needs a real sshd: install openssh-server (%v)", err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" { // sshd wants it for its unprivileged half
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir, home := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &realSSHD{home: home, login: me.Username, keys: make(map[string]ssh.PublicKey)}
	keygen := func(kind, file string) ssh.PublicKey {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return readPublic(file + ".pub")
	}
	s.keys["ed25519"] = keygen("ed25519", filepath.Join(dir, "host_ed25519"))
	s.keys["ecdsa"] = keygen("ecdsa", filepath.Join(dir, "host_ecdsa"))
	mine := keygen("ed25519", filepath.Join(home, ".ssh", "id_ed25519"))
	if err := os.WriteFile(filepath.Join(dir, "authorized"), ssh.MarshalAuthorizedKey(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	config := append(options, "ListenAddress 127.0.0.1", fmt.Sprint("Port ", s.port), "PidFile none",
		"HostKey "+dir+"/host_ed25519", "HostKey "+dir+"/host_ecdsa", "AuthorizedKeysFile "+dir+"/authorized",
		"StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no", "Subsystem sftp internal-sftp")
	file := filepath.Join(dir, "sshd_config")
	if err := os.WriteFile(file, []byte(strings.Join(config, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log") // a file: a pipe would keep Wait waiting for sshd's children
	cmd := exec.Command(path, "-D", "-E", log, "-f", file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("sshd says:\n%s", text)
		}
	})
	s.known(t, "ed25519", "ecdsa")
	for end := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", s.addr())
		if err == nil {
			c.Close()
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("sshd does not come up: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *realSSHD) addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// known writes known_hosts with these of the server's keys.
func (s *realSSHD) known(t testing.TB, kinds ...string) {
	t.Helper()
	text := ""
	for _, k := range kinds {
		text += line(knownhosts.Normalize(s.addr()), s.keys[k])
	}
	if err := os.WriteFile(filepath.Join(s.home, ".ssh", "known_hosts"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *realSSHD) target(name string) Target {
	return Target{Name: name, Host: "127.0.0.1", Port: s.port, User: s.login}
}

func TestOpenSSH(t *testing.T) {
	t.Parallel()
	s := startSSHD(t)
	for _, kind := range []string{"ecdsa", "ed25519"} {
		s.known(t, kind) // the server has both: it must be asked for the one that is known
		dialOne(t, Config{Home: s.home}, s.target("web1"))
	}
	c := dialOne(t, Config{Home: s.home}, s.target("web1"))
	big := strings.Repeat("# padding\n", 50_000)
	out, err := c.Output(t.Context(), big+"echo one; kill -TERM $$")
	exit, ok := err.(*ExitError)
	if string(out) != "one\n" || !ok || exit.Signal != "TERM" {
		t.Errorf("output %q, error %v", out, err)
	}
	p, err := c.Command(t.Context(), "read -r word\necho 'got '\"$word\"")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(p.Stdin, "it\n")
	if out, err := io.ReadAll(p.Stdout); string(out) != "got it\n" {
		t.Errorf("output %q, error %v", out, err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}

	// Unknown, accepted, changed.
	s.known(t)
	r := DialAll(t.Context(), Config{Home: s.home}, []Target{s.target("web1")})["web1"]
	wantError(t, r.Err, HostKey, "is not known")
	dialOne(t, Config{Home: s.home, AcceptNew: true}, s.target("web1"))
	put(t, s.home, "known_hosts", line(knownhosts.Normalize(s.addr()), sshtest.NewKey(t).PublicKey()))
	r = DialAll(t.Context(), Config{Home: s.home, AcceptNew: true}, []Target{s.target("web1")})["web1"]
	wantError(t, r.Err, HostKey, "known_hosts:1")
	s.known(t, "ed25519")

	// Through itself as a jump host, and files.
	tg := s.target("behind")
	tg.Jump = []string{s.login + "@" + s.addr()}
	c = dialOne(t, Config{Home: s.home}, tg)
	local := filepath.Join(t.TempDir(), "local")
	if err := os.WriteFile(local, []byte("page"), 0o644); err != nil {
		t.Fatal(err)
	}
	stage, err := c.Stage(t.Context(), ".lvsdeploy-shop", []File{{Path: "a/index.html", Source: local}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(stage + "/a/index.html"); string(text) != "page" {
		t.Errorf("uploaded %q, %v", text, err)
	}
	if err := c.Unstage(t.Context(), ".lvsdeploy-shop", stage); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(stage); !os.IsNotExist(err) {
		t.Errorf("it is there after Unstage: %v", err)
	}
}

func TestOpenSSHForbids(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "AllowTcpForwarding no", "MaxAuthTries 3")
	tg := s.target("behind")
	tg.Jump = []string{s.login + "@" + s.addr()}
	r := DialAll(t.Context(), Config{Home: s.home}, []Target{tg})["behind"]
	wantError(t, r.Err, Refused, "forbids forwarding", "AllowTcpForwarding")
	if err := os.Remove(filepath.Join(s.home, ".ssh", "id_ed25519")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id_ed25519", "id_rsa", "id_ecdsa"} {
		keyPair(t, s.home, name, "")
	}
	r = DialAll(t.Context(), Config{Home: s.home}, []Target{s.target("web1")})["web1"]
	wantError(t, r.Err, Auth, "none of our keys is accepted for user "+s.login)
}

// With MaxStartups 2, sshd drops most of these at first.
func TestOpenSSHMaxStartups(t *testing.T) {
	t.Parallel()
	s := startSSHD(t, "MaxStartups 2")
	var targets []Target
	for i := range 12 {
		targets = append(targets, s.target(fmt.Sprint("web", i)))
	}
	for name, r := range DialAll(t.Context(), Config{Home: s.home}, targets) {
		if r.Err != nil {
			t.Errorf("%s: %v", name, r.Err)
			continue
		}
		_ = r.Conn.Close()
	}
}

// BenchmarkConnect measures a cold connection and one program on a real sshd.
func BenchmarkConnect(b *testing.B) {
	b.Setenv("SSH_AUTH_SOCK", "")
	s := startSSHD(b)
	best := time.Hour
	for b.Loop() {
		begin := time.Now()
		r := DialAll(b.Context(), Config{Home: s.home}, []Target{s.target("web1")})["web1"]
		if r.Err != nil {
			b.Fatal(r.Err)
		}
		_, err := r.Conn.Output(b.Context(), "true")
		_ = r.Conn.Close()
		if err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(begin))
	}
	b.ReportMetric(float64(best.Microseconds())/1000, "best-ms")
}

// A host certificate of a real sshd, signed by ssh-keygen, for a name of
// ssh_config; and one that is for another name.
func TestOpenSSHCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, kind := range map[string]string{"ca": "rsa", "host": "ecdsa"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	sign := []string{"-q", "-s", dir + "/ca", "-h", "-I", "web1", "-n", "web1.example.org", "-V", "-1h:+1h", dir + "/host.pub"}
	if out, err := exec.Command("ssh-keygen", sign...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := startSSHD(t, "HostKey "+dir+"/host", "HostCertificate "+dir+"/host-cert.pub")
	put(t, s.home, "known_hosts", "@cert-authority "+line("*.example.org", readPublic(dir+"/ca.pub")))
	put(t, s.home, "config", "HostKeyAlias web1.example.org\n")
	dialOne(t, Config{Home: s.home}, s.target("web1"))
	put(t, s.home, "config", "HostKeyAlias web2.example.org\n")
	r := DialAll(t.Context(), Config{Home: s.home}, []Target{s.target("web2")})["web2"]
	wantError(t, r.Err, HostKey, "is not known, and its certificate is for web1.example.org, not for web2.example.org")
}
