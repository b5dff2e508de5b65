package main

import (
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
			conns, failed, hangUp := s.dial(c.Context, s.hosts(false))
			defer hangUp()
			facts := s.gather(c.Context, conns)
			var all []report.HostFacts
			for _, h := range s.hosts(false) {
				if err := failed[h.Name]; err != nil {
					s.lost(h.Name, err)
				}
				all = append(all, report.HostFacts{Host: h.Name, Address: h.Address.String(), Facts: facts[h.Name]})
			}
			s.report.Facts(all)
			return s.close(c.Context)
		},
	}
}
