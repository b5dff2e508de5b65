//go:build unix

package remote

import (
	"os"
	"syscall"
)

// tryLock takes the only right to append to f, if nobody has it; closing f
// gives it back.
func tryLock(f *os.File) (taken bool, err error) {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
	case nil:
		return true, nil
	case syscall.EWOULDBLOCK, syscall.EINTR:
		return false, nil
	default:
		return false, err
	}
}
