package main

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// readKey reads a byte from a console in raw mode. It waits for one however
// long: ^C is a byte as well there, and closing the window ends the process.
func readKey(in *os.File, b []byte) (int, error) {
	n, err := in.Read(b)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// interrupt does what ^C does.
func interrupt() error { return windows.GenerateConsoleCtrlEvent(windows.CTRL_C_EVENT, 0) }

// takesEscapes reports whether f is a console with colours and a cursor that
// can be moved. A console takes escape sequences when asked to, since Windows 10.
func takesEscapes(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
