package sshtest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// killAfter is how long a command may go on after the server was closed.
const killAfter = 3 * time.Second

// run runs cmd for real. When the connection is lost, the command's pipes are
// closed, and that is all: a well-behaved one ends by itself.
func (s *Server) run(ch ssh.Channel, cmd string, stdout *lineWriter, lost <-chan struct{}) {
	inR, inW, err1 := os.Pipe()
	outR, outW, err2 := os.Pipe()
	errR, errW, err3 := os.Pipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		s.t.Errorf("sshtest: %v", err)
		return
	}
	c := exec.Command(s.opts.Shell, "-c", cmd)
	c.Dir = s.opts.Dir
	c.Env = append(append(os.Environ(), "HOME="+s.opts.Dir, marker+s.id), s.opts.Env...)
	c.Stdin, c.Stdout, c.Stderr = inR, outW, errW
	err := c.Start()
	closeAll(inR, outW, errW)
	if err != nil {
		closeAll(inW, outR, errR)
		_, _ = io.WriteString(ch.Stderr(), err.Error()+"\n")
		sendStatus(ch, 127)
		return
	}

	drained := make(chan struct{})
	var running, output sync.WaitGroup
	running.Go(func() {
		_, _ = io.Copy(inW, ch)
		_ = inW.Close()
	})
	output.Go(func() {
		_, err := io.Copy(stdout, outR)
		if err == nil {
			_ = stdout.flush()
		}
		_ = outR.Close() // the command's next write gets SIGPIPE
	})
	output.Go(func() {
		_, _ = io.Copy(ch.Stderr(), errR)
		_ = errR.Close()
	})
	running.Go(func() { // a pipe nobody writes to must not keep its reader here
		select {
		case <-lost:
		case <-drained:
			return
		}
		closeAll(inW, outR, errR)
	})
	err = c.Wait()
	sendExit(ch, c.ProcessState, err)
	output.Wait()
	close(drained)
	_ = ch.Close()
	_ = inW.Close()
	running.Wait()
}

// marker is the environment variable that tells a server's processes, and
// theirs, from all others.
const marker = "SSHTEST_SERVER="

// killAll kills what is left of the commands of this server, daemons included.
// It finds them in /proc, so it does nothing where that is missing.
func (s *Server) killAll() {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, []byte(marker+s.id)) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func closeAll(files ...io.Closer) {
	for _, f := range files {
		_ = f.Close()
	}
}

// sendExit sends exit-status or exit-signal (RFC 4254, 6.10).
func sendExit(ch ssh.Channel, state *os.ProcessState, err error) {
	if state == nil {
		_, _ = io.WriteString(ch.Stderr(), err.Error()+"\n")
		sendStatus(ch, 255)
		return
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		sendStatus(ch, state.ExitCode())
		return
	}
	names := map[syscall.Signal]string{
		syscall.SIGKILL: "KILL", syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGPIPE: "PIPE",
		syscall.SIGHUP: "HUP", syscall.SIGABRT: "ABRT", syscall.SIGSEGV: "SEGV",
	}
	name, ok := names[status.Signal()]
	if !ok {
		name = status.Signal().String() + "@sshtest"
	}
	_, _ = ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
		Signal  string
		Core    bool
		Message string
		Lang    string
	}{name, status.CoreDump(), "", ""}))
}
