package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
)

// becomePasswordEnv may hold sudo's password. It is read by us and not by the
// flag library, which would show it in help texts.
const becomePasswordEnv = "LVSDEPLOY_BECOME_PASSWORD"

// inventoryFlag is -i. An empty variable counts as none.
func inventoryFlag() cli.Flag {
	const fallback = "hosts.toml"
	return &cli.StringFlag{
		Name: "inventory", Aliases: []string{"i"},
		Value: cmp.Or(os.Getenv("LVSDEPLOY_INVENTORY"), fallback), DefaultText: "$LVSDEPLOY_INVENTORY, or " + fallback,
		Usage: "read the hosts and the cluster from `FILE`",
	}
}

// connectFlags are the flags of every command that reaches hosts.
func connectFlags(more ...cli.Flag) []cli.Flag {
	return slices.Concat([]cli.Flag{inventoryFlag()}, more, []cli.Flag{
		&cli.BoolFlag{Name: "accept-new", DisableDefaultText: true, Usage: "add unknown host keys to known_hosts; a changed key is refused all the same"},
		&cli.BoolFlag{Name: "ask-become-pass", DisableDefaultText: true, Aliases: []string{"K"}, Usage: "ask once for the password of sudo (else $" + becomePasswordEnv + ")"},
		&cli.StringFlag{Name: "become-password-file", Usage: "read the password of sudo from `FILE`; - is standard input"},
		&cli.DurationFlag{Name: "timeout", Value: remote.DefaultTimeout, Usage: "give up on a host that is silent for `DURATION` while connecting"},
		&cli.IntFlag{Name: "forks", Usage: "connect to at most `N` hosts at the same time; 0: all"},
		jsonFlag(),
		&cli.BoolFlag{Name: "verbose", DisableDefaultText: true, Aliases: []string{"v"}, Count: new(int), Usage: "show also what was in place; twice: and every program before it runs"},
		&cli.BoolFlag{Name: "no-color", DisableDefaultText: true, Usage: "no colours, as with $NO_COLOR"},
	})
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", DisableDefaultText: true, Usage: "one JSON object a line on standard output, and nothing else there"}
}

// limitFlag is --limit; limited reads it.
func limitFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "limit", Usage: "only these hosts: `HOST,…`"}
}

// limited returns the names given to --limit in the inventory's order; nil
// for all.
func limited(c *cli.Context, cluster *inventory.Cluster) ([]string, error) {
	given := c.StringSlice("limit")
	if !c.IsSet("limit") {
		return nil, nil
	}
	names := hostNames(cluster)
	for i, name := range given {
		given[i] = strings.TrimSpace(name)
		if err := known(cluster, given[i]); err != nil {
			return nil, err
		}
	}
	var picked []string
	for _, name := range names {
		if slices.Contains(given, name) {
			picked = append(picked, name)
		}
	}
	return picked, nil
}

func hostNames(cluster *inventory.Cluster) []string {
	var names []string
	for _, h := range cluster.Hosts() {
		names = append(names, h.Name)
	}
	return names
}

// known complains about a name that is no host of the inventory.
func known(cluster *inventory.Cluster, name string) error {
	names := hostNames(cluster)
	if slices.Contains(names, name) {
		return nil
	}
	hint := "its hosts are " + strings.Join(names, ", ")
	if n := nearest(name, names); n != "" {
		hint = fmt.Sprintf("did you mean %s?", n)
	}
	return usagef(hint, "cannot use %q: %s has no such host", name, cluster.File)
}

// noArgs complains about arguments that a command does not take.
func noArgs(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	return usagef("lvsdeploy "+c.Command.Name+" --help shows what it takes",
		"cannot use %q: lvsdeploy %s takes no arguments", c.Args().First(), c.Command.Name)
}

// checkConnectFlags complains about values that make no sense.
func checkConnectFlags(c *cli.Context) error {
	if c.String("inventory") == "-" {
		return usagef("lvsdeploy "+c.Command.Name+" -i /dev/stdin reads it there; a site in it then needs a whole path",
			"cannot use -i -: the inventory is a file")
	}
	if n := c.Int("forks"); n < 0 {
		return usagef("0 means all", "cannot use --forks %d: it is a number of hosts", n)
	}
	if d := c.Duration("timeout"); d < 100*time.Millisecond || d > time.Hour {
		return usagef("for example --timeout 10s", "cannot use --timeout %v: it is from 100ms to 1h", d)
	}
	if c.Bool("ask-become-pass") && c.IsSet("become-password-file") {
		return usagef("give one of the two", "cannot use -K and --become-password-file together")
	}
	return nil
}

// modeArg reads nat or dr, the one argument of render and init.
func modeArg(c *cli.Context) (inventory.Mode, error) {
	name := "lvsdeploy " + c.Command.Name
	hint := fmt.Sprintf("%s nat or %s dr", name, name)
	if c.NArg() == 0 {
		return "", usagef(hint, "cannot run %s without a mode", name)
	}
	if c.NArg() > 1 {
		return "", usagef(hint, "cannot use %q: %s takes one mode", c.Args().Get(1), name)
	}
	switch mode := inventory.Mode(c.Args().First()); mode {
	case inventory.NAT, inventory.DR:
		return mode, nil
	default:
		return "", usagef(hint, "cannot use %q: it is no mode", string(mode))
	}
}
