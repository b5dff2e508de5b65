package sim

import (
	"math/rand/v2"
	"time"
)

// dice are one part's own source of chance. Each part has its own, so that the
// order in which goroutines run decides nothing.
type dice struct{ *rand.Rand }

func newDice(seed uint64, part string) *dice {
	var n uint64 = 1469598103934665603
	for _, c := range []byte(part) {
		n = (n ^ uint64(c)) * 1099511628211
	}
	return &dice{rand.New(rand.NewPCG(seed, n))}
}

// oneIn is true once in n times.
func (d *dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// between is a duration, to the nanosecond, so that two things never happen at
// the same moment.
func (d *dice) between(from, to time.Duration) time.Duration {
	return from + time.Duration(d.Int64N(int64(to-from)))
}
