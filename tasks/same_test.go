package tasks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
	"github.com/lvsdeploy/lvsdeploy/shell"
	. "github.com/lvsdeploy/lvsdeploy/tasks"
)

// TestSame: a file is in place when every byte is as wanted, in every shell;
// those that a shell has a use of its own for included.
func TestSame(t *testing.T) {
	t.Parallel()
	bytes := " lead and trail \t\n\n\\ \\n 'x' \"$y\" `z`\n-n\n"
	for c := 1; c < 256; c++ {
		bytes += string([]byte{byte(c), 'x', byte(c)})
	}
	bytes += "\n\n\n"
	library := "newline='\n'\n"
	for _, f := range Library {
		if !f.Changes {
			library += string(f.Text) + "\n"
		}
	}
	for _, sh := range fakehost.Shells() {
		t.Run(string(sh), func(t *testing.T) {
			t.Parallel()
			h := fakehost.New(t, fakehost.Options{Shell: sh})
			script := "LC_ALL=C\nset -u\n" + library
			for i, c := range []struct{ file, want string }{
				{bytes, "0"}, {bytes + "\n", "1"}, {strings.TrimSuffix(bytes, "\n"), "1"}, {strings.TrimRight(bytes, "\n"), "1"},
				{bytes + "x", "1"}, {"", "1"}, {"\n" + bytes, "1"}, {strings.Replace(bytes, " lead", "lead", 1), "1"},
				{strings.Replace(bytes, "\x81x\x81", "xx", 1), "1"}, {strings.Replace(bytes, "\x88x\x88", "\x88x", 1), "1"},
			} {
				file := fmt.Sprint("/srv/", i)
				if err := h.WriteFile(file, []byte(c.file), 0o644); err != nil {
					t.Fatal(err)
				}
				script += string(shell.Heredoc(shell.F("same %s >/dev/null 2>&1", file), bytes)) + fmt.Sprintf("\n[ $? = %s ] || echo %d\n", c.want, i)
			}
			if out, errs, code := h.Run(script); out+errs != "" || code != 0 {
				t.Errorf("wrong about: %s%s (exit %d)", out, errs, code)
			}
		})
	}
}
