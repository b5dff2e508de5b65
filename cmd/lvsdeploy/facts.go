package main

import (
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/lvsdeploy/lvsdeploy/report"
)

// factsCommand shows what the hosts are: what every deployment asks first.
func factsCommand(std streams) *cli.Command {
	return &cli.Command{
		Name:  "facts",
		Usage: "show what the hosts are: system, package manager, network, firewall",
		Flags: connectFlags(limitFlag()),
		Action: func(c *cli.Context) error {
			s, err := open(c, std, "")
			if err != nil {
				return err
			}
			hosts := s.hosts(false)
			conns := s.reach(c.Context, hosts)
			defer conns.hangUp()
			all := make([]report.HostFacts, len(hosts))
			var asked sync.WaitGroup
			for i, h := range hosts {
				all[i] = report.HostFacts{Host: h.Name, Address: h.Address.String()}
				asked.Go(func() {
					conn, err := conns.wait(h.Name)
					if err != nil {
						s.lost(h.Name, err)
						return
					}
					asked, err := s.examine(c.Context, conn, h.Name, nil)
					if err != nil {
						s.lost(h.Name, err)
						return
					}
					all[i].Facts = asked.Facts
					_ = asked.Close() // it has told all
				})
			}
			asked.Wait()
			s.report.Facts(all)
			return s.close(c.Context)
		},
	}
}
