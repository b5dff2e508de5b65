package roles

import "github.com/lvsdeploy/lvsdeploy/tasks"

// DR is a cluster whose real servers answer clients directly: director and
// real servers all hold the VIP, and only the director tells of it by ARP.
func DR(in Input) tasks.Plan {
	return plan(in, []stage{
		{
			name:     "prepare",
			director: []step{policies, admit, moduleIPVS, directorPackages},
			webs:     []step{policies, admit, webPackages},
			nfs:      []step{policies, admit, nfsPackages},
		},
		{
			name: "storage",
			nfs:  []step{nfsPorts, nfsServices, exports},
		},
		{
			name:  "serve",
			after: []string{"storage"},
			webs:  []step{mount, page, webServer},
		},
		{
			name: "keep quiet",
			webs: []step{arpSilence, vipOnLoopback},
		},
		{
			name: "prove",
			webs: []step{served},
		},
		{
			// not before every real server keeps quiet: the first answer that
			// a client hears decides where it sends
			name:     "balance",
			after:    []string{"prove"},
			director: []step{realServersAnswer, redirectsOff, vipOnDirector, table(tasks.Gatewaying), keepTable(tasks.Gatewaying)},
		},
	})
}

// arpSilence comes before the VIP is on lo: a single answer would move
// clients past the director.
func arpSilence(h host) part {
	var settings [][2]string
	for _, dev := range []string{"all", "default", "lo", h.dev()} {
		settings = append(settings,
			[2]string{tasks.ConfKey(dev, "arp_ignore"), "1"},
			[2]string{tasks.ConfKey(dev, "arp_announce"), "2"})
	}
	return part{tasks: sysctls(h, settings...)}
}

func vips(h host, dev string) []tasks.VIP {
	var all []tasks.VIP
	for n, a := range h.cluster.VIPs() {
		all = append(all, tasks.VIP{Address: a, Dev: dev, N: n})
	}
	return h.facts.Labelled(all)
}

func vipOnLoopback(h host) part {
	var p part
	for _, v := range vips(h, "lo") {
		p.tasks = append(p.tasks, v.Live(), v.Route())
		p.tasks = append(p.tasks, h.facts.KeepVIP(h.cluster.Name, v)...)
	}
	return p
}

func vipOnDirector(h host) part {
	var p part
	for _, v := range vips(h, h.dev()) {
		p.tasks = append(p.tasks, v.Live())
		p.tasks = append(p.tasks, h.facts.KeepVIP(h.cluster.Name, v)...)
	}
	return p
}

// redirectsOff makes the director no router: nothing comes back through it,
// and it must not tell clients of a shorter way. It sees no server close a
// connection and remembers each for minutes; a client that takes the same port
// again must be scheduled anew (since Linux 4.1), and never be sent to a server
// that has been removed since.
func redirectsOff(h host) part {
	settings := [][2]string{
		{"net.ipv4.ip_forward", "0"},
		{"net.ipv4.vs.expire_nodest_conn", "1"},
		{"-net.ipv4.vs.conn_reuse_mode", "2"},
	}
	for _, dev := range []string{"all", "default", h.dev()} {
		settings = append(settings, [2]string{tasks.ConfKey(dev, "send_redirects"), "0"})
	}
	return part{tasks: sysctls(h, append(settings, persistence(h)...)...)}
}
