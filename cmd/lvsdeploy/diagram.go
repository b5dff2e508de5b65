package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/diagram"
	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// diagramCommand is `lvsdeploy diagram`.
func diagramCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:      "diagram",
		Usage:     "draw the cluster and the way of its packets, offline",
		UsageText: "lvsdeploy diagram [nat|dr] [-i hosts.toml] -o FILE.svg",
		Description: "Draws who is in the inventory, on which networks, with which addresses, and the\n" +
			"way that requests and answers take in the mode: the inventory's, unless one is\n" +
			"given. The SVG needs nothing else and suits light and dark surroundings.",
		Flags: []cli.Flag{
			inventoryFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the SVG to `FILE`; - is standard output"},
		},
		Action: func(c *cli.Context) error { return runDiagram(c, std) },
	}
}

func runDiagram(c *cli.Context, std streams) error {
	var mode inventory.Mode
	if c.NArg() > 0 {
		var err error
		if mode, err = modeArg(c); err != nil {
			return err
		}
	}
	path := c.String("output")
	if path == "" {
		return usagef("lvsdeploy diagram -o FILE.svg; - is standard output", "cannot draw without a file to write to")
	}
	if kind := strings.ToLower(filepath.Ext(path)); slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".pdf", ".webp"}, kind) {
		return usagef("lvsdeploy diagram -o "+strings.TrimSuffix(path, filepath.Ext(path))+".svg; a browser shows it, rsvg-convert makes other formats of it",
			"cannot write %s: only SVG can be drawn", path)
	}
	cluster, err := inventory.Load(c.String("inventory"), mode)
	if err != nil {
		return err
	}
	if cluster.Mode == "" {
		return usagef("lvsdeploy diagram nat or lvsdeploy diagram dr", "cannot draw %s: it names no mode", cluster.File)
	}
	svg := diagram.SVG(cluster, diagram.Options{})
	if path == "-" {
		_, err := io.WriteString(std.Out(), svg)
		return err
	}
	out, err := newOutput(path)
	if err != nil {
		return err
	}
	defer out.discard()
	return out.write([]byte(svg))
}
