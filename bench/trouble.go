package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

// Trouble compares a fleet in which some hosts misbehave with the same fleet
// when all are well: when are the others done?
type Trouble struct {
	Hosts    int    `json:"hosts"`
	Down     int    `json:"down"`
	Refusing int    `json:"refusing"`
	Slow     int    `json:"slow"`
	Without  Spread `json:"without_s"`
	With     Spread `json:"with_s"`
	Whole    Spread `json:"whole_s"` // the end of the run with trouble
}

// Of those that are down, half refuse connections and half do not answer.
const (
	down     = 10
	refusing = 5
	slow     = 3
)

// measureTrouble has web servers only in trouble, and looks at web servers
// only: the director rightly waits for all of them.
func measureTrouble(ctx context.Context, o options) (*Trouble, error) {
	const troubled = down + refusing + slow
	n := o.Trouble
	if n < troubled+3 {
		return nil, fmt.Errorf("cannot have trouble with less than %d hosts", troubled+3)
	}
	t := &Trouble{Hosts: n, Down: down, Refusing: refusing, Slow: slow}
	fleet := shape{hosts: n, mode: inventory.NAT}
	p, err := prepare(ctx, fleet)
	if err != nil {
		return nil, err
	}
	defer p.close()
	say("%d hosts, some of them in trouble: first deployment of all", n)
	if _, err := measure(ctx, p.ours(o).applied()); err != nil {
		return nil, err
	}
	well := p.inventory
	bad := p.path("trouble.toml")
	var without, with, whole []float64
	for range o.Rounds {
		p.inventory = well
		rest, all, err := othersDone(ctx, p.ours(o, "--json"), n-troubled, 0)
		if err != nil {
			return nil, err
		}
		without = append(without, rest)
		say("%d hosts, all well: the others are done after %.3f s, all after %.3f s", n, rest, all)

		// proxies anew each time: they have to drop the first connections again
		round, cancel := context.WithCancel(ctx)
		ssh, err := p.troubled(round)
		if err != nil {
			cancel()
			return nil, err
		}
		if err := p.write("trouble.toml", hostsTOML(fleet, func(i int) string { return p.hosts[i].address }, func(i int) string { return ssh[i] })); err != nil {
			cancel()
			return nil, err
		}
		p.inventory = bad
		rest, all, err = othersDone(ctx, p.ours(o, "--json"), n-troubled, 4)
		cancel()
		if err != nil {
			return nil, err
		}
		with, whole = append(with, rest), append(whole, all)
		say("%d hosts, some in trouble: the others are done after %.3f s, the run ends after %.3f s", n, rest, all)
	}
	p.inventory = well
	t.Without, t.With, t.Whole = spread(without), spread(with), spread(whole)
	return t, nil
}

// troubled says where the last hosts of the fleet are reached now.
func (p *prepared) troubled(ctx context.Context) ([]string, error) {
	ssh := make([]string, len(p.hosts))
	known := ""
	for k := range down + refusing + slow {
		i := len(p.hosts) - 1 - k
		m := p.hosts[i]
		ssh[i] = m.behind()
		var err error
		switch {
		case k < down/2: // nobody listens there
		case k < down:
			ssh[i] = strings.Replace(m.address, "10.77.", "10.79.", 1)
		case k < down+refusing:
			err = proxy(ctx, net.JoinHostPort(ssh[i], "22"), net.JoinHostPort(m.address, "22"), 0, 3)
		default:
			err = proxy(ctx, net.JoinHostPort(ssh[i], "22"), net.JoinHostPort(m.address, "22"), time.Second, 0)
		}
		if err != nil {
			return nil, err
		}
		known += ssh[i] + " " + m.key + "\n"
	}
	return ssh, p.know(known)
}

// othersDone runs lvsdeploy and says when the first hosts of the fleet, the
// director left out, had ended their last task, and when the run ended.
func othersDone(ctx context.Context, c contender, hosts, exit int) (rest, all float64, err error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	var others []string
	for i := 1; i < hosts; i++ {
		others = append(others, hostName(i))
	}
	proven := map[string]bool{}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct{ Event, Host, Stage, Status string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Event != "task" || e.Status != "ok" || !slices.Contains(others, e.Host) {
			continue
		}
		if e.Stage == "prove" { // a web server's last
			proven[e.Host] = true
			rest = time.Since(began).Seconds()
		}
	}
	_ = cmd.Wait() // its exit code says it
	all = time.Since(began).Seconds()
	if cmd.ProcessState.ExitCode() != exit || len(proven) != len(others) {
		return 0, 0, fmt.Errorf("lvsdeploy ended with %d and %d of %d hosts were done: %s", cmd.ProcessState.ExitCode(), len(proven), len(others), tail([]byte(complaints.String())))
	}
	return rest, all, nil
}
