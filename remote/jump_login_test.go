package remote

import (
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
)

// Why a jump host lets nobody in is said of the jump host, in the words for any
// other host, and in time.
func TestJumpTurnsAway(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		jump sshtest.Options
		kind Kind
		want []string
	}{
		{"second factor", sshtest.Options{Second: true}, Auth, []string{"the key is accepted for user root", "keyboard-interactive"}},
		{"expired", sshtest.Options{TurnAway: "Your account has expired; please contact your system administrator.\n"}, Auth,
			[]string{"the key is accepted for user root", "Your account has expired", "chage -l root"}},
		{"slow account phase", sshtest.Options{SlowLogin: time.Minute}, Unreachable, []string{"the key is accepted for user root", "--timeout"}},
		{"another user", sshtest.Options{User: "ubuntu"}, Auth, []string{"none of our keys is accepted for user root"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.jump.Forward = true
			jump, web := sshtest.New(t, tt.jump), sshtest.New(t, sshtest.Options{})
			home := sshtest.Home(t, jump, web)
			tg := target("web1", web)
			tg.Jump = []string{jump.Addr()}
			begin := time.Now()
			r := DialAll(t.Context(), Config{Home: home, Timeout: 3 * time.Second}, []Target{tg})["web1"]
			wantError(t, r.Err, tt.kind, append(tt.want, "through "+jump.Addr())...)
			if took := time.Since(begin); took > 9*time.Second {
				t.Errorf("it took %v", took)
			}
			if web.Accepted() > 0 {
				t.Error("the host behind it was reached")
			}
		})
	}
}
