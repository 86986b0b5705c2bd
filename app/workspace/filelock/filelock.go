// Package filelock lets one process at a time hold a file. The operating
// system releases the lock when the process ends, however it ends.
package filelock

import (
	"errors"
	"os"
)

// ErrHeld says that another process, or another Lock of this one, has the lock.
var ErrHeld = errors.New("the lock is held")

// Lock is a lock that is held. It must not be copied.
type Lock struct{ file *os.File }

// Try takes the lock of the file at path, which is created if need be, or
// fails with ErrHeld at once.
func Try(path string) (*Lock, error) { return open(path, false) }

// Wait takes the lock of the file at path, waiting for as long as it takes.
// It is meant for locks that are held for moments only.
func Wait(path string) (*Lock, error) { return open(path, true) }

func open(path string, wait bool) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f, wait); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &Lock{f}, nil
}

// Unlock releases the lock. The file stays, so that nobody locks a file that
// has just lost its name.
func (l *Lock) Unlock() error { return l.file.Close() }
