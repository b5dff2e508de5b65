package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/bound"
	"github.com/lvsdeploy/lvsdeploy/engine"
	"github.com/lvsdeploy/lvsdeploy/remote"
	"github.com/lvsdeploy/lvsdeploy/report"
	"github.com/lvsdeploy/lvsdeploy/verify"
)

// verifyCommand proves that a cluster works, or says what is wrong with it.
func verifyCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "prove that the cluster works, or say what is wrong with it",
		UsageText: "lvsdeploy verify [-i hosts.toml] [-n 20] [--from local|HOST] [--json] [--report FILE.html]",
		Description: "Sends requests through every virtual service, each on a connection of its own,\n" +
			"holds the answers against what the scheduler promises, and checks every host.\n" +
			"Changes nothing. Exits 0 when all is well, 5 when the cluster is wrong, 4 when\n" +
			"a host cannot be reached, or the service from where the requests are sent.",
		Flags: connectFlags(
			&cli.IntFlag{Name: "requests", Aliases: []string{"n"}, Value: verify.DefaultRequests, Usage: "send `N` requests to each service"},
			&cli.StringFlag{Name: "from", Value: verify.Local, Usage: "send them from here (local) or from `HOST`, over SSH"},
			&cli.StringFlag{Name: "report", Usage: "write what was found to `FILE` too, as one HTML page"},
		),
		Action: func(c *cli.Context) error { return runVerify(c, std) },
	}
}

func runVerify(c *cli.Context, std streams) error {
	n := c.Int("requests")
	if n < 1 || n > 100000 {
		return usagef("for example -n 20", "cannot send %d requests: it is from 1 to 100000", n)
	}
	s, err := open(c, std, "")
	if err != nil {
		return err
	}
	defer s.report.Close()
	var page *output
	if c.IsSet("report") {
		// Now, for nothing is contacted if it cannot be written.
		if page, err = newOutput(c.String("report")); err != nil {
			return err
		}
		defer page.discard()
	}
	began := time.Now()
	from := c.String("from")
	client := s.cluster.Client != nil && from == s.cluster.Client.Name
	if from != verify.Local && !client {
		if err := known(s.cluster, from); err != nil {
			return err
		}
	}
	if err := verify.CheckOrigin(s.cluster, s.cluster.Mode, from); err != nil {
		return usagef(hintFor(err), "%v", err)
	}

	conns := s.reach(c.Context, s.hosts(client))
	defer conns.hangUp()
	hosts := map[string]verify.Host{}
	for _, h := range s.hosts(client) {
		conn, err := conns.wait(h.Name)
		if err == nil {
			hosts[h.Name] = verifiable{conn, s.report.Note}
			continue
		}
		// Its checks fail with err, so it is shown with the others.
		hosts[h.Name] = verify.Unreachable(hinted{err, hintFor(err)})
		s.report.Missed(h.Name, err, hintFor(err), exitCode(err))
	}
	if err := c.Context.Err(); err != nil {
		return err
	}
	res, err := verify.Run(c.Context, s.cluster, hosts, verify.Options{
		N: n, From: from, LiveMode: s.cluster.Mode == "", Look: bound.Stage(s.config.Timeout),
		Progress: func(host, doing string) {
			s.report.Event(engine.Event{Kind: engine.KindHost, Host: host, Detail: doing})
		},
	})
	if err != nil {
		return err
	}
	s.report.Verify(res)
	if page != nil {
		if err := writePage(page, report.Page{Cluster: s.cluster, Result: res, At: began, Version: versionText()}); err != nil {
			return err
		}
	}
	return s.close(c.Context)
}

// writePage is the end of verify --report, also when the cluster is wrong.
func writePage(to *output, p report.Page) error {
	var b bytes.Buffer
	if err := report.WriteHTML(&b, p); err != nil {
		return fmt.Errorf("cannot write %s: %w", to.path, err)
	}
	return to.write(b.Bytes())
}

// hinted is an error with its hint in the form that verify asks for.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }

// verifiable is a connection as verify wants it. A host that is lost on the way
// counts as one that cannot be reached.
type verifiable struct {
	*remote.Conn
	note func(report.Exit)
}

func (v verifiable) Output(ctx context.Context, script string) ([]byte, error) {
	out, err := v.Conn.Output(ctx, script)
	if code := exitCode(err); code == report.Unreachable {
		v.note(code)
	}
	return out, err
}

func (v verifiable) Program(ctx context.Context, script string) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	p, err := v.Conn.Program(ctx, script)
	if err != nil {
		cancel()
		return nil, err
	}
	return program{p, cancel}, nil
}

// program reads and writes a process as one stream.
type program struct {
	p      *remote.Process
	cancel context.CancelFunc
}

func (p program) Read(b []byte) (int, error)  { return p.p.Stdout.Read(b) }
func (p program) Write(b []byte) (int, error) { return p.p.Stdin.Write(b) }

// Close ends the program: its input ends, and its channel is closed.
func (p program) Close() error {
	err := p.p.Stdin.Close()
	p.cancel()
	_ = p.p.Wait() // it was ended, so how it ended says nothing
	return err
}
