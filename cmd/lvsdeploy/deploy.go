package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"sync"
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
			&cli.BoolFlag{Name: "purge-packages", DisableDefaultText: true, Usage: "remove also the packages that were installed; else they stay"},
		),
		Action: func(c *cli.Context) error {
			return change(c, std, "", job{fit: roles.PreflightTeardown, plan: func(in roles.Input) tasks.Plan {
				return roles.Teardown(in, c.Bool("purge-packages"))
			}})
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
}

// change is one whole run of such a command.
func change(c *cli.Context, std streams, mode inventory.Mode, j job) error {
	if d := c.Duration("confirm-timeout"); d < time.Second || d > time.Hour {
		return usagef("for example --confirm-timeout 30s", "cannot use --confirm-timeout %v: it is from 1s to 1h", d)
	}
	s, err := open(c, std, mode)
	if err != nil {
		return err
	}
	s.change(c.Context, j, engine.Options{
		Check:          c.Bool("check"),
		Diff:           c.Bool("diff"),
		Mode:           c.Command.Name,
		Who:            who(c.Command.Name),
		Label:          s.label,
		ConfirmTimeout: c.Duration("confirm-timeout"),
		Dial:           s.dialAnew,
	})
	return s.close(c.Context)
}

// change goes from the first connection to the last event. What goes wrong is
// in the report.
func (s *session) change(ctx context.Context, j job, o engine.Options) {
	conns, failed, hangUp := s.dial(ctx, s.hosts(false))
	defer hangUp()
	for _, h := range s.hosts(false) {
		if err := failed[h.Name]; err != nil {
			s.lost(h.Name, err)
		}
	}
	in := roles.Input{Cluster: s.cluster, Staging: map[string]string{}}
	in.Facts = s.gather(ctx, conns)
	if problems := j.fit(in, time.Now()); len(problems) > 0 {
		for _, p := range problems {
			s.report.Event(engine.Event{Kind: engine.KindError, Host: p.Host, Err: p, Hint: p.Hint, Exit: int(report.TaskFailed)})
		}
		return
	}
	if len(in.Facts) == 0 || ctx.Err() != nil {
		return
	}
	if j.publish {
		if err := s.sites(ctx, &in, conns, o.Check); err != nil {
			return
		}
	}
	hosts := map[string]engine.Host{}
	for name := range in.Facts {
		hosts[name] = s.over(conns[name], name, "the program")
	}
	engine.Run(ctx, s.cluster.Name, s.within(j.plan(in)), hosts, o, s.report.Event)
}

// dialAnew makes another connection to a host, as somebody would who comes
// only now.
func (s *session) dialAnew(ctx context.Context, name string) (engine.Host, func(), error) {
	h, _ := s.cluster.Host(name)
	conns, failed, hangUp := s.dial(ctx, []inventory.Host{h})
	if err := failed[name]; err != nil {
		return nil, nil, err
	}
	return s.over(conns[name], name, "the confirmation"), hangUp, nil
}

// gather reads the facts of all connected hosts at once. A host whose facts
// cannot be read is out of the run.
func (s *session) gather(ctx context.Context, conns map[string]*remote.Conn) map[string]*tasks.Facts {
	trees := map[string][]string{}
	for _, p := range roles.Publications(roles.Input{Cluster: s.cluster}) {
		trees[p.Host] = append(trees[p.Host], p.Dir)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	facts := map[string]*tasks.Facts{}
	for name, conn := range conns {
		s.report.Event(engine.Event{Kind: engine.KindHost, Host: name, Detail: "reading facts"})
		all.Go(func() {
			ask := engine.Ask{Cluster: s.cluster.Name, Trees: trees[name]}
			if name == s.cluster.Director.Name && s.cluster.Mode == inventory.DR {
				ask.Probe = s.cluster.VIPs()
			}
			f, err := engine.Gather(ctx, s.over(conn, name, "the questions"), ask)
			if err != nil {
				s.lost(name, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			facts[name] = f
		})
	}
	all.Wait()
	return facts
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

// sites reads the local directories that are published, and unless this is a
// dry run uploads the files that a host lacks or has otherwise.
func (s *session) sites(ctx context.Context, in *roles.Input, conns map[string]*remote.Conn, check bool) error {
	in.Sites = map[string][]tasks.SiteFile{}
	for _, p := range roles.Publications(*in) {
		files, ok := in.Sites[p.Site]
		if !ok {
			var err error
			if files, err = readSite(p.Site); err != nil {
				s.report.Event(engine.Event{Kind: engine.KindError, Host: p.Host, Err: err, Exit: int(report.TaskFailed)})
				return err
			}
			in.Sites[p.Site] = files
		}
		facts := in.Facts[p.Host]
		if facts == nil {
			continue
		}
		home, err := conns[p.Host].Home(ctx)
		if err != nil {
			s.lost(p.Host, err)
			return err
		}
		in.Staging[p.Host] = stagingBelow(home, s.cluster.Name)
		if check {
			continue
		}
		if err := pushSite(ctx, conns[p.Host], p, roles.StagingOf(in.Staging[p.Host], p.Dir), files, facts.Trees); err != nil {
			s.lost(p.Host, err)
			return err
		}
	}
	return nil
}
