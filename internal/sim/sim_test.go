package sim

import (
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	from = flag.Uint64("from", 1, "the first seed")
	only = flag.Bool("only", false, "that seed alone, with its story")
	long = flag.Duration("for", 3*time.Second, "how long fresh seeds are played")
)

// TestSeeds plays one world after the other until its time is over.
func TestSeeds(t *testing.T) {
	played := 0
	for end := time.Now().Add(*long); time.Now().Before(end); played++ {
		seed := *from + uint64(played)
		w := play(t, seed)
		if *only || len(w.wrong) > 0 {
			t.Logf("seed %d:\n%s", seed, strings.Join(w.story, "\n"))
		}
		if len(w.wrong) > 0 {
			t.Fatalf("seed %d: %s\nagain: go test ./internal/sim -from %d -only", seed, strings.Join(w.wrong, "\n"), seed)
		}
		if *only {
			return
		}
	}
	t.Logf("%d seeds", played)
}

func play(t *testing.T, seed uint64) (w *world) {
	synctest.Test(t, func(*testing.T) { w = simulate(seed) })
	return w
}
