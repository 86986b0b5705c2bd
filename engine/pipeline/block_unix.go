//go:build unix

package pipeline

import "golang.org/x/sys/unix"

// mapped gives memory of the system.
func mapped(size int) []byte {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return make([]byte, size) // what is wrong will show elsewhere, too
	}
	return b
}

func unmap(b []byte) { _ = unix.Munmap(b) }
