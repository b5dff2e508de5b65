package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/report"
)

// version is set by the linker for releases; else the build says.
var version string

// description is what the help of lvsdeploy itself says besides the commands.
const description = `exit codes:
  0    done, nothing failed
  1    a task failed, or the output could not be written
  2    wrong usage or inventory, nothing was contacted
  3    --check found changes to make
  4    a host unreachable, not authenticated, its key refused, or lost; no route for verify
  5    verify found the cluster wrong
  6    a change was rolled back
  130  interrupted

environment:
  LVSDEPLOY_INVENTORY        the inventory, unless -i names one
  LVSDEPLOY_BECOME_PASSWORD  the password of sudo, unless -K or --become-password-file says it
  NO_COLOR                   no colours, if not empty

results go to standard output, progress and errors to standard error`

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, std streams) report.Exit {
	app := newApp(std)
	args = arrange(app.Commands, askedForHelp(args))
	err := untilInterrupted(ctx, len(args) > 1 && args[1] == "lab", func() error { return app.RunContext(ctx, args) })
	code := complain(std.Err(), err)
	if failed := std.failed.Err(); failed != nil {
		if said := (exited)(0); err == nil || errors.As(err, &said) {
			complain(std.Err(), fmt.Errorf("cannot write all of the output: %w", bare(failed)))
		}
		code = report.Worst(code, report.TaskFailed)
	}
	if ctx.Err() != nil {
		code = report.Worst(code, report.Interrupted)
	}
	return code
}

// newApp lists the commands.
func newApp(std streams) *cli.App {
	app := &cli.App{
		Name:            "lvsdeploy",
		Usage:           "build and look after Linux Virtual Server clusters over SSH",
		UsageText:       "lvsdeploy COMMAND [flags]",
		Description:     description,
		Reader:          std.in,
		Writer:          std.Out(),
		ErrWriter:       std.Err(),
		HideVersion:     true, // the library's takes -v
		HideHelpCommand: true,
		// Errors are printed, and turned into exit codes, in one place.
		ExitErrHandler:         func(*cli.Context, error) {},
		UseShortOptionHandling: true,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "version", DisableDefaultText: true, Usage: "print the version and exit"},
		},
		Commands: []*cli.Command{
			deployCommand(std, inventory.NAT, "deploy a NAT cluster; a second run changes nothing"),
			deployCommand(std, inventory.DR, "deploy a DR cluster; a second run changes nothing"),
			verifyCommand(std),
			teardownCommand(std),
			factsCommand(std),
			renderCommand(std),
			diagramCommand(std),
			initCommand(),
			versionCommand(std),
			labCommand(),
			completionCommand(),
			completeCommand(),
			manCommand(),
		},
	}
	app.Action = func(c *cli.Context) error {
		if c.Bool("version") {
			_, err := fmt.Fprintln(std.Out(), "lvsdeploy", versionText())
			return err
		}
		if c.NArg() == 0 {
			// What is asked for is help, and a script that forgot the command must fail.
			c.App.Writer = std.Err()
			if err := cli.ShowAppHelp(c); err != nil {
				return err
			}
			return usagef("lvsdeploy --help lists them", "cannot start without a command")
		}
		return noCommand(app.Commands, c.Args().First(), "lvsdeploy")
	}
	app.OnUsageError = badFlag(app.Flags, "lvsdeploy")
	finish(app.Commands, "lvsdeploy")
	return app
}

// finish gives every command what all of them have: errors of our own for
// wrong flags and unknown subcommands, and no "help" among the subcommands.
func finish(commands []*cli.Command, parent string) {
	for _, cmd := range commands {
		name := parent + " " + cmd.Name
		cmd.HideHelpCommand = true
		cmd.UseShortOptionHandling = true
		if cmd.OnUsageError == nil {
			cmd.OnUsageError = badFlag(cmd.Flags, name)
		}
		if len(cmd.Subcommands) > 0 && cmd.Action == nil {
			cmd.Action = func(c *cli.Context) error {
				if c.NArg() == 0 {
					return usagef(name+" --help lists them", "cannot run %s without a command of its own", name)
				}
				return noCommand(cmd.Subcommands, c.Args().First(), name)
			}
		}
		finish(cmd.Subcommands, name)
	}
}

// noCommand is the error for a command that does not exist.
func noCommand(commands []*cli.Command, word, parent string) error {
	var names []string
	for _, cmd := range visible(commands) {
		names = append(names, cmd.Names()...)
	}
	hint := parent + " has " + strings.Join(names, ", ")
	if meant := elsewhere(word); meant != "" && parent == "lvsdeploy" {
		return usagef(meant, "cannot run %q: %s has no such command", word, parent)
	}
	if n := nearest(word, names); n != "" {
		hint = fmt.Sprintf("did you mean %s %s?", parent, n)
	}
	return usagef(hint, "cannot run %q: %s has no such command", word, parent)
}

// badFlag turns the library's complaints about flags into ours.
func badFlag(flags []cli.Flag, name string) cli.OnUsageErrorFunc {
	return func(_ *cli.Context, err error, _ bool) error {
		msg := err.Error()
		hint := name + " --help lists the flags"
		if word, ok := strings.CutPrefix(msg, "flag provided but not defined: -"); ok {
			word = strings.TrimLeft(word, "-")
			var names []string
			for _, f := range flags {
				names = append(names, f.Names()...)
			}
			if n := nearest(word, names); n != "" {
				hint = "did you mean " + dashed(n) + "?"
			}
			if meant := flagElsewhere(word, names); meant != "" {
				hint = meant
			}
			return usagef(hint, "cannot use %s: %s has no such flag", dashed(word), name)
		}
		if word, ok := strings.CutPrefix(msg, "flag needs an argument: -"); ok {
			return usagef(hint, "cannot use %s without a value", dashed(strings.TrimLeft(word, "-")))
		}
		if value, flag, ok := wrongValue(msg); ok {
			return usagef(hint, "cannot use %s %s: %s", dashed(flag), value, wanted(flags, flag))
		}
		return usagef(hint, "cannot read the command line: %s", msg)
	}
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// nearest is the word of known that was probably meant; empty when none is near.
func nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if len(k) < 2 {
			continue
		}
		if d := levenshtein.Distance(strings.ToLower(word), k, nil); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// arrange puts a command's flags where the library looks for them: after the
// command's name and before its other arguments. People also write
// `render nat -o DIR` and `-i FILE nat`. What follows "--" is left alone, and
// so are commands that have subcommands.
func arrange(commands []*cli.Command, args []string) []string {
	at, cmd := findCommand(commands, args)
	if cmd == nil || len(cmd.Subcommands) > 0 {
		return args
	}
	rest := append(slices.Clone(args[1:at]), args[at+1:]...)
	var flags, words []string
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			words = append(words, rest[i:]...)
			break
		}
		if !isFlag(arg) {
			words = append(words, arg)
			continue
		}
		flags = append(flags, arg)
		if takesValue(cmd.Flags, arg) && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	return slices.Concat(args[:1], []string{args[at]}, flags, words)
}

// findCommand finds the command's name behind flags that were written first.
func findCommand(commands []*cli.Command, args []string) (at int, cmd *cli.Command) {
	var all []cli.Flag
	for _, cmd := range commands {
		all = append(all, cmd.Flags...)
	}
	for i := 1; i < len(args); i++ {
		if !isFlag(args[i]) {
			for _, cmd := range commands {
				if cmd.HasName(args[i]) {
					return i, cmd
				}
			}
			return 0, nil
		}
		if takesValue(all, args[i]) {
			i++
		}
	}
	return 0, nil
}

func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' && arg != "--" }

// takesValue reports whether the flag that arg names wants the next argument.
func takesValue(flags []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		if _, isBool := f.(*cli.BoolFlag); slices.Contains(f.Names(), name) {
			return !isBool
		}
	}
	return false
}

// versionText is the version, or what the build knows of its source.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	if text == "" {
		text = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(text, s.Value[:min(12, len(s.Value))]) {
			text += " " + s.Value[:min(12, len(s.Value))]
		}
	}
	return text + " " + info.GoVersion
}
