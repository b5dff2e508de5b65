package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/lab"
)

// labCommand is `lvsdeploy lab`: a cluster's worth of machines on this one.
func labCommand() *cli.Command {
	return &cli.Command{
		Name:  "lab",
		Usage: "run a cluster's worth of real machines on this one (Linux on x86-64, root)",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Value: "lab", Usage: "which lab; several can be up"},
		},
		Subcommands: []*cli.Command{
			{
				Name:  "up",
				Usage: "build disk images if need be, boot the machines that are down, wait for SSH",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "topology", Value: "nat", Usage: "nat, dr, mixed or `FILE.toml`"},
					&cli.StringFlag{Name: "image", Usage: "machines that name no image run `NAME`: debian (the default), debian-nm, debian-netplan or el"},
					&cli.StringSliceFlag{Name: "only", Usage: "boot `MACHINE` and no others"},
					&cli.StringSliceFlag{Name: "with", Usage: "boot the optional `MACHINE` as well"},
				},
				Action: labUp,
			},
			{Name: "down", Usage: "take everything of the lab away", Action: labDown},
			{Name: "status", Usage: "list the machines", Action: labStatus},
			{Name: "ssh", Usage: "log in to a machine, or run a command there", ArgsUsage: "MACHINE [COMMAND…]", Action: labSSH},
			{Name: "exec", Usage: "run a command as the workstation", ArgsUsage: "-- COMMAND…", Action: labExec},
			labPower("start", "boot machines that are down", (*lab.Lab).Start),
			labPower("stop", "shut machines down", (*lab.Lab).Stop),
			labPower("kill", "cut machines' power", (*lab.Lab).Kill),
			labPower("reboot", "have machines reboot themselves", (*lab.Lab).Reboot),
			labPower("reset", "cut machines' power and give it back", (*lab.Lab).Reset),
			labPower("cut", "pull machines' LAN cable", each((*lab.Lab).Cut)),
			labPower("heal", "plug machines' LAN cable in again", each((*lab.Lab).Heal)),
		},
	}
}

func labUp(c *cli.Context) error {
	l, err := lab.Up(c.Context, lab.Options{
		Name:     c.String("name"),
		Topology: c.String("topology"),
		Image:    c.String("image"),
		Only:     c.StringSlice("only"),
		With:     c.StringSlice("with"),
		Progress: c.App.ErrWriter,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "identity   %s\ninventory  %s\n", l.Identity(), l.Inventory())
	return nil
}

func labDown(c *cli.Context) error {
	return lab.Down(c.Context, c.String("name"), c.App.ErrWriter)
}

func labStatus(c *cli.Context) error {
	l, err := lab.Open(c.String("name"), c.App.ErrWriter)
	if errors.Is(err, lab.ErrNotUp) {
		fmt.Fprintf(c.App.Writer, "lab %s is down\n", c.String("name"))
		return nil
	}
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	for _, s := range l.Status(c.Context) {
		state := "down"
		switch {
		case s.Running && s.Cut:
			state = "cut off"
		case s.Answering:
			state = "up"
		case s.Running:
			state = "booting"
		}
		fmt.Fprintf(table, "%s\t%s", s.Machine.Name, state)
		for _, nic := range s.Machine.NICs {
			address := "-"
			if nic.Address.IsValid() {
				address = nic.Address.String()
			}
			fmt.Fprintf(table, "\t%s %s %s", nic.On, nic.Interface, address)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func labSSH(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("lvsdeploy lab ssh MACHINE [COMMAND…]", "cannot tell which machine is meant")
	}
	l, err := lab.Open(c.String("name"), c.App.ErrWriter)
	if err != nil {
		return err
	}
	return become(l, l.SSHLine(c.Args().First(), c.Args().Tail()...))
}

func labExec(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("lvsdeploy lab exec -- COMMAND…", "cannot tell what to run")
	}
	l, err := lab.Open(c.String("name"), c.App.ErrWriter)
	if err != nil {
		return err
	}
	return become(l, c.Args().Slice())
}

// become turns this process into a command of the workstation, so that exit
// status, signals and terminal are the command's own.
func become(l *lab.Lab, argv []string) error {
	line := l.ExecLine(argv...)
	program, err := exec.LookPath(line[0])
	if err != nil {
		return fmt.Errorf("cannot enter the lab: %w", err)
	}
	if err := syscall.Exec(program, line, l.ExecEnv()); err != nil {
		return fmt.Errorf("cannot enter the lab: %w", err)
	}
	return nil
}

// labPower is a verb that takes machines' names.
func labPower(name, usage string, do func(*lab.Lab, context.Context, ...string) error) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     usage,
		ArgsUsage: "MACHINE…",
		Action: func(c *cli.Context) error {
			l, err := lab.Open(c.String("name"), c.App.ErrWriter)
			if err != nil {
				return err
			}
			return do(l, c.Context, c.Args().Slice()...)
		},
	}
}

func each(do func(*lab.Lab, context.Context, string) error) func(*lab.Lab, context.Context, ...string) error {
	return func(l *lab.Lab, ctx context.Context, machines ...string) error {
		for _, m := range machines {
			if err := do(l, ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
}
