// Command bench measures lvsdeploy against Ansible, Ansible with mitogen, and
// the floor: a program that opens the same connections and runs the same
// checks as one script, with nothing around them. All run on the same hosts,
// in turns. See the section "The bench" of HACKING.md.
//
// It imports inventory, roles, tasks, engine and remote for what the hosts are
// to be, and internal/fakehost for hosts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	Hosts     []int
	DR        []int
	RTT       []time.Duration
	RTTHosts  int
	Ansible   int
	Rounds    int
	Trouble   int
	Lab       bool
	LabRounds int
	Run       string
	Lvsdeploy string
	Out       string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, context.Canceled) {
		os.Exit(130)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "__inside": // in namespaces of its own; the rest is the command line
			o, err := parse(args[1:])
			if err != nil {
				return err
			}
			return fleets(ctx, o)
		case "__lab": // in the network namespace of the lab's workstation
			return labMain(ctx, args[1])
		case "__measure":
			return measureChild(args[1], args[2:])
		case "__floor":
			return floorMain(args[1])
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return errors.New("cannot make hosts: not root")
	}
	if o.Run != "" {
		return enclosed(ctx, args)
	}
	results := filepath.Join(o.Out, "latest.json")
	if err := save(results, &Results{Version: version(o.Lvsdeploy), Machine: thisMachine(), When: time.Now().UTC().Format(time.DateOnly),
		Command: callOf(args)}); err != nil {
		return err
	}
	if len(o.shapes()) > 0 || o.Trouble > 0 {
		if err := enclosed(ctx, args); err != nil {
			return err
		}
	}
	if o.Lab {
		if err := labs(ctx, o); err != nil {
			return err
		}
	}
	r, err := load(results)
	if err != nil {
		return err
	}
	fmt.Print(r.Table())
	return os.WriteFile(filepath.Join(o.Out, "latest.svg"), []byte(r.SVG()), 0o644)
}

func parse(args []string) (options, error) {
	var o options
	var hosts, dr, rtt string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&hosts, "hosts", "4,20,50,200", "fleets of so many hosts; empty: none")
	f.StringVar(&dr, "dr", "20", "fleets of so many hosts in DR mode, the others being in NAT mode; empty: none")
	f.StringVar(&rtt, "rtt", "0,50ms,200ms", "round-trip times; those above 0 with -rtt-hosts hosts")
	f.IntVar(&o.RTTHosts, "rtt-hosts", 4, "hosts of the fleet with a round-trip time")
	f.IntVar(&o.Ansible, "ansible", 20, "Ansible runs on fleets of at most so many hosts: 50 take it minutes, each time")
	f.IntVar(&o.Rounds, "rounds", 5, "how often each contender runs")
	f.IntVar(&o.Trouble, "trouble", 200, "hosts of the fleet in which some are down, refuse or are slow; 0: none")
	f.BoolVar(&o.Lab, "lab", false, "the lab's machines too: first deployments and converged runs; takes long")
	f.IntVar(&o.LabRounds, "lab-rounds", 3, "how often each deploys on fresh machines of the lab")
	f.StringVar(&o.Run, "run", "", "measure nothing: deploy the first fleet and run this shell `command` as its client (HOSTS_TOML, FLOOR_JSON; ROOTS: the hosts' pids)")
	f.StringVar(&o.Lvsdeploy, "lvsdeploy", "bin/lvsdeploy", "the program")
	f.StringVar(&o.Out, "o", "bench", "where latest.json and latest.svg go")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("cannot use %q: bench takes flags only", f.Arg(0))
	}
	var err error
	if o.Hosts, err = sizes(hosts); err != nil {
		return o, fmt.Errorf("cannot use -hosts %s: %w", hosts, err)
	}
	if o.DR, err = sizes(dr); err != nil {
		return o, fmt.Errorf("cannot use -dr %s: %w", dr, err)
	}
	for word := range strings.SplitSeq(rtt, ",") {
		d, err := time.ParseDuration(word)
		if err != nil || d < 0 {
			return o, fmt.Errorf("cannot use -rtt %s: for example 0,50ms", rtt)
		}
		o.RTT = append(o.RTT, d)
	}
	if o.Rounds < 1 || o.LabRounds < 1 {
		return o, errors.New("cannot measure less than one round")
	}
	if o.Lvsdeploy, err = filepath.Abs(o.Lvsdeploy); err != nil {
		return o, err
	}
	if _, err := os.Stat(o.Lvsdeploy); err != nil {
		return o, fmt.Errorf("cannot find lvsdeploy: %w\nhint: make build", err)
	}
	return o, nil
}

// sizes reads how many hosts fleets are to have.
func sizes(list string) (all []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		if word == "" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil || n < 3 || n > 250 {
			return nil, errors.New("from 3 to 250 each")
		}
		all = append(all, n)
	}
	return all, nil
}

// callOf is how this was called, without paths.
func callOf(args []string) string {
	var words []string
	for i := 0; i < len(args); i++ {
		switch name := strings.TrimLeft(args[i], "-"); {
		case name == "o" || name == "lvsdeploy":
			i++
		case strings.HasPrefix(name, "o=") || strings.HasPrefix(name, "lvsdeploy="):
		default:
			words = append(words, args[i])
		}
	}
	if len(words) == 0 {
		return "make bench"
	}
	return "make bench BENCH='" + strings.Join(words, " ") + "'"
}
