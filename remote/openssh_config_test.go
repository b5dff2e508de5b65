package remote

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// configCase is a ssh_config, and who is asked for. DIR is a directory of the
// test's; files are there.
type configCase struct {
	name     string
	config   string
	system   string // the ssh_config for all users
	files    map[string]string
	host     string // web1, if empty
	user     string // as ssh -l
	stricter string // what our message says where we refuse and ssh does not
}

var configCases = []configCase{
	{name: "nothing"},
	{name: "first value wins", config: "Host web*\nUser one\nPort 7\nHost *\nUser two\nPort 8\nHostName 10.0.0.1\n"},
	{name: "case of keywords", config: "hOsT web1\nUSER x\nhostname Y\n"},
	{name: "case of Host", config: "Host WEB1\nUser no\nHost web1\nUser yes\n"},
	{name: "case of a host that is asked for", host: "WEB1", config: "Host web1\nUser no\nHost WEB*\nUser yes\n"},
	{name: "HostName in capitals", config: "HostName WEB1.Example.ORG\n"},
	{name: "star that is empty", config: "Host web1*\nPort 3\n"},
	{name: "question mark", config: "Host web?\nPort 3\nHost web1?\nPort 4\nUser no\n"},
	{name: "negated", config: "Host * !web1\nUser no\nHost web1 !db1\nUser yes\n"},
	{name: "negated alone", config: "Host !db1\nUser no\n"},
	{name: "negated first", config: "Host !web? web1\nUser no\n"},
	{name: "comma in Host", config: "Host db1,web1\nUser no\n"},
	{name: "equals", config: "Host=web1\nUser = x\nPort=5\nHostName\t=\t10.0.0.9\n"},
	{name: "two equals", config: "User==x\n"},
	{name: "quotes", config: "User \"x\"\nHostName 'h'\nIdentityFile \"~/my key\"\nIdentityFile 'a \"b'\nIdentityFile a\\ b\nIdentityFile \"a\\\"b\"\nIdentityFile pre\"fix\"'ed'\n"},
	{name: "quoted keyword", config: "\"User\" x\n"},
	{name: "open quotation mark", config: "User \"x\n"},
	{name: "open single quotation mark", config: "Host db1\nUser 'x\n"},
	{name: "comment at the end", config: "User x # comment\nPort 5 #6\nHostName a#b\n"},
	{name: "comment before", config: "  # User no\n\t#x\n\n\f\nUser yes\n"},
	{name: "CRLF", config: "Host web1\r\nUser x\r\nPort 5\r\n"},
	{name: "NUL", config: "User x\x00y\nPort 5\n"},
	{name: "no newline", config: "User x"},
	{name: "tabs and blanks", config: "\t User\t\tx  \t\n"},
	{name: "a long line", config: "# " + strings.Repeat("x", 70000) + "\nHost " + strings.Repeat("db1 ", 30000) + " web1\nUser x\n"},
	{name: "no value", config: "Host db1\nUser\n"},
	{name: "two values", config: "User x y\n"},
	{name: "two ports", config: "Port 1 2\n"},
	{name: "unknown keyword", config: "Host db1\nHostNmae x\n"},
	{name: "unknown keyword, ignored", config: "IgnoreUnknown host*,x\nHostNmae x\nUser y\n"},
	{name: "keyword of old", config: "Protocol 2\nRhostsRSAAuthentication no\nUsePrivilegedPort yes\nCipher 3des\nUser x\n"},
	{name: "keywords without effect", config: "ForwardAgent yes\nLocalForward 1 a:1\nSendEnv LANG LC_*\nControlMaster auto\nControlPath ~/x\nServerAliveInterval 5\nLogLevel ERROR\n"},
	{name: "port of a service", config: "Port http\n"},
	{name: "port 0", config: "Port 0\n"},
	{name: "port too large", config: "Port 65536\n"},
	{name: "port no number", config: "Port x1\n"},
	{name: "port bad elsewhere", config: "Host db1\nPort x1\n"},
	{name: "yes or no", config: "IdentitiesOnly TRUE\nHashKnownHosts no\nCheckHostIP yes\n"},
	{name: "neither yes nor no", config: "IdentitiesOnly maybe\n"},
	{name: "StrictHostKeyChecking accept-new", config: "StrictHostKeyChecking accept-new\n"},
	{name: "StrictHostKeyChecking off", config: "StrictHostKeyChecking off\n"},
	{name: "StrictHostKeyChecking yes", config: "StrictHostKeyChecking yes\nHost *\nStrictHostKeyChecking no\n"},
	{name: "StrictHostKeyChecking wrong", config: "StrictHostKeyChecking sometimes\n"},
	{name: "times", config: "ConnectTimeout 1m30\n"},
	{name: "time of weeks", config: "ConnectTimeout 1w\n"},
	{name: "time none", config: "ConnectTimeout none\n"},
	{name: "time wrong", config: "ConnectTimeout soon\n"},
	{name: "time below zero", config: "ConnectTimeout -1\n"},
	{name: "identity files add up", config: "IdentityFile a\nIdentityFile b\nIdentityFile a\nHost *\nIdentityFile c\nCertificateFile d\nCertificateFile e\n"},
	{name: "identity none", config: "IdentityFile none\n"},
	{name: "identity none and one", config: "IdentityFile none\nIdentityFile b\n"},
	{name: "agent", config: "IdentityAgent ~/a\n"},
	{name: "agent none", config: "IdentityAgent none\nHost *\nIdentityAgent x\n"},
	{name: "agent from the environment", config: "IdentityAgent $SSH_TEST_AGENT\n"},
	{name: "agent as usual", config: "IdentityAgent SSH_AUTH_SOCK\n"},
	{name: "alias", config: "HostKeyAlias SHOP\n"},
	{name: "known hosts", config: "UserKnownHostsFile ~/a /b\nUserKnownHostsFile /c\nGlobalKnownHostsFile /d ~/e\nRevokedHostKeys /r\n"},
	{name: "known hosts none", config: "UserKnownHostsFile none\nGlobalKnownHostsFile none\n"},
	{name: "known hosts in quotes", config: "UserKnownHostsFile \"/a b\" '/c d'\n"},
	{name: "jump", config: "ProxyJump a,ops@b:2\n"},
	{name: "jump none", config: "ProxyJump none\nHost *\nProxyJump b\n"},
	{name: "jump, then command", config: "ProxyJump a\nProxyCommand nc %h %p\n"},
	{name: "jump none, then command", config: "ProxyJump none\nProxyCommand nc %h %p\n"},
	{name: "command none, then jump", config: "ProxyCommand none\nProxyJump a\n"},
	{name: "command, then jump", config: "ProxyCommand nc %h %p\nProxyJump a\n", stricter: "ProxyCommand"},
	{name: "jump with blanks behind", config: "ProxyJump a  \t\n"},
	{name: "match all", config: "Match all\nUser a\n"},
	{name: "match all with another", config: "Match all host web1\nUser a\n"},
	{name: "match all behind another", config: "Match host web1 all\nUser a\n"},
	{name: "match not all", config: "Match !all\nUser no\nMatch all\nUser yes\n"},
	{name: "match host", config: "Match host db1,web*\nUser a\n"},
	{name: "match host in capitals", config: "Match host WEB1\nUser a\n"},
	{name: "match host, quoted", config: "Match host \"db1,web1\"\nUser a\n"},
	{name: "match host, equals", config: "Match host=web1\nUser a\n"},
	{name: "match by HostName", config: "Host web1\nHostName 10.0.0.1\nMatch host 10.*\nUser h\nMatch originalhost web1\nPort 3\n"},
	{name: "match by HostName with a token", config: "HostName %h.example.org\nMatch host web1.example.org\nUser h\n"},
	{name: "match host negated", config: "Match !host web1\nUser no\nMatch host *,!db1\nUser yes\n"},
	{name: "match user", user: "ops", config: "Match user root\nPort 1\nMatch user o*,!x\nPort 2\n"},
	{name: "match user of before", config: "Host web1\nUser ops\nMatch user ops\nPort 2\n"},
	{name: "match local user", config: "Match localuser nobody\nPort 1\nMatch localuser ME\nPort 2\n"},
	{name: "match two", config: "Match host web1 user nobody\nPort 1\nMatch originalhost web1 host web*\nPort 2\n"},
	{name: "match, comment", config: "Match host web1 # user nobody\nPort 2\n"},
	{name: "match nothing", config: "Match # host\nPort 2\n"},
	{name: "match without value", config: "Host db1\nMatch host\nPort 2\n"},
	{name: "match final", config: "Match final host web1\nUser f\nPort 2\nHost web1\nUser first\n"},
	{name: "match final changes the name", config: "HostName 10.0.0.1\nHost 10.*\nUser ten\nMatch final\nPort 5\n"},
	{name: "no final, Host is what was asked for", config: "HostName 10.0.0.1\nHost 10.*\nUser ten\n"},
	{name: "match canonical", config: "Match canonical\nUser no\n"},
	{name: "match not canonical", config: "Match !canonical\nUser yes\n"},
	{name: "match canonical, second pass", config: "Match canonical\nUser yes\nMatch final\nPort 4\n"},
	{name: "canonicalize without domains", config: "CanonicalizeHostname yes\nMatch canonical\nUser yes\n"},
	{name: "match exec elsewhere", config: "Match host db* exec \"true\"\nUser no\n"},
	{name: "match exec before another that fails", config: "Match exec \"true\" host db*\nUser no\n"},
	{name: "match exec", config: "Match exec \"true\"\nUser x\n", stricter: "Match exec is not supported"},
	{name: "match of no kind", config: "Match colour red\nUser x\n"},
	{name: "include", config: "Include DIR/conf.d/*.conf\nHost *\nUser late\n", files: map[string]string{"conf.d/a.conf": "Host web1\nUser early\n", "conf.d/b.conf": "Port 9\n", "conf.d/c.txt": "Port 10\nHostName no\n"}},
	{name: "include several, quoted", config: "Include DIR/gone \"DIR/a b\"\n", files: map[string]string{"a b": "User x\n"}},
	{name: "include in a block", config: "Host other\nInclude DIR/more\nPort 1\nHost *\nUser u\n", files: map[string]string{"more": "User wrong\nHost *\nUser wrong\n"}},
	{name: "include in a block that holds", config: "Host web1\nInclude DIR/more\nPort 1\nHost *\nUser u\n", files: map[string]string{"more": "Host db1\nUser wrong\nMatch all\nHostName x\n"}},
	{name: "include twice", config: "Host db1\nInclude DIR/more\nHost *\nInclude DIR/more\n", files: map[string]string{"more": "Host web1\nUser x\n"}},
	{name: "include in a circle", config: "Include DIR/more\n", files: map[string]string{"more": "Include DIR/more\n"}},
	{name: "include with an error", config: "Host db1\nInclude DIR/more\n", files: map[string]string{"more": "Port x1\n"}},
	{name: "include of a directory", config: "Include DIR\nUser x\n"},
	{name: "after the user's", config: "Host web1\nUser mine\n", system: "Host *\nUser theirs\nPort 9\nHashKnownHosts yes\nGSSAPIAuthentication yes\n"},
	{name: "a block of the user's does not go on", config: "Host db1\nUser x\n", system: "Port 9\n"},
	{name: "identity files of both", config: "IdentityFile a\n", system: "IdentityFile b\n"},
	{name: "match final of all users'", config: "HostName 10.0.0.1\nHost 10.*\nUser ten\n", system: "Match final\nPort 5\n"},
	{name: "as on Fedora", config: "HostName 10.0.0.1\nHost 10.*\nUser ten\n", system: "Match final all\nInclude DIR/policy\nGSSAPIAuthentication yes\nForwardX11Trusted yes\n", files: map[string]string{"policy": "Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com\n" +
		"MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512\nGSSAPIKexAlgorithms gss-curve25519-sha256-\nKexAlgorithms curve25519-sha256,ecdh-sha2-nistp256\n" +
		"PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-256\nCASignatureAlgorithms ssh-ed25519\nRequiredRSASize 2048\n"}},
	{name: "as on Debian", config: "Host web1\nUser x\n", system: "Include DIR/d/*.conf\nHost *\nSendEnv LANG LC_*\nHashKnownHosts yes\nGSSAPIAuthentication yes\n", files: map[string]string{"d/a.conf": "Host unix/* vsock/*\nProxyCommand /usr/lib/systemd/systemd-ssh-proxy %h %p\nProxyUseFdpass yes\nCheckHostIP no\n"}},
	{name: "token that has no meaning", config: "HostName %x.example.org\n"},
	{name: "token port in HostName", config: "HostName %p\n"},
	{name: "percent", config: "HostName a%%b\n"},
	{name: "single percent", config: "HostName a%\n"},
	{name: "IPv6", host: "2001:DB8::1", config: "Host 2001:db8::1\nUser no\nHost 2001:*\nUser yes\n"},
	{name: "IPv6 written longer", config: "HostName 2001:db8:0:0::0001\n"},
	{name: "like a network", host: "10.0.0.7", config: "Host 10.0.0.0/8\nUser no\nMatch host 10.0.0.0/8\nUser no\n"},
	{name: "user with a domain", config: "User a@b\nHostName x\n"},
	{name: "address family and bind", config: "AddressFamily inet6\nBindAddress 127.0.0.1\n"},
	{name: "address family wrong", config: "AddressFamily ipv4\n"},
	{name: "ciphers", config: "Ciphers aes256-ctr,aes128-ctr\nMACs hmac-sha2-512\nKexAlgorithms ecdh-sha2-nistp256,curve25519-sha256\nHostKeyAlgorithms ssh-ed25519\nPubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-512\n"},
	{name: "ciphers more", config: "Ciphers +aes128-cbc\nMACs +hmac-sha1-96\nKexAlgorithms +diffie-hellman-group14-sha1\nHostKeyAlgorithms +ssh-rsa\nPubkeyAcceptedKeyTypes +ssh-rsa\nCASignatureAlgorithms +ssh-rsa\n"},
	{name: "ciphers fewer", config: "Ciphers -aes*\nMACs -hmac-sha2-256*\nKexAlgorithms -diffie*,ecdh-*\nHostKeyAlgorithms -*cert*,ecdsa*\n"},
	{name: "ciphers first", config: "Ciphers ^aes256-ctr\nMACs ^hmac-sha2-512\nHostKeyAlgorithms ^ssh-rsa\n"},
	{name: "patterns of host keys", config: "HostKeyAlgorithms ssh-ed25519*,rsa-sha2-*\n"},
}

func TestConfigAsOpenSSH(t *testing.T) {
	t.Setenv("SSH_TEST_AGENT", "/run/test/agent")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string][]string) // algorithms, to this ssh
	for key := range negotiables() {
		query := key
		if key == "casignaturealgorithms" {
			query = "sig"
		}
		out, err := exec.Command("ssh", "-Q", query).Output()
		if err != nil {
			t.Fatalf("ssh -Q %s: %v", key, err)
		}
		known[key] = strings.Fields(string(out))
	}
	for _, c := range configCases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fill := strings.NewReplacer("DIR", dir, "ME", me.Username).Replace
			file := func(name, text string) string {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(fill(text)), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			for name, text := range c.files {
				file(name, text)
			}
			config, system := file("etc/user_config", c.config), file("etc/ssh_config", c.system)
			both := config
			if c.system != "" {
				both = file("etc/both", "Include "+config+"\nInclude "+system+"\n")
			}
			host := firstOf(c.host, "web1")
			args := []string{"-F", both, "-G"}
			if c.user != "" {
				args = append(args, "-l", c.user)
			}
			cmd := exec.Command("ssh", append(args, host)...)
			out, err := cmd.CombinedOutput()
			theirs := make(map[string][]string)
			for _, line := range strings.Split(string(out), "\n") {
				key, value, _ := strings.Cut(line, " ")
				theirs[key] = append(theirs[key], value)
			}

			ssh := &sshConfig{home: me.HomeDir, system: filepath.Join(dir, "etc")}
			var h hop
			var s *settings
			ourErr := (&configReader{sshConfig: ssh, user: true}).read(config, nil, 0, true)
			if ourErr == nil && c.system != "" {
				ourErr = (&configReader{sshConfig: ssh}).read(system, nil, 0, false)
			}
			var jumps []string
			if ourErr == nil {
				h, s, ourErr = ssh.hop("web1", host, c.user, 0)
			}
			if ourErr == nil {
				jumps, ourErr = configuredJumps(s, h)
			}
			switch {
			case err != nil && ourErr == nil:
				t.Fatalf("ssh refuses it, and we do not: %s", out)
			case err != nil:
				return
			case ourErr != nil && c.stricter != "" && strings.Contains(ourErr.Error(), c.stricter):
				return
			case ourErr != nil:
				t.Fatalf("%v; ssh takes it", ourErr)
			}
			for key, ours := range shown(h, s, jumps, c.config) {
				want := strings.Join(theirs[strings.TrimSuffix(key, "*")], "|")
				if strings.HasSuffix(key, "algorithms") || key == "ciphers" || key == "macs" {
					ours, want = comparable(key, ours, c.config, known[key]), comparable(key, want, c.config, known[key])
				}
				if ip, err := netip.ParseAddr(want); err == nil && key == "hostname" { // ssh writes it so when it connects
					want = ip.String()
				}
				if ours != want {
					t.Errorf("%s is %q, for ssh %q", key, ours, want)
				}
			}
		})
	}
}

// shown is a hop as ssh -G shows it.
func shown(h hop, s *settings, jumps []string, config string) map[string]string {
	yesNo := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	all := map[string]string{
		"hostname": h.host, "port": fmt.Sprint(h.port), "identitiesonly": yesNo(h.identitiesOnly), "hashknownhosts": yesNo(h.hashNames), "checkhostip": yesNo(h.checkAddress),
		"hostkeyalias": h.alias, "proxyjump": strings.Join(jumps, ","), "bindaddress": h.bind,
		"certificatefile": strings.Join(s.lists["certificatefile"], "|"), "addressfamily": map[string]string{"tcp": "any", "tcp4": "inet", "tcp6": "inet6"}[h.network],
		"connecttimeout": "none", "revokedhostkeys": strings.Join(h.revokedBy, " "), "stricthostkeychecking": "ask",
	}
	if h.timeout > 0 {
		all["connecttimeout"] = fmt.Sprint(int(h.timeout.Seconds()))
	}
	switch {
	case h.acceptNew && s.get("stricthostkeychecking") != "accept-new": // which it is taken for
		all["stricthostkeychecking"] = "false"
	case h.acceptNew:
		all["stricthostkeychecking"] = "accept-new"
	case h.strict:
		all["stricthostkeychecking"] = "true"
	}
	if s.said("user") {
		all["user"] = h.user
	}
	if h.keysNamed {
		all["identityfile"] = strings.Join(s.lists["identityfile"], "|")
	}
	if s.said("userknownhostsfile") {
		all["userknownhostsfile"] = strings.Join(h.userFiles.paths, " ")
		if h.userFiles.off {
			all["userknownhostsfile"] = "none"
		}
	}
	if s.said("globalknownhostsfile") {
		all["globalknownhostsfile"] = firstOf(strings.Join(h.globalFiles.paths, " "), "none")
	}
	for key := range negotiables() {
		all[key] = strings.Join(h.chosen(key), ",")
	}
	return all
}

// comparable leaves what we could offer at all, and what SHA-1 there is only
// where somebody asked for it, sorted: the order of the usual ones is our own.
func comparable(key, list, config string, known []string) string {
	var some []string
	for _, a := range strings.Split(list, ",") {
		if slices.Contains(negotiables()[key].all, a) && slices.Contains(known, a) && (a != "hmac-sha1" || strings.Contains(config, "MACs hmac")) {
			some = append(some, a)
		}
	}
	slices.Sort(some)
	return strings.Join(some, ",")
}
