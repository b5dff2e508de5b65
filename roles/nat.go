package roles

import "github.com/lvsdeploy/lvsdeploy/tasks"

// NAT is a cluster whose director rewrites addresses in both directions: it
// is the only way in, and the way out of every real server.
func NAT(in Input) tasks.Plan {
	return plan(in, []stage{
		{
			name:     "prepare",
			director: []step{policies, moduleIPVS, directorPackages},
			webs:     []step{policies, admit, webPackages},
			nfs:      []step{policies, admit, nfsPackages},
		},
		{
			name: "storage",
			nfs:  []step{nfsPorts, nfsServices, exports},
		},
		{
			name: "forward",
			// a firewall that masquerades would set ip_forward by itself
			director: []step{wanInterface, forwarding, admit, snat},
		},
		{
			name:  "serve",
			after: []string{"storage"},
			webs:  []step{mount, page, webServer, gateway},
		},
		{
			name: "prove",
			webs: []step{served},
		},
		{
			name:     "balance",
			after:    []string{"prove"},
			director: []step{realServersAnswer, table(tasks.Masquerading), keepTable(tasks.Masquerading)},
		},
	})
}
