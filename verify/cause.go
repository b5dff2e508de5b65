package verify

import (
	"fmt"
	"strings"
)

// The names of the checks.
const (
	nameReachable    = "reachable"
	nameModule       = "ip_vs"
	nameForward      = "ip_forward"
	nameWAN          = "wan address"
	nameVIP          = "vip"
	nameFirewall     = "firewall"
	nameService      = "virtual service"
	nameServer       = "real server"
	nameMethod       = "forwarding method"
	nameWeight       = "weight"
	nameScheduler    = "scheduler"
	namePersistence  = "persistence"
	nameExtra        = "extra real server"
	nameGateway      = "default gateway"
	nameNFS          = "nfs service"
	nameExportDir    = "export directory"
	nameExport       = "export"
	nameIndex        = "export index"
	nameOffered      = "export offered"
	nameMount        = "nfs mount"
	nameMountAnswers = "nfs mount answers"
	nameWeb          = "web service"
	namePage         = "page"
	nameRealServer   = "real server answers"
	nameSNAT         = "snat"
	nameOrigin       = "origin"
	nameClient       = "client's place"
	nameRequests     = "requests"
	nameShares       = "shares"
	nameSaved        = "saved rules"
	nameRulesBoot    = "ipvsadm at boot"
	nameForwardBoot  = "ip_forward at boot"
	nameSNATBoot     = "snat at boot"
	nameMountBoot    = "mount at boot"
	nameWebBoot      = "web service at boot"
	nameNFSBoot      = "nfs service at boot"
	nameExportBoot   = "export at boot"

	// of DR mode
	nameLoopbackVIP  = "vip on lo"
	nameARPIgnore    = "arp_ignore"
	nameARPAnnounce  = "arp_announce"
	nameARP          = "arp for the vip"
	nameARPSilent    = "arp of the director"
	nameNeighbour    = "neighbour"
	nameListen       = "listening"
	nameThrough      = "replies' way"
	nameBack         = "outgoing bytes"
	nameRedirects    = "send_redirects"
	nameNoRouter     = "no router"
	nameHostRoute    = "host route"
	namePast         = "past the director"
	nameReached      = "reached through the vip"
	nameWhole        = "big answers"
	nameARPBoot      = "arp at boot"
	nameVIPBoot      = "vip at boot"
	nameWANBoot      = "wan address at boot"
	nameGatewayBoot  = "default gateway at boot"
	nameRedirectBoot = "send_redirects at boot"
)

// causes ranks the checks: of all that failed, the first in this list is the
// root, and those below may only follow from it. What serves comes before
// what is served, what is named exactly before what is seen from afar, and
// what only the next boot would show comes last.
func causes() []string {
	return []string{
		nameReachable, // nothing is known about a host that cannot be asked
		nameModule,    // no table without it
		nameForward,   // nothing passes the director
		nameWAN, nameVIP,
		nameFirewall, // what is sound behind it is not reached
		nameService, nameServer, nameMethod, nameWeight, nameScheduler, namePersistence, nameExtra,
		nameLoopbackVIP, // what a real server drops or answers for
		nameARPIgnore, nameARPAnnounce,
		nameARP, nameARPSilent, // a stranger, as our own would be named by the above
		nameNFS, // an empty document root follows from any of these
		nameExportDir, nameExport, nameIndex, nameOffered,
		nameMount, nameMountAnswers,
		nameWeb, // no page without it
		nameListen,
		nameGateway, nameThrough, nameBack, // answers leave by the wrong way; the web itself is sound
		namePage,       // seen on the web itself
		nameRealServer, // seen from the director
		nameNeighbour,  // learnt while one of the above was wrong
		nameRedirects, nameNoRouter, nameHostRoute,
		nameSNAT, // the real servers' own connections; requests do not need it
		nameOrigin,
		nameClient, // the cluster may be sound: the proof is not
		nameWhole,  // where small ones get through
		namePast, nameReached,
		nameRequests, // seen from outside, with no reason found above
		nameShares,
		nameSaved, nameRulesBoot, nameForwardBoot, nameARPBoot, nameVIPBoot, nameWANBoot, nameGatewayBoot, nameRedirectBoot, nameSNATBoot, nameMountBoot, nameWebBoot, nameNFSBoot, nameExportBoot,
	}
}

// rootCause returns the failed check that ranks first; of several alike, the
// first. A name that is not ranked comes last, but is never lost.
func rootCause(checks []Check) *Check {
	rank := map[string]int{}
	order := causes()
	for i, name := range order {
		rank[name] = i
	}
	best, bestRank := -1, 0
	for i, c := range checks {
		if c.OK {
			continue
		}
		n, ok := rank[c.Name]
		if !ok {
			n = len(order)
		}
		if best < 0 || n < bestRank {
			best, bestRank = i, n
		}
	}
	if best < 0 {
		return nil
	}
	c := checks[best]
	return &c
}

// Headline is the first line to show: the root cause, or that all is well.
func (r *Result) Headline() string {
	if r.Cause != nil {
		return fmt.Sprintf("%s: %s", r.Cause.Host, r.Cause.Detail)
	}
	var parts []string
	for _, s := range r.Services {
		if s.Protocol == "udp" {
			parts = append(parts, s.VIP+" (udp): the table and the hosts are right")
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %d requests, none failed: %s", s.VIP, s.Requests, shares(s.Servers)))
	}
	return strings.Join(parts, "; ")
}
