//go:build unix

package main

import "golang.org/x/sys/unix"

// nonblock has a pipe opened without waiting for somebody who writes into it.
const nonblock = unix.O_NONBLOCK
