package remote

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What files and agents are called once all is put in: ssh -v says it.
func TestConfigPathsAsOpenSSH(t *testing.T) {
	t.Setenv("SSH_TEST_DIR", "/run/te st")
	t.Setenv("SSH_TEST_EMPTY", "")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []configCase{
		{name: "home", config: "IdentityFile ~/.ssh/a\nIdentityFile ~/\nCertificateFile ~/c\n"},
		{name: "home of another", config: "IdentityFile ~nobody/a\n"},
		{name: "home of nobody there", config: "IdentityFile ~nosuchuser/a\n"},
		{name: "home in the middle", config: "IdentityFile a/~/b\n"},
		{name: "relative", config: "IdentityFile keys/a\n"},
		{name: "tokens of the host", config: "HostName %h.example.org\nPort 2022\nUser ops\nHostKeyAlias SHOP\nIdentityFile /%h/%n/%p/%r/%k/%%/x\n"},
		{name: "tokens without an alias", config: "HostName 10.0.0.1\nIdentityFile /%h/%n/%k/%p\n"},
		{name: "tokens of this side", config: "User x\nIdentityFile %d/%u/%i/%L/%l/%C\n"},
		{name: "token in a name of a user", user: "o%h", config: "IdentityFile /%r\n"},
		{name: "token without a meaning here", config: "IdentityFile /%T\n"},
		{name: "token of a command", config: "IdentityFile /%f\n"},
		{name: "single percent", config: "IdentityFile /a%\n"},
		{name: "environment", config: "IdentityFile ${SSH_TEST_DIR}/a${SSH_TEST_EMPTY}b\n"},
		{name: "environment that is not set", config: "IdentityFile /a\nIdentityFile ${SSH_TEST_GONE}/a\n"},
		{name: "environment that is not set, elsewhere", config: "Host db1\nIdentityFile ${SSH_TEST_GONE}/a\nHost *\nIdentityFile /b\n"},
		{name: "environment without an end", config: "IdentityFile /${SSH_TEST_DIR\n"},
		{name: "environment without braces", config: "IdentityFile /$SSH_TEST_DIR/a\n"},
		{name: "environment without a name", config: "IdentityFile /${}/a\n"},
		{name: "environment with a token", config: "IdentityFile ${SSH_TEST_DIR}/%h\n"},
		{name: "none", config: "IdentityFile none\nIdentityFile /b\n"},
		{name: "none of several", config: "IdentityFile none\nIdentityFile /b\n"},
		{name: "None", config: "IdentityFile None\n"},
		{name: "certificates", config: "CertificateFile ${SSH_TEST_DIR}/%h\nCertificateFile /d\nIdentityFile /b\n"},
		{name: "certificate with a token without a meaning", config: "CertificateFile /%T\nIdentityFile /b\n"},
		{name: "of both files", config: "IdentityFile /a%n\n", system: "IdentityFile /b%h\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"user": c.config, "ssh_config": c.system, "both": "Include " + dir + "/user\nInclude " + dir + "/ssh_config\n"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"-v", "-F", dir + "/both", "-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-l", firstOf(c.user, "me"), "web1"}
			if strings.Contains(c.config, "User ") {
				args = slices.Delete(args, 7, 9)
			}
			out, _ := exec.Command("ssh", args...).CombinedOutput()
			var keys, certs []string
			reached := false
			for _, line := range strings.Split(string(out), "\n") {
				line = strings.TrimSuffix(line, "\r")
				if name, found := strings.CutPrefix(line, "debug1: identity file "); found {
					name = name[:strings.LastIndex(name, " type ")]
					if !strings.HasSuffix(name, "-cert") {
						keys = append(keys, filepath.Clean(name))
					}
				}
				if name, found := strings.CutPrefix(line, "debug1: certificate file "); found {
					certs = append(certs, name[:strings.LastIndex(name, " type ")])
				}
				reached = reached || strings.Contains(line, "kex_exchange_identification: ")
			}
			config := &sshConfig{home: me.HomeDir, system: dir}
			if err := (&configReader{sshConfig: config, user: true}).read(dir+"/user", nil, 0, true); err != nil {
				t.Fatal(err)
			}
			if err := (&configReader{sshConfig: config}).read(dir+"/ssh_config", nil, 0, false); err != nil {
				t.Fatal(err)
			}
			login := firstOf(c.user, "me")
			if strings.Contains(c.config, "User ") {
				login = ""
			}
			h, _, err := config.hop("web1", "web1", login, 0)
			switch {
			case !reached && err == nil:
				t.Fatalf("ssh refuses it, and we do not: %s", out)
			case !reached:
				return
			case err != nil:
				t.Fatalf("%v; ssh takes it", err)
			}
			if got, want := strings.Join(h.identityFiles, "|"), strings.Join(keys, "|"); got != want {
				t.Errorf("keys are %s, for ssh %s", got, want)
			}
			if got, want := strings.Join(h.certificates, "|"), strings.Join(certs, "|"); got != want {
				t.Errorf("certificates are %s, for ssh %s", got, want)
			}
		})
	}
}
