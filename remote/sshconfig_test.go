package remote

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRoute(t *testing.T) {
	tests := []struct {
		name   string
		files  map[string]string // below .ssh
		target Target
		want   string // user@host:port and what else is not the default, hop by hop
	}{
		{name: "nothing said", target: Target{Host: "10.0.0.1"}, want: "root@10.0.0.1:22"},
		{name: "all said", target: Target{Host: "10.0.0.1", Port: 2222, User: "ops", Identity: "~/k", Jump: []string{"a@b:1", "c", "[::1]:3"}},
			files: map[string]string{"config": "Host *\nUser other\nPort 1\nProxyJump nobody\n"},
			want:  "other@nobody:1 a@b:1 other@c:1 other@::1:3 ops@10.0.0.1:2222 identity=~/k"},
		{name: "from the file", target: Target{Host: "web1"},
			files: map[string]string{"config": "Host web1\n  HostName 10.0.0.9\n\tUser=ops\n  port = 2022\nIdentityFile \"~/.ssh/my key\"\n IdentityFile /k2\nIdentitiesOnly yes\n HostKeyAlias shop\nConnectTimeout 3\n"},
			want:  "ops@10.0.0.9:2022 files=HOME/.ssh/my key,/k2 only alias=shop timeout=3s"},
		{name: "first value wins", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web*\nUser one\nHost *\nUser two\nPort 7\n"}, want: "one@web1:7"},
		{name: "before any Host", target: Target{Host: "x"}, files: map[string]string{"config": "User all # comment\n# User no\n\nHost y\nUser y\n"}, want: "all@x:22"},
		{name: "negated", target: Target{Host: "web1"}, files: map[string]string{"config": "Host * !web1\nUser no\nHost\t192.168.1.?\tweb?\nUser yes\n"}, want: "yes@web1:22"},
		{name: "question mark is one character", target: Target{Host: "web"}, files: map[string]string{"config": "Host web?\nUser no\n"}, want: "root@web:22"},
		{name: "hostname token", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nHostName %h.example.com\n"}, want: "root@web1.example.com:22"},
		{name: "include", target: Target{Host: "web1"}, files: map[string]string{
			"config": "Include conf.d/*.conf\nHost *\nUser late\n", "conf.d/a.conf": "Host web1\nUser early\n", "conf.d/b.conf": "Port 9\n"}, want: "early@web1:9"},
		{name: "include inside a Host", target: Target{Host: "web1"}, files: map[string]string{
			"config": "Host other\nInclude more\nPort 1\nHost *\nUser u\n", "more": "User wrong\nHost *\nUser wrong\n"}, want: "u@web1:22"},
		{name: "include missing", target: Target{Host: "web1"}, files: map[string]string{"config": "Include gone\n"}, want: "root@web1:22"},
		{name: "include in a circle", target: Target{Host: "web1"}, files: map[string]string{"config": "Include config\n"}, want: "error: goes in a circle"},
		{name: "match all", target: Target{Host: "x"}, files: map[string]string{"config": "Match all\nUser a\n"}, want: "a@x:22"},
		{name: "match host list", target: Target{Host: "web1"}, files: map[string]string{"config": "Match host db1,web*\nUser a\n"}, want: "a@web1:22"},
		{name: "match two criteria", target: Target{Host: "web1", User: "ops"}, files: map[string]string{"config": "Match host web1 user root\nPort 1\nMatch host web1 user ops\nPort 2\n"}, want: "ops@web1:2"},
		{name: "match hostname, not what was typed", target: Target{Host: "web1"}, files: map[string]string{
			"config": "Host web1\nHostName 10.0.0.1\nMatch host 10.*\nUser h\nMatch originalhost web1\nPort 3\n"}, want: "h@10.0.0.1:3"},
		{name: "match final", target: Target{Host: "web1"}, files: map[string]string{"config": "Match final host web1\nUser f\nPort 2\nHost web1\nUser first\n"}, want: "first@web1:2"},
		{name: "match exec elsewhere", target: Target{Host: "web1"}, files: map[string]string{"config": "Match host db* exec \"true\"\nUser no\n"}, want: "root@web1:22"},
		{name: "match exec", target: Target{Host: "web1"}, files: map[string]string{"config": "Host x\nMatch exec \"test -f /tmp/x\"\nUser no\n"}, want: "error: cannot read HOME/.ssh/config:2: its Match exec is not supported"},
		{name: "open quotation mark", target: Target{Host: "x"}, files: map[string]string{"config": "User a\nIdentityFile \"x\n"}, want: "error: cannot read HOME/.ssh/config:2: a quotation mark is not closed"},
		{name: "proxyjump", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyJump a,ops@b:2\nHost b\nHostName 10.0.0.2\nHost a\nUser au\n"}, want: "au@a:22 ops@10.0.0.2:2 root@web1:22"},
		{name: "proxyjump of the jump host", target: Target{Host: "web1", Jump: []string{"a"}}, files: map[string]string{"config": "Host a\nProxyJump outer\n"}, want: "root@outer:22 root@a:22 root@web1:22"},
		{name: "proxyjump none", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyJump none\nHost *\nProxyJump b\n"}, want: "root@web1:22"},
		{name: "proxyjump in a circle", target: Target{Host: "web1"}, files: map[string]string{"config": "Host a\nProxyJump b\nHost *\nProxyJump a\n"}, want: "error: in a circle"},
		{name: "proxyjump for all, itself included", target: Target{Host: "web1"}, files: map[string]string{"config": "Host *\nProxyJump b\n"}, want: "root@b:22 root@web1:22"},
		{name: "jump wins over proxyjump", target: Target{Host: "web1", Jump: []string{}}, files: map[string]string{"config": "Host web1\nProxyJump b\n"}, want: "root@web1:22"},
		{name: "proxycommand", target: Target{Host: "web1"}, files: map[string]string{"config": "ProxyCommand nc %h %p\n"}, want: "error: ProxyCommand"},
		{name: "proxycommand that is a jump", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand ssh -q -W %h:%p ops@gate\nHost gate\nPort 7\n"}, want: "ops@gate:7 root@web1:22"},
		{name: "proxycommand that is a jump, with port and user", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand exec /usr/bin/ssh gate -p2222 -l ops -W [%h]:%p\n"}, want: "ops@gate:2222 root@web1:22"},
		{name: "proxycommand that is two jumps", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand ssh -W %h:%p a\nHost a\nProxyCommand ssh -W %h:%p b\n"}, want: "root@b:22 root@a:22 root@web1:22"},
		{name: "proxycommand that does more", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand ssh -F other -W %h:%p a\n"}, want: "error: ProxyCommand"},
		{name: "proxycommand to elsewhere", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand ssh -W other:%p a\n"}, want: "error: ProxyCommand"},
		{name: "proxycommand with a command", target: Target{Host: "web1"}, files: map[string]string{"config": "Host web1\nProxyCommand ssh a nc %h %p\n"}, want: "error: ProxyCommand"},
		{name: "proxycommand of an IPA client", target: Target{Host: "web1"}, files: map[string]string{"config": "Host *\nProxyCommand /usr/bin/sss_ssh_knownhostsproxy -p %p %h\n"}, want: "root@web1:22"},
		{name: "bad port", target: Target{Host: "web1"}, files: map[string]string{"config": "Host db1\nPort 70000\n"}, want: `error: cannot read HOME/.ssh/config:2: port cannot be "70000"`},
		{name: "port of a service", target: Target{Host: "web1"}, files: map[string]string{"config": "Port http\n"}, want: "root@web1:80"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			for name, text := range tt.files {
				path := filepath.Join(home, ".ssh", name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			c, err := readSSHConfig(home, "")
			if err == nil {
				var hops []hop
				hops, err = c.route(tt.target)
				for _, h := range hops {
					got = append(got, showHop(h))
				}
			}
			want := strings.ReplaceAll(tt.want, "HOME", home)
			if text, ok := strings.CutPrefix(want, "error: "); ok {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("error %v, want %q", err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, " "); s != want {
				t.Errorf("got  %s\nwant %s", s, want)
			}
		})
	}
}

func showHop(h hop) string {
	s := fmt.Sprintf("%s@%s:%d", h.user, h.host, h.port)
	if h.identity != "" {
		s += " identity=" + h.identity
	}
	if len(h.identityFiles) > 0 {
		s += " files=" + strings.Join(h.identityFiles, ",")
	}
	if h.identitiesOnly {
		s += " only"
	}
	if h.alias != "" {
		s += " alias=" + h.alias
	}
	if h.timeout > 0 {
		s += " timeout=" + h.timeout.Round(time.Second).String()
	}
	return s
}
