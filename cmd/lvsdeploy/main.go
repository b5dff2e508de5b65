// Command lvsdeploy builds and looks after Linux Virtual Server clusters over
// SSH. One file per command; what they share is in common.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

func main() {
	// A run waits for hosts, mostly, and its heap is small. Collecting less often
	// is a sixth of its processor time less, for a few megabytes more; one
	// processor is another sixth less, for none is woken to take a packet over.
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second ^C ends the process at once
	outliveReaders()
	os.Exit(int(run(ctx, os.Args, newStreams(os.Stdin, os.Stdout, os.Stderr))))
}
