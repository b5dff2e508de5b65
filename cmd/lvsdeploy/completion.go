package main

import (
	_ "embed"
	"io"

	"github.com/urfave/cli/v2"
)

// The scripts know how their shell is told; what may come next says
// completeCommand.
var (
	//go:embed completion/lvsdeploy.bash
	bashCompletion string
	//go:embed completion/_lvsdeploy
	zshCompletion string
	//go:embed completion/lvsdeploy.fish
	fishCompletion string
)

// completionCommand is `lvsdeploy completion`.
func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell; packages bring them along",
		UsageText: "lvsdeploy completion bash|zsh|fish",
		Description: "For this session: eval \"$(lvsdeploy completion bash)\", the same with zsh, after\n" +
			"compinit; and lvsdeploy completion fish | source. For good, write it to\n" +
			"~/.local/share/bash-completion/completions/lvsdeploy, to _lvsdeploy in a directory\n" +
			"of zsh's fpath, or to ~/.config/fish/completions/lvsdeploy.fish.",
		Action: func(c *cli.Context) error {
			script, known := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Args().First()]
			if !known || c.NArg() != 1 {
				return usagef("it is one of bash, zsh, fish", "cannot print completions without the name of a shell that has them")
			}
			_, err := io.WriteString(c.App.Writer, script)
			return err
		},
	}
}
