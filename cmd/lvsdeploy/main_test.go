package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lvsdeploy/lvsdeploy/internal/fakehost"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

func TestMain(m *testing.M) {
	fakehost.Helper()
	// more at a time than there are processors: they wait for each other's hosts
	if err := flag.Set("test.parallel", strconv.Itoa(runtime.GOMAXPROCS(0)+2)); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"lvsdeploy": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// Nothing of the machine's own: no home, no agent, no inventory.
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("SSH_AUTH_SOCK", "")
			env.Values[stageKey{}] = &stage{}
			env.Values[tbKey{}] = env.T().(testing.TB)
			return nil
		},
		// [!full] stop: what follows is in the long form only
		Condition: func(what string) (bool, error) {
			if what != "full" {
				return false, fmt.Errorf("unknown condition %q", what)
			}
			return *full, nil
		},
		Cmds: scriptCommands(),
	})
}

// status runs a program and demands an exit code: status 2 lvsdeploy verfy.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exited *exec.ExitError
		if !errors.As(err, &exited) {
			ts.Fatalf("cannot run %s: %v", args[1], err)
		}
		got = exited.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// testStreams are for apps that are looked at and not run.
func testStreams() streams { return newStreams(os.Stdin, os.Stdout, os.Stderr) }
