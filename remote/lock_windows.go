package remote

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile waits for the only right to append to f; closing f gives it back.
// Locks of Windows bar others from what is locked: it is a byte far behind the
// end, so that ssh can read the file meanwhile.
func lockFile(f *os.File) error {
	at := &windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxInt32}
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, at)
}
