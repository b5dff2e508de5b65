package inventory

import (
	"fmt"
	"slices"
	"strings"
)

// schema lists the tables of hosts.toml with their keys. The order is the one
// that hints list them in.
func schema() []tableKeys {
	ssh := []string{"host", "user", "port", "identity", "jump", "become"}
	return []tableKeys{
		{"", []string{"cluster", "ssh", "director", "service", "web", "nfs", "client", "policy"}},
		{"[cluster]", []string{"name", "mode", "network"}},
		{"[ssh]", ssh[1:]}, // a default host would be every host's
		{"[[director]]", []string{"name", "address", "interface", "wan_interface", "wan_address", "ssh"}},
		{"[[service]]", []string{"vip", "port", "protocol", "scheduler", "persistence", "webs", "check_path"}},
		{"[[web]]", []string{"name", "address", "interface", "weight", "port", "mount", "index", "site", "ssh"}},
		{"[nfs]", []string{"name", "address", "interface", "export", "ssh"}},
		{"[[nfs.export]]", []string{"path", "index", "site", "options"}},
		{"[client]", []string{"name", "address", "interface", "ssh"}},
		{"[policy]", []string{"firewall", "selinux"}},
		{"[director.ssh]", ssh},
		{"[web.ssh]", ssh},
		{"[nfs.ssh]", ssh},
		{"[client.ssh]", ssh},
	}
}

type tableKeys struct {
	kind string
	keys []string
}

func keysOf(kind string) []string {
	for _, t := range schema() {
		if t.kind == kind {
			return t.keys
		}
	}
	return nil
}

// schedulers are those of the Linux kernel, the common ones first.
func schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "sh", "dh", "mh", "sed", "nq", "lblc", "lblcr", "fo", "ovf", "twos"}
}

// secret tells whether a key looks as if it held a password.
func secret(key string) bool {
	key = strings.ToLower(key)
	for _, s := range []string{"pass", "secret", "token", "credential", "private_key"} {
		if strings.Contains(key, s) {
			return true
		}
	}
	return false
}

const secretHint = "no secret ever stands here: give it with --ask-become-pass, --become-password-file or the environment"

// unknownHint says what may have been meant by a key that kind does not have.
func unknownHint(kind, key string) string {
	if secret(key) {
		return secretHint
	}
	known := keysOf(kind)
	if n := nearest(key, known); n != "" {
		for _, t := range schema() {
			if kind == "" && strings.Trim(t.kind, "[]") == n {
				return fmt.Sprintf("did you mean %s?", t.kind)
			}
		}
		return fmt.Sprintf("did you mean %q?", n)
	}
	if key == "host" && kind == "[ssh]" {
		return "it differs from host to host: write it below [director.ssh], [web.ssh], [nfs.ssh] or [client.ssh]"
	}
	var owners []string
	for _, t := range schema() {
		if t.kind != "" && !strings.HasSuffix(t.kind, ".ssh]") && slices.Contains(t.keys, key) {
			owners = append(owners, t.kind)
		}
	}
	if len(owners) == 1 && key == "export" {
		return "write it as [[nfs.export]]"
	}
	if len(owners) > 0 {
		return "it belongs below " + strings.Join(owners, " or ")
	}
	if kind == "" {
		return "the tables are [cluster], [ssh], [[director]], [[service]], [[web]], [nfs], [client], [policy]"
	}
	return kind + " has " + strings.Join(known, ", ")
}
