package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// renderCommand is `lvsdeploy render`.
func renderCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:      "render",
		Usage:     "write every file and program that would reach each host, offline",
		ArgsUsage: "nat|dr",
		Description: "For each host DIR/HOST holds program.sh (what a run does; it can be run by hand, as root),\n" +
			"check.sh (what a dry run does) and files/ (each file as it would be written).",
		Flags: []cli.Flag{
			inventoryFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write into `DIR`, which is made if need be"},
			&cli.StringFlag{Name: "platform", Value: "el7", Usage: "what the hosts are taken for: " + strings.Join(tasks.ExamplePlatforms(), ", ")},
		},
		Action: func(c *cli.Context) error {
			mode, err := modeArg(c)
			if err != nil {
				return err
			}
			if c.String("output") == "" {
				return usagef("lvsdeploy render "+string(mode)+" -o DIR", "cannot render without a directory to write into")
			}
			facts, ok := tasks.ExampleFacts(c.String("platform"))
			if !ok {
				return usagef("it is one of "+strings.Join(tasks.ExamplePlatforms(), ", "), "cannot render for %q", c.String("platform"))
			}
			cluster, err := inventory.Load(c.String("inventory"), mode)
			if err != nil {
				return err
			}
			return render(c.Context, std, cluster, mode, facts, c.String("output"))
		},
	}
}

func render(ctx context.Context, std streams, cluster *inventory.Cluster, mode inventory.Mode, facts tasks.Facts, dir string) error {
	in := roles.Input{Cluster: cluster, Facts: map[string]*tasks.Facts{}, Staging: map[string]string{}, Sites: map[string][]tasks.SiteFile{}}
	for _, h := range cluster.Hosts() {
		f := facts
		name := h.Interface
		if name == "" {
			name = "eth0"
		}
		f.Interfaces = []tasks.Interface{{Name: name, Addresses: []netip.Prefix{netip.PrefixFrom(h.Address, cluster.Network.Bits())}}}
		in.Facts[h.Name] = &f
		in.Staging[h.Name] = "/root/" + stagingName(cluster.Name)
	}
	for _, p := range roles.Publications(in) {
		if in.Sites[p.Site] != nil {
			continue
		}
		one, err := readSite(ctx, p.Site)
		if err != nil {
			return err
		}
		one.close()
		in.Sites[p.Site] = one.files
	}
	for _, h := range cluster.Hosts() {
		in.Only = h.Name
		plan := roles.For(mode)(in)
		head := engine.Heading{Cluster: cluster.Name, Host: fmt.Sprintf("%s (%s)", h.Name, h.Address), Mode: string(mode), Who: "somebody, by hand", Nonce: "lvsdeploy"}
		at := filepath.Join(dir, h.Name)
		files := map[string]string{
			"program.sh": engine.Compile(plan, h.Name, head, false).Text,
			"check.sh":   engine.Compile(plan, h.Name, head, true).Text,
		}
		for path, content := range rendered(plan, h.Name) {
			files[filepath.Join("files", path)] = content
		}
		for path, content := range files {
			if err := writeFile(filepath.Join(at, path), content); err != nil {
				return fmt.Errorf("cannot render: %w", err)
			}
		}
		if _, err := fmt.Fprintf(std.Out(), "%s  %s\n", h.Name, filepath.Join(at, "program.sh")); err != nil {
			return err
		}
	}
	return nil
}

// rendered are the files that a host's tasks write, by path. Several tasks
// may add to one file.
func rendered(plan tasks.Plan, host string) map[string]string {
	files := map[string]string{}
	for _, stage := range plan {
		for _, h := range stage.Hosts {
			if h.Host != host {
				continue
			}
			for _, t := range h.Tasks {
				for _, f := range t.Files {
					files[f.Path] += f.Content
				}
			}
		}
	}
	return files
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}
