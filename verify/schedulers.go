package verify

import "fmt"

// kind is what a scheduler promises about n connections one after the other
// from one client.
type kind int

const (
	free     kind = iota // nothing but: weight 0 gets none
	even                 // equal to within one
	weighted             // by weight, as wrr interleaves it
	least                // every server, unless it carries more already
	sticky               // all to one server
	heaviest             // all to a server of the greatest weight
)

// promise is one scheduler's row.
type promise struct {
	kind kind
	why  string // for the report: "equal to within one"
}

// promiseOf returns what a scheduler of the kernel promises. IPVS does not
// look whether a server is alive: a dead one gets its share too.
func promiseOf(scheduler string, persistent bool) promise {
	if persistent {
		return promise{sticky, "persistence keeps one client on one server"}
	}
	switch scheduler {
	case "rr":
		return promise{even, "rr gives each server the same, to within one"}
	case "wrr":
		return promise{weighted, "wrr gives shares by weight"}
	case "lc":
		return promise{least, "lc gives to the server with the fewest connections, so every server serves"}
	case "wlc":
		return promise{least, "wlc gives to the server with the fewest connections for its weight, so every server serves"}
	case "sed":
		return promise{free, "sed counts active connections only: one client, one request at a time, may stay on one server"}
	case "nq":
		return promise{free, "nq takes the first idle server: one client, one request at a time, may stay on one server"}
	case "lblc":
		return promise{free, "lblc keeps an address on one server until that is overloaded"}
	case "lblcr":
		return promise{free, "lblcr keeps an address on a set of servers that changes with load"}
	case "sh":
		return promise{sticky, "sh hashes the client's address: one client, one server"}
	case "mh":
		return promise{sticky, "mh hashes the client's address: one client, one server"}
	case "dh":
		return promise{sticky, "dh hashes the service's address: one address, one server"}
	case "fo":
		return promise{heaviest, "fo gives all to the server of the greatest weight"}
	case "ovf":
		return promise{heaviest, "ovf gives all to the server of the greatest weight until its active connections reach it"}
	case "twos":
		return promise{free, "twos takes the less loaded of two servers drawn at random"}
	}
	return promise{free, fmt.Sprintf("nothing is known about the shares of %s", scheduler)}
}

// spread is how many of n connections a server may get.
type spread struct{ min, max int }

// bounds returns what each server may get of any n connections in a row, for
// the promises that fix it whatever came before. A server of weight 0 gets none.
func (p promise) bounds(weights []int, n int) []spread {
	b := make([]spread, len(weights))
	live, top := 0, 0
	for _, w := range weights {
		if w > 0 {
			live++
		}
		top = max(top, w)
	}
	for i, w := range weights {
		if w <= 0 {
			continue
		}
		b[i] = spread{0, n}
		switch {
		case live == 1 && p.kind != sticky: // persistence may hold on to a drained server
			b[i].min = n
		case p.kind == even:
			b[i] = spread{n / live, (n + live - 1) / live}
		case p.kind == heaviest && w < top:
			b[i].max = 0
		}
	}
	if p.kind == weighted && live > 1 {
		weightedBounds(weights, n, b)
	}
	return b
}

// weightedBounds fills in what wrr gives in any n turns, wherever in its cycle
// they begin.
func weightedBounds(weights []int, n int, b []spread) {
	g := 0
	for _, w := range weights {
		g = gcd(g, w)
	}
	cycle := 0
	for _, w := range weights {
		cycle += w / g
	}
	full, rest := n/cycle, n%cycle
	for i, w := range weights {
		if w > 0 {
			b[i] = spread{full * (w / g), full * (w / g)}
		}
	}
	if rest == 0 {
		return
	}
	// Beyond this the cycle is not walked: the bound that holds for every
	// order of turns is used, which is wider.
	const longest = 1 << 18
	if cycle > longest {
		for i, w := range weights {
			if w > 0 {
				b[i].max += min(w/g, rest)
				b[i].min += max(0, rest-(cycle-w/g))
			}
		}
		return
	}
	lo, hi := window(turns(weights, g), len(weights), rest)
	for i, w := range weights {
		if w > 0 {
			b[i].min += lo[i]
			b[i].max += hi[i]
		}
	}
}

// turns is one cycle of the kernel's ip_vs_wrr: the weight that is asked for
// falls from the greatest to 1, and each pass takes every server that has it.
func turns(weights []int, g int) []int {
	top := 0
	for _, w := range weights {
		top = max(top, w/g)
	}
	var order []int
	for level := top; level > 0; level-- {
		for i, w := range weights {
			if w/g >= level {
				order = append(order, i)
			}
		}
	}
	return order
}

// window returns how few and how many of n turns in a row each server has.
func window(order []int, servers, n int) (lo, hi []int) {
	count := make([]int, servers)
	for _, s := range order[:n] {
		count[s]++
	}
	lo, hi = append(lo, count...), append(hi, count...)
	for start := range order {
		out, in := order[start], order[(start+n)%len(order)]
		count[out]--
		count[in]++
		lo[out] = min(lo[out], count[out])
		hi[in] = max(hi[in], count[in])
	}
	return lo, hi
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// expected returns the number of n connections that each server should get, to
// show beside the got ones; -1 where nothing is promised. The remainders of a
// division go where they were seen, as far as the promise allows.
func (p promise) expected(weights, got []int, n int) []int {
	want := make([]int, len(weights))
	b := p.bounds(weights, n)
	switch p.kind {
	case even, weighted:
		left := n
		for i := range want {
			want[i] = min(max(got[i], b[i].min), b[i].max)
			left -= want[i]
		}
		for moved := true; left != 0 && moved; {
			moved = false
			for i := range want {
				if left > 0 && want[i] < b[i].max {
					want[i]++
					left--
					moved = true
				} else if left < 0 && want[i] > b[i].min {
					want[i]--
					left++
					moved = true
				}
			}
		}
	case sticky, heaviest:
		best := -1
		for i := range want {
			if b[i].max > 0 && (best < 0 || got[i] > got[best]) {
				best = i
			}
		}
		if best >= 0 {
			want[best] = n
		}
	default:
		for i, w := range weights {
			if w > 0 {
				want[i] = -1
			}
		}
	}
	return want
}
