package remote

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// A named pipe in place of a file of ~/.ssh holds up nobody: it is passed over,
// or it is said.
func TestPipesInSSHDirectory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, pipe, config, identity string
		kind                         Kind
		want                         string // empty: who logs in gets in
	}{
		{name: "config", pipe: "config", kind: Settings, want: "it is not a plain file"},
		{name: "included", pipe: "more", config: "Include HOME/.ssh/more\n", kind: Settings, want: "it is not a plain file"},
		{name: "usual key", pipe: "id_rsa"},
		{name: "named key", pipe: "shop", config: "IdentityFile HOME/.ssh/shop\nIdentityFile HOME/.ssh/id_ed25519\n"},
		{name: "given key", pipe: "shop", identity: "~/.ssh/shop", kind: Settings, want: "it is not a plain file"},
		{name: "certificate", pipe: "id_ed25519-cert.pub"},
		{name: "named certificate", pipe: "cert", config: "CertificateFile HOME/.ssh/cert\n"},
		{name: "public half", pipe: "shop.pub", config: "IdentityFile HOME/.ssh/shop\nIdentityFile HOME/.ssh/id_ed25519\n"},
		{name: "known hosts", pipe: "known_hosts2"},
		{name: "revoked keys", pipe: "revoked", config: "RevokedHostKeys HOME/.ssh/revoked\n", kind: HostKey, want: "it is not a plain file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.New(t, sshtest.Options{})
			home := sshtest.Home(t, s)
			if tt.config != "" {
				put(t, home, "config", strings.ReplaceAll(tt.config, "HOME", home))
			}
			if out, err := exec.Command("mkfifo", filepath.Join(home, ".ssh", tt.pipe)).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			tg := target("web1", s)
			tg.Identity = tt.identity
			done := make(chan Result, 1)
			go func() { done <- DialAll(t.Context(), Config{Home: home}, []Target{tg})["web1"] }()
			select {
			case r := <-done:
				if r.Err == nil {
					_ = r.Conn.Close()
				}
				switch {
				case tt.want != "":
					wantError(t, r.Err, tt.kind, tt.want)
				case r.Err != nil:
					t.Error(r.Err)
				}
			case <-time.After(30 * time.Second):
				t.Fatal("it waits for somebody to write into the pipe")
			}
		})
	}
}
