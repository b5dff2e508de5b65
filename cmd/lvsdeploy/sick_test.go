package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/internal/sshtest"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// TestSickHosts: whatever one host does at whatever stage, it is given up within
// three times --timeout with exit 4, costs no more memory than any other, and
// the others are done as without it. The short form has some of the stages.
func TestSickHosts(t *testing.T) {
	t.Parallel()
	timeout := 1500 * time.Millisecond
	if *full {
		timeout = 2 * time.Second
	}
	all := sshtest.Sicknesses()
	for name := range brief {
		if named(name) == nil {
			t.Errorf("there is no %q", name)
		}
	}
	const lanes = 2
	for lane := range lanes {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, "", "")
			dir := f.inventory(websTOML, "")
			f.deploy(dir, report.Done, "nat")
			sick := f.hosts["web2"].server
			var without string
			for i := lane; i < len(all); i += lanes {
				how := all[i]
				if !*full && !brief[how.Name] {
					continue
				}
				t.Run(how.Name, func(t *testing.T) {
					if without == "" && !how.Harmless {
						sick.Sicken(named("closed at once"))
						without = others(f.run(f.command(dir, "nat", "--check", "--json", "--timeout", timeout.String())).out, "web2")
					}
					sick.Sicken(how)
					defer sick.Sicken(nil)
					cmd := f.command(dir, "nat", "--check", "--json", "--timeout", timeout.String())
					began := time.Now()
					r, memory := f.measure(cmd)
					took := time.Since(began)
					t.Logf("exit %d after %v, %d MB: %s", r.code, took.Round(100*time.Millisecond), memory>>20, lastError(r.err))
					if how.Harmless {
						if r.code != report.Done {
							t.Errorf("exit %d\n%s%s", r.code, r.out, r.err)
						}
						return
					}
					if r.code != report.Unreachable {
						t.Errorf("exit %d, want %d\n%s%s", r.code, report.Unreachable, r.out, r.err)
					}
					if took > 3*timeout+slack {
						t.Errorf("it took %v", took)
					}
					if memory > 100<<20 {
						t.Errorf("it took %d MB", memory>>20)
					}
					if got := others(r.out, "web2"); got != without {
						t.Errorf("the other hosts:\n%swithout it:\n%s", got, without)
					}
					if !strings.Contains(r.err, "web2: cannot ") {
						t.Errorf("it is not said why:\n%s", r.err)
					}
				})
			}
		})
	}
}

// brief are the stages of the short form.
var brief = map[string]bool{
	"a version that drips": true, "a channel that is never opened": true, "it reads no more after the login": true, "noise before a program": true,
	"facts that drip": true, "facts without end": true, "silent after the facts": true, "notes without end": true, "a program's end is kept quiet": true,
}

// slack is for the process to start, and for processors that have other things
// to do.
const slack = 4 * time.Second

// measure runs a command and tells how large it became. The kernel's own count
// of a child's memory begins with that of this process.
func (f *fleet) measure(cmd *process) (r result, most int) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	close(cmd.started)
	stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			most = max(most, peak(cmd.Process.Pid))
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-watched
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		f.t.Fatal(err)
	}
	return result{report.Exit(cmd.ProcessState.ExitCode()), out.String(), errs.String()}, most
}

// peak is the largest that a process has been, in bytes; 0 if it has ended.
func peak(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || runtime.GOOS != "linux" {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	n, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "kB", 2)[0]))
	return n << 10
}

func named(name string) *sshtest.Sickness {
	for _, s := range sshtest.Sicknesses() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// others are how the tasks of all hosts but one ended.
func others(out, but string) string {
	e, err := readEvents(out)
	if err != nil {
		return err.Error()
	}
	hosts := map[string]string{}
	for _, task := range e.tasks {
		hosts[*task.Host] += fmt.Sprintf("%s: %s: %s\n", *task.Host, *task.Task, *task.Status)
	}
	text := ""
	for _, host := range tutorial {
		if host.name != but {
			text += hosts[host.name]
		}
	}
	return text
}

func lastError(text string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, "cannot") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
