package remote

import (
	"io"
	"os/exec"
	"strings"
	"testing"
)

func runShell(t *testing.T, cmd, stdin string, stdout io.Writer) int {
	return runShellReader(t, cmd, strings.NewReader(stdin), stdout)
}

// runShellReader runs cmd the way sshd does: by the login shell.
func runShellReader(t *testing.T, cmd string, stdin io.Reader, stdout io.Writer) int {
	c := exec.Command("sh", "-c", cmd)
	in, err := c.StdinPipe()
	if err != nil {
		t.Error(err)
		return 255
	}
	c.Stdout = stdout
	if err := c.Start(); err != nil {
		t.Error(err)
		return 255
	}
	go func() { // ends with the session
		_, _ = io.Copy(in, stdin)
		_ = in.Close()
	}()
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}
