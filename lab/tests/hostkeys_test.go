//go:build lab

package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostKeys: an unknown key is refused without a terminal to ask on, taken with
// --accept-new, and a changed one is refused whatever is said.
func hostKeys(b *bench, t *testing.T) {
	home := t.TempDir()
	known := filepath.Join(home, ".ssh", "known_hosts")
	if err := os.Mkdir(filepath.Dir(known), 0o700); err != nil {
		t.Fatal(err)
	}
	check := func(exit int, args ...string) *outcome {
		t.Helper()
		o := b.run(t, call{env: []string{"HOME=" + home}, args: append([]string{"nat", "--check", "--json"}, args...)})
		if o.exit != exit {
			t.Fatalf("exit %d, want %d\n%v", o.exit, exit, o)
		}
		return o
	}
	lines := func() int {
		text, err := os.ReadFile(known)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return strings.Count(string(text), "\n")
	}
	complains := func(o *outcome, host, word string) {
		t.Helper()
		if e := o.summary().Hosts[host].Error; !strings.Contains(e, word) {
			t.Errorf("%s: %q does not say %q\n%v", host, e, word, o)
		}
	}

	o := check(4)
	for _, h := range hosts {
		complains(o, h, "key")
	}
	if lines() != 0 {
		t.Errorf("known_hosts has %d lines after a refusal", lines())
	}

	check(0, "--accept-new")
	if lines() < len(hosts) {
		t.Errorf("--accept-new left %d lines in known_hosts, of %d hosts", lines(), len(hosts))
	}
	check(0)

	// web1 has another key now, as after a reinstallation, or with somebody in between.
	text, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.lab.Exec(b.ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(home, "other")); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(filepath.Join(home, "other.pub"))
	if err != nil {
		t.Fatal(err)
	}
	var changed strings.Builder
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if strings.Contains(words[0], "192.168.1.20") {
			line = words[0] + " " + strings.Join(strings.Fields(string(other))[:2], " ") + "\n"
		}
		changed.WriteString(line)
	}
	if changed.String() == string(text) {
		t.Fatalf("web1 is not in known_hosts:\n%s", text)
	}
	if err := os.WriteFile(known, []byte(changed.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"--accept-new"}} {
		o := check(4, args...)
		complains(o, "web1", "is not the one in")
		if o.tasksOf("web1", "ok", "would-change", "pending") > 0 {
			t.Errorf("web1 was asked all the same\n%v", o)
		}
	}
	if after, err := os.ReadFile(known); err != nil || string(after) != changed.String() {
		t.Errorf("known_hosts was rewritten: %v\n%s", err, after)
	}
	b.claim(t, "unknown keys refused, taken with --accept-new; a changed key refused with and without it")
}
