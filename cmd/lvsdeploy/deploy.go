package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/inventory"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/report"
	"github.com/lvsdeploy/lvsdeploy/roles"
	"github.com/lvsdeploy/lvsdeploy/tasks"
)

// deployCommand is `lvsdeploy nat`; the mode is the command's name.
func deployCommand(std streams, mode inventory.Mode, usage string) *cli.Command {
	return &cli.Command{
		Name:  string(mode),
		Usage: usage,
		Flags: changeFlags(),
		Action: func(c *cli.Context) error {
			return change(c, std, mode, job{fit: roles.Preflight, plan: roles.For(mode), publish: true})
		},
	}
}

// teardownCommand takes a cluster away, whatever mode it was deployed in.
func teardownCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:  "teardown",
		Usage: "take away what was put on the hosts, and put their first originals back",
		Flags: changeFlags(
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, DisableDefaultText: true, Usage: "do not ask; needed without a terminal, but for --check"},
			&cli.BoolFlag{Name: "force", DisableDefaultText: true, Usage: "with --limit: take these hosts away although others still need them, or cannot be asked"},
			&cli.BoolFlag{Name: "purge-packages", DisableDefaultText: true, Usage: "remove also the packages that were installed; else they stay"},
		),
		Action: func(c *cli.Context) error {
			return change(c, std, "", job{
				fit: roles.PreflightTeardown,
				plan: func(in roles.Input) tasks.Plan {
					return roles.Teardown(in, c.Bool("purge-packages"))
				},
				takesAway: true,
			})
		},
	}
}

// changeFlags are the flags of the commands that change hosts.
func changeFlags(more ...cli.Flag) []cli.Flag {
	return connectFlags(append([]cli.Flag{
		&cli.BoolFlag{Name: "check", DisableDefaultText: true, Usage: "look only; exit 3 if something would change"},
		&cli.BoolFlag{Name: "diff", DisableDefaultText: true, Usage: "show what is different"},
		limitFlag(),
		&cli.DurationFlag{Name: "confirm-timeout", Value: engine.DefaultConfirmTimeout,
			Usage: "when a host goes back that cannot be reached anew after a change of an address, a route or a firewall"},
	}, more...)...)
}

// job is what a command that changes hosts is made of.
type job struct {
	fit     func(in roles.Input, now time.Time) []roles.Problem
	plan    func(roles.Input) tasks.Plan
	publish bool // the local directories that the inventory names

	takesAway bool // the operator is asked first, and hosts outside of --limit are
}

// change is one whole run of such a command.
func change(c *cli.Context, std streams, mode inventory.Mode, j job) error {
	if d := c.Duration("confirm-timeout"); d < time.Second || d > time.Hour {
		return usagef("for example --confirm-timeout 30s", "cannot use --confirm-timeout %v: it is from 1s to 1h", d)
	}
	if j.takesAway && !c.Bool("check") && !c.Bool("yes") && newTerminal(c.Context, std) == nil {
		return usagef("lvsdeploy "+c.Command.Name+" --check shows what would go, --yes does it",
			"cannot ask whether to go on: there is no terminal, and no --yes")
	}
	s, err := open(c, std, mode)
	if err != nil {
		return err
	}
	if j.takesAway && !c.Bool("check") && !c.Bool("yes") {
		if err := s.agreed(newTerminal(c.Context, std)); err != nil {
			s.report.Close()
			return err
		}
	}
	if j.takesAway && !c.Bool("force") && !s.spared(c.Context) {
		return s.close(c.Context)
	}
	err = s.change(c.Context, j, engine.Options{
		Check:          c.Bool("check"),
		Diff:           c.Bool("diff"),
		Mode:           c.Command.Name,
		Who:            who(c.Command.Name),
		Label:          s.label,
		ConfirmTimeout: c.Duration("confirm-timeout"),
		Dial:           s.dialAnew,
	})
	if err != nil {
		s.report.Close()
		return err
	}
	return s.close(c.Context)
}

// change goes from the first connection to the last event. What goes wrong
// with a host is in the report; an error is of the inventory, and nothing was
// contacted.
func (s *session) change(ctx context.Context, j job, o engine.Options) error {
	in := roles.Input{Cluster: s.cluster, Sites: map[string][]tasks.SiteFile{}}
	published := &sites{}
	if j.publish {
		var err error
		if published, err = s.readSites(ctx, in); err != nil {
			return err
		}
	}
	defer published.close()
	conns := s.reach(ctx, s.hosts(false))
	defer conns.hangUp()
	enter := func(ctx context.Context, name string) (engine.Host, tasks.Plan, error) {
		return s.enter(ctx, conns, published, name, in, j, o.Check)
	}
	engine.Run(ctx, s.cluster.Name, s.within(j.plan(in)), enter, o, func(e engine.Event) {
		published.watch(e)
		s.report.Event(e)
	})
	published.cleanUp(ctx, s.cluster.Name)
	return nil
}

// enter is an engine.Enter: it reaches a host, holds it against the inventory,
// uploads what it publishes, and plans its part.
func (s *session) enter(ctx context.Context, conns *conns, published *sites, name string, in roles.Input, j job, check bool) (engine.Host, tasks.Plan, error) {
	conn, err := conns.wait(name)
	if err != nil {
		s.lost(name, err)
		return nil, nil, err
	}
	asked, err := s.examine(ctx, conn, name, in.Sites)
	if err != nil {
		s.lost(name, err)
		return nil, nil, err
	}
	in.Only, in.Facts = name, map[string]*tasks.Facts{name: asked.Facts}
	if problems := j.fit(in, time.Now()); len(problems) > 0 {
		for _, p := range problems {
			s.report.Event(engine.Event{Kind: engine.KindError, Host: p.Host, Err: p, Hint: p.Hint, Exit: int(report.TaskFailed)})
		}
		_ = asked.Close()
		return nil, nil, engine.ErrUnfit
	}
	in.Staging = map[string]string{name: nothingStaged(s.cluster.Name)}
	if j.publish && !check {
		if in.Staging[name], err = published.stage(ctx, conn, s.cluster.Name, in); err != nil {
			_ = asked.Close()
			s.lost(name, err)
			return nil, nil, err
		}
	}
	return s.shown(asked, name, "the program"), j.plan(in), nil
}

// dialAnew makes another connection to a host, as somebody would who comes
// only now.
func (s *session) dialAnew(ctx context.Context, name string) (engine.Host, func(), error) {
	h, _ := s.cluster.Host(name)
	conns := s.reach(ctx, []inventory.Host{h})
	conn, err := conns.wait(name)
	if err != nil {
		conns.hangUp()
		return nil, nil, err
	}
	return s.shown(engine.Over(conn), name, "the confirmation"), conns.hangUp, nil
}

// examine asks a host what it is, and what it has of the sites.
func (s *session) examine(ctx context.Context, conn *remote.Conn, name string, sites map[string][]tasks.SiteFile) (*engine.Asked, error) {
	s.report.Event(engine.Event{Kind: engine.KindHost, Host: name, Detail: "reading facts"})
	ask := engine.Ask{Cluster: s.cluster.Name}
	for _, p := range roles.Publications(roles.Input{Cluster: s.cluster, Only: name}) {
		for _, f := range sites[p.Site] {
			ask.Files = append(ask.Files, path.Join(p.Dir, f.Path))
		}
	}
	ask.Mounts, ask.Exports, ask.Ports = roles.Needs(s.cluster, name)
	if name == s.cluster.Director.Name && s.cluster.Mode == inventory.DR {
		ask.Probe = s.cluster.VIPs()
	}
	return engine.Examine(ctx, s.shown(engine.OpenlyOver(conn), name, "the questions"), ask)
}

// within leaves the hosts out of a plan that --limit leaves out. Those that
// remain do not wait for them.
func (s *session) within(p tasks.Plan) tasks.Plan {
	if s.limit == nil {
		return p
	}
	for i := range p {
		p[i].Hosts = slices.DeleteFunc(p[i].Hosts, func(h tasks.HostPlan) bool { return !slices.Contains(s.limit, h.Host) })
	}
	return p
}

func (s *session) label(name string) string {
	h, _ := s.cluster.Host(name)
	return fmt.Sprintf("%s (%s)", name, h.Address)
}

// who is what another operator reads when the lock is taken.
func who(command string) string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "an unknown machine"
	}
	return fmt.Sprintf("%s on %s, lvsdeploy %s since %s", name, machine, command, time.Now().Format(time.DateTime))
}
