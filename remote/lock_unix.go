//go:build unix

package remote

import (
	"os"
	"syscall"
)

// lockFile waits for the only right to append to f; closing f gives it back.
func lockFile(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != syscall.EINTR {
			return err
		}
	}
}
