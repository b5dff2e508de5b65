package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// What people type who know other programs.

// elsewhere is what a command of another program is called here; empty: there
// is none.
func elsewhere(word string) string {
	switch word {
	case "deploy", "apply", "run", "up", "install", "create", "converge":
		return "the mode is the command: lvsdeploy nat or lvsdeploy dr"
	case "status", "test", "ping", "health", "list":
		return "lvsdeploy verify says how the cluster is, lvsdeploy facts what the hosts are"
	case "plan", "diff", "check", "dry-run", "preview":
		return "lvsdeploy nat --check --diff or lvsdeploy dr --check --diff"
	case "destroy", "delete", "remove", "rm", "uninstall", "down", "clean":
		return "lvsdeploy teardown"
	case "tun":
		return "lvsdeploy does NAT and direct routing: lvsdeploy nat or lvsdeploy dr"
	}
	return ""
}

// flagElsewhere is the same for flags; has are those of the command.
func flagElsewhere(word string, has []string) string {
	for _, w := range []struct {
		words []string
		flag  string // that the hint is about; empty: of no flag
		hint  string
	}{
		{[]string{"dry-run", "dryrun", "n", "C", "noop", "simulate"}, "check", "did you mean --check?"},
		{[]string{"y", "yes", "assume-yes", "auto-approve", "no-confirm"}, "yes", "did you mean --yes?"},
		{[]string{"y", "yes", "assume-yes", "auto-approve", "no-confirm"}, "", "it asks nothing but unknown host keys (--accept-new) and passwords (--become-password-file)"},
		{[]string{"q", "quiet", "silent"}, "", "it shows only what changes or fails; >/dev/null for nothing but problems, the exit code for a script"},
		{[]string{"b", "become", "sudo"}, "ask-become-pass", "become = true in [ssh] of the inventory; -K asks for the password"},
		{[]string{"u", "user", "private-key", "key", "port", "p"}, "accept-new", "user, identity and port are in [ssh] of the inventory, or in ~/.ssh/config"},
		{[]string{"l", "hosts", "only", "target"}, "limit", "did you mean --limit?"},
		{[]string{"c", "config", "file", "f", "inventory-file"}, "inventory", "did you mean -i FILE?"},
		{[]string{"D"}, "diff", "did you mean --diff?"},
	} {
		if slices.Contains(w.words, word) && (w.flag == "" || slices.Contains(has, w.flag)) {
			return w.hint
		}
	}
	return ""
}

// wrongValue takes apart what the library says of a value that it cannot read:
// invalid value "10" for flag -timeout: parse error.
func wrongValue(msg string) (value, flag string, ok bool) {
	rest, ok := strings.CutPrefix(msg, "invalid value ")
	if !ok {
		if rest, ok = strings.CutPrefix(msg, "invalid boolean value "); !ok {
			return "", "", false
		}
	}
	value, rest, ok = strings.Cut(rest, " for ")
	if !ok {
		return "", "", false
	}
	rest = strings.TrimPrefix(rest, "flag ")
	flag, _, _ = strings.Cut(strings.TrimLeft(rest, "-"), ":")
	return strings.Trim(value, `"`), flag, flag != ""
}

// wanted says what a flag's value has to be.
func wanted(flags []cli.Flag, name string) string {
	for _, f := range flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		switch f.(type) {
		case *cli.DurationFlag:
			return "it is a number with a unit, as in 10s, 500ms or 2m"
		case *cli.IntFlag:
			return "it is a whole number"
		case *cli.BoolFlag:
			return "it takes no value"
		}
	}
	return "it is not a value for it"
}

// askedForHelp turns `lvsdeploy help verify` into `lvsdeploy verify --help`. The
// library's flag of that name goes when there is a command.
func askedForHelp(args []string) []string {
	if len(args) < 2 || args[1] != "help" {
		return args
	}
	return append(append(args[:1:1], args[2:]...), "--help")
}

// versionCommand is `lvsdeploy version`.
func versionCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:   "version",
		Usage:  "print the version",
		Hidden: true,
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(std.Out(), "lvsdeploy", versionText())
			return err
		},
	}
}
