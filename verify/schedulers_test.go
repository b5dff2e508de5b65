package verify

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/lvsdeploy/lvsdeploy/inventory"
)

func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		scheduler string
		weights   []int
		n         int
		want      []spread
	}{
		{"rr", []int{1, 1}, 20, []spread{{10, 10}, {10, 10}}},
		{"rr", []int{1, 1}, 21, []spread{{10, 11}, {10, 11}}},
		{"rr", []int{5, 1, 1}, 20, []spread{{6, 7}, {6, 7}, {6, 7}}}, // rr knows no weights
		{"rr", []int{1, 0, 1}, 20, []spread{{10, 10}, {0, 0}, {10, 10}}},
		{"rr", []int{0, 0}, 20, []spread{{0, 0}, {0, 0}}},
		{"wrr", []int{3, 1}, 20, []spread{{15, 15}, {5, 5}}},
		{"wrr", []int{3, 1}, 22, []spread{{16, 17}, {5, 6}}},
		{"wrr", []int{6, 2}, 20, []spread{{15, 15}, {5, 5}}},
		{"wrr", []int{100, 99}, 20, []spread{{10, 11}, {9, 10}}}, // they take turns
		{"wrr", []int{1, 0}, 7, []spread{{7, 7}, {0, 0}}},
		{"wrr", []int{65535, 65534}, 20, []spread{{10, 11}, {9, 10}}},
		{"wrr", []int{65535, 65534, 65533, 65532, 65531}, 20, []spread{{0, 20}, {0, 20}, {0, 20}, {0, 20}, {0, 20}}},
		{"lc", []int{1, 1}, 20, []spread{{0, 20}, {0, 20}}},
		{"sed", []int{1, 0}, 20, []spread{{20, 20}, {0, 0}}}, // one live server has all
		{"fo", []int{1, 9, 9}, 20, []spread{{0, 0}, {0, 20}, {0, 20}}},
	} {
		if got := promiseOf(tt.scheduler, false).bounds(tt.weights, tt.n); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %v, %d: got %v, want %v", tt.scheduler, tt.weights, tt.n, got, tt.want)
		}
	}
}

// kernelWRR is ip_vs_wrr_schedule of Linux 6.1, step by step.
type kernelWRR struct {
	weights []int
	cl, cw  int
	mw, di  int
}

func newKernelWRR(weights []int) *kernelWRR {
	k := &kernelWRR{weights: weights, cl: -1}
	for _, w := range weights {
		k.di, k.mw = gcd(k.di, w), max(k.mw, w)
	}
	k.mw -= k.di - 1
	k.cw = k.mw
	return k
}

func (k *kernelWRR) next() int {
	for {
		k.cl++
		if k.cl == len(k.weights) {
			k.cl = 0
			if k.cw -= k.di; k.cw <= 0 {
				k.cw = k.mw
			}
		}
		if k.weights[k.cl] >= k.cw {
			return k.cl
		}
	}
}

// Whatever the weights, the phase and the number of requests, what the kernel
// does is within the bounds, adds up, and is what is then expected.
func TestKernelKeepsThePromises(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		weights := make([]int, 1+rnd.IntN(6))
		live := 0
		for i := range weights {
			if weights[i] = rnd.IntN(12); weights[i] > 0 {
				live++
			}
		}
		if live == 0 {
			weights[0], live = 1, 1
		}
		n, phase := 1+rnd.IntN(60), rnd.IntN(100)
		for _, scheduler := range []string{"rr", "wrr"} {
			got := make([]int, len(weights))
			wrr, at := newKernelWRR(weights), -1
			for turn := range phase + n {
				var s int
				if scheduler == "wrr" {
					s = wrr.next()
				} else {
					for at++; weights[at%len(weights)] == 0; at++ {
					}
					s = at % len(weights)
				}
				if turn >= phase {
					got[s]++
				}
			}
			p := promiseOf(scheduler, false)
			for i, b := range p.bounds(weights, n) {
				if got[i] < b.min || got[i] > b.max {
					t.Fatalf("%s %v: %d turns from %d: server %d got %d, bound %v", scheduler, weights, n, phase, i, got[i], b)
				}
				if scheduler == "rr" && b.max-b.min > 1 {
					t.Fatalf("rr %v: bound %v is too wide", weights, b)
				}
			}
			if want := p.expected(weights, got, n); !reflect.DeepEqual(want, got) {
				t.Fatalf("%s %v: got %v, expected %v", scheduler, weights, got, want)
			}
		}
	}
}

// What is expected adds up to the requests, also when what was got is wrong.
func TestExpectedAddsUp(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		weights, got := make([]int, 1+rnd.IntN(5)), []int{}
		for i := range weights {
			weights[i] = rnd.IntN(5)
			got = append(got, rnd.IntN(30))
		}
		weights[rnd.IntN(len(weights))] = 1
		n := 1 + rnd.IntN(40)
		for _, scheduler := range []string{"rr", "wrr", "sh", "fo"} {
			sum := 0
			for i, e := range promiseOf(scheduler, false).expected(weights, got, n) {
				if weights[i] == 0 && e != 0 {
					t.Fatalf("%s %v: weight 0 expected %d", scheduler, weights, e)
				}
				sum += e
			}
			if sum != n {
				t.Fatalf("%s %v got %v: expected adds up to %d, not %d", scheduler, weights, got, sum, n)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	type share = Share
	for _, tt := range []struct {
		name, scheduler string
		persistence     time.Duration
		servers         []share // weight, answers, failed
		unknown         int
		before          []load
		ok              bool
	}{
		{"rr even", "rr", 0, []share{{Weight: 1, Answers: 10}, {Weight: 1, Answers: 10}}, 0, nil, true},
		{"rr off by one", "rr", 0, []share{{Weight: 1, Answers: 11}, {Weight: 1, Answers: 10}}, 0, nil, true},
		{"rr off by two", "rr", 0, []share{{Weight: 1, Answers: 11}, {Weight: 1, Answers: 9}}, 0, nil, false},
		{"rr, a failed request was given too", "rr", 0, []share{{Weight: 1, Answers: 10}, {Weight: 1, Failed: 10}}, 0, nil, true},
		{"rr, one unknown", "rr", 0, []share{{Weight: 1, Answers: 10}, {Weight: 1, Answers: 9}}, 1, nil, true},
		{"rr, weight 0 serves", "rr", 0, []share{{Weight: 1, Answers: 19}, {Weight: 0, Answers: 1}}, 0, nil, false},
		{"wrr", "wrr", 0, []share{{Weight: 3, Answers: 15}, {Weight: 1, Answers: 5}}, 0, nil, true},
		{"wrr as rr", "wrr", 0, []share{{Weight: 3, Answers: 10}, {Weight: 1, Answers: 10}}, 0, nil, false},
		{"persistent", "rr", time.Minute, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0, nil, true},
		{"persistent on two", "rr", time.Minute, []share{{Weight: 1, Answers: 19}, {Weight: 1, Answers: 1}}, 0, nil, false},
		{"persistent on a drained one", "rr", time.Minute, []share{{Weight: 0, Answers: 20}, {Weight: 1}, {Weight: 1}}, 0, nil, true},
		{"sh", "sh", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0, nil, true},
		{"sh on two", "sh", 0, []share{{Weight: 1, Answers: 10}, {Weight: 1, Answers: 10}}, 0, nil, false},
		{"sed on one", "sed", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0, nil, true},
		{"fo on the lighter", "fo", 0, []share{{Weight: 1, Answers: 20}, {Weight: 2}}, 0, nil, false},
		{"lc uneven", "lc", 0, []share{{Weight: 1, Answers: 17}, {Weight: 1, Answers: 3}}, 0, nil, true},
		{"lc on one", "lc", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0, nil, false},
		{"lc on the new one", "lc", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0,
			[]load{{address: "a0"}, {address: "a1", inactive: 100}}, true},
		{"lc beside a long download", "lc", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0,
			[]load{{address: "a0"}, {address: "a1", active: 1}}, true},
		{"lc on the loaded one", "lc", 0, []share{{Weight: 1, Answers: 20}, {Weight: 1}}, 0,
			[]load{{address: "a0", inactive: 100}, {address: "a1"}}, false},
		{"wlc, too light for this many", "wlc", 0, []share{{Weight: 100, Answers: 20}, {Weight: 1}}, 0,
			[]load{{address: "a0"}, {address: "a1", inactive: 1}}, true},
		{"wlc on one", "wlc", 0, []share{{Weight: 100, Answers: 20}, {Weight: 1}}, 0, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := serviceRun{service: &inventory.Service{Scheduler: tt.scheduler, Persistence: tt.persistence}, before: tt.before}
			v.result.Servers = tt.servers
			v.result.Persistent = tt.persistence > 0
			v.result.Requests = tt.unknown
			for i := range tt.servers {
				s := &v.result.Servers[i]
				s.Name, s.Address = string(rune('a'+i)), "a"+string(rune('0'+i))
				v.result.Requests += s.Answers + s.Failed
			}
			if got := v.judge(); (got == "") != tt.ok {
				t.Errorf("%q", got)
			}
		})
	}
}

// Every scheduler of the kernel has a row of its own.
func TestEverySchedulerIsKnown(t *testing.T) {
	for _, s := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "mh", "fo", "ovf", "twos"} {
		if promiseOf(s, false).why == promiseOf("nonsense", false).why || promiseOf(s, false).why == "" || len(promiseOf(s, false).why) < len(s)+10 ||
			promiseOf(s, false).why == "nothing is known about the shares of "+s {
			t.Errorf("%s: %q", s, promiseOf(s, false).why)
		}
	}
}
