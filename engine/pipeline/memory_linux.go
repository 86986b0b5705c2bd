package pipeline

import (
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile makes a file that no folder has: it lies in memory, and is gone
// when it is closed or the process ends, however it ends.
func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate("tidemark-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, stagingError(err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
