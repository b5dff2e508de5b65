package main

import (
	"io"
	"os"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"
)

// readKey reads a character from a console in raw mode; 0 and no error:
// nothing was typed for a moment. b has room for utf8.UTFMax bytes.
func readKey(in *os.File, b []byte) (int, error) {
	console := windows.Handle(in.Fd())
	if typed, err := typed(console); err != nil || !typed {
		return 0, err
	}
	var units [2]uint16
	c := rune(utf8.RuneError)
	for i := range units {
		var n uint32
		if err := windows.ReadConsole(console, &units[i], 1, &n, nil); err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		if i == 0 && !utf16.IsSurrogate(rune(units[0])) {
			c = rune(units[0])
			break
		}
		c = utf16.DecodeRune(rune(units[0]), rune(units[1]))
	}
	return utf8.EncodeRune(b, c), nil
}

var (
	kernel32         = windows.NewLazySystemDLL("kernel32.dll")
	peekConsoleInput = kernel32.NewProc("PeekConsoleInputW")
	readConsoleInput = kernel32.NewProc("ReadConsoleInputW")
)

// inputRecord is INPUT_RECORD with a KEY_EVENT_RECORD in it.
// https://learn.microsoft.com/windows/console/input-record-str
type inputRecord struct {
	kind               uint16
	_                  uint16
	down               int32
	repeat, key, place uint16
	char               uint16
	control            uint32
}

// typed waits a moment for a character, and takes away the events that are
// none: reading would wait through them, and could not be given up.
func typed(console windows.Handle) (bool, error) {
	const keyEvent = 1
	for {
		switch event, err := windows.WaitForSingleObject(console, 100); {
		case err != nil:
			return false, err
		case event != windows.WAIT_OBJECT_0:
			return false, nil
		}
		var r inputRecord
		var n uint32
		if ok, _, err := peekConsoleInput.Call(uintptr(console), uintptr(unsafe.Pointer(&r)), 1, uintptr(unsafe.Pointer(&n))); ok == 0 {
			return false, err
		}
		if n == 0 {
			return false, nil
		}
		if r.kind == keyEvent && r.down != 0 && r.char != 0 {
			return true, nil
		}
		if ok, _, err := readConsoleInput.Call(uintptr(console), uintptr(unsafe.Pointer(&r)), 1, uintptr(unsafe.Pointer(&n))); ok == 0 {
			return false, err
		}
	}
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
