package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// initCommand prints an inventory to begin with.
func initCommand() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "print a commented hosts.toml to begin with",
		UsageText: "lvsdeploy init nat|dr > hosts.toml",
		Action: func(c *cli.Context) error {
			mode, err := modeArg(c)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.App.Writer, inventory.Sample(mode))
			return err
		},
	}
}
