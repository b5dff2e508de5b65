package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/tasks"
	"github.com/lvsdeploy/lvsdeploy/verify"
)

// completeCommand is what the shells' scripts ask for the words that may stand
// where the cursor is: `lvsdeploy __complete -- WORD… CURRENT`. It prints each
// with what it means after a tab; nothing where a file may be named.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name:            "__complete",
		Usage:           "list the words that may come next; the completion scripts ask it",
		Hidden:          true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) > 0 && words[0] == "--" {
				words = words[1:]
			}
			for _, k := range complete(c.App, words) {
				if _, err := fmt.Fprintf(c.App.Writer, "%s\t%s\n", k.word, k.means); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// candidate is a word that may stand at the cursor.
type candidate struct{ word, means string }

// complete reads the words up to the cursor; the last, which may be empty, is
// the one to complete. Nothing is run, and nothing read but the inventory.
func complete(app *cli.App, words []string) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	current := words[len(words)-1]
	commands, flags, name, given := visible(app.Commands), app.Flags, "", 0
	file := ""                       // the inventory
	taken := slices.Clone(app.Flags) // a command's flags may come before it
	for _, cmd := range commands {
		taken = append(taken, cmd.Flags...)
	}
	for i := 0; i < len(words)-1; i++ {
		word := words[i]
		switch {
		case word == "--":
			return nil
		case isFlag(word) && takesValue(taken, word):
			if i == len(words)-2 {
				return matching(several(word, current, values(strings.TrimLeft(word, "-"), file)), current)
			}
			i++
			if word == "-i" || word == "--inventory" {
				file = words[i]
			}
		case isFlag(word):
			if _, path, named := strings.Cut(word, "="); named && (strings.HasPrefix(word, "-i=") || strings.HasPrefix(word, "--inventory=")) {
				file = path
			}
		default:
			k := slices.IndexFunc(commands, func(cmd *cli.Command) bool { return cmd.HasName(word) })
			if k < 0 {
				given++
				continue
			}
			name, flags, commands = strings.TrimSpace(name+" "+word), commands[k].Flags, visible(commands[k].Subcommands)
			taken = flags
		}
	}
	var all []candidate
	switch {
	case strings.HasPrefix(current, "-"):
		all = flagNames(flags)
	case len(commands) > 0 && given == 0:
		for _, cmd := range commands {
			all = append(all, candidate{cmd.Name, cmd.Usage})
		}
	case slices.Contains([]string{"init", "render", "diagram"}, name) && given == 0:
		all = modes()
	case name == "completion" && given == 0:
		all = []candidate{{"bash", "for bash"}, {"zsh", "for zsh"}, {"fish", "for fish"}}
	case !strings.HasPrefix(name, "lab") && current == "":
		all = flagNames(flags) // nothing else may come here
	}
	return matching(all, current)
}

func visible(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(cmd *cli.Command) bool { return cmd.Hidden })
}

func matching(all []candidate, start string) []candidate {
	return slices.DeleteFunc(all, func(k candidate) bool { return !strings.HasPrefix(k.word, start) })
}

// flagNames are the flags in their long form, as one letter says nothing.
func flagNames(flags []cli.Flag) []candidate {
	var all []candidate
	for _, f := range flags {
		means := ""
		if doc, ok := f.(cli.DocGenerationFlag); ok {
			means = strings.ReplaceAll(doc.GetUsage(), "`", "")
		}
		all = append(all, candidate{dashed(f.Names()[0]), means})
	}
	return append(all, candidate{"--help", "show help"})
}

// several are candidates for a flag that takes a list: behind the last comma,
// those that it does not have yet.
func several(flag, current string, all []candidate) []candidate {
	at := strings.LastIndexByte(current, ',')
	if flag != "--limit" || at < 0 {
		return all
	}
	given := strings.Split(current[:at], ",")
	var more []candidate
	for _, k := range all {
		if !slices.Contains(given, k.word) {
			more = append(more, candidate{current[:at+1] + k.word, k.means})
		}
	}
	return more
}

func modes() []candidate {
	return []candidate{{string(inventory.NAT), "answers go back through the director"}, {string(inventory.DR), "real servers answer the client themselves"}}
}

// values are what a flag may be set to, where that is not a file or a number.
func values(flag, file string) []candidate {
	var all []candidate
	switch flag {
	case "topology":
		return modes()
	case "platform":
		for _, p := range tasks.ExamplePlatforms() {
			all = append(all, candidate{p, "platform"})
		}
	case "from":
		all = append(all, candidate{verify.Local, "this machine"})
		fallthrough
	case "limit":
		if file == "" {
			file = inventoryFlag().(*cli.StringFlag).Value
		}
		cluster, err := inventory.Load(file, "")
		if err != nil {
			return all // what is wrong with it is said when it is used
		}
		for _, h := range cluster.Hosts() {
			all = append(all, candidate{h.Name, h.Address.String()})
		}
		if flag == "from" && cluster.Client != nil {
			all = append(all, candidate{cluster.Client.Name, cluster.Client.Address.String()})
		}
	}
	return all
}
