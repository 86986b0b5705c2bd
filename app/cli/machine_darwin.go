package cli

import "golang.org/x/sys/unix"

// freeSpace is how many bytes the user may still write below dir.
func freeSpace(dir string) (bytes int64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}

// availableMemory is not told by this system in a way that means the same.
func availableMemory() (free, limit int64, known bool) { return 0, 0, false }
