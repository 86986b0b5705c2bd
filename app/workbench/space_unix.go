//go:build unix

package workbench

import "golang.org/x/sys/unix"

// freeSpace is how many bytes a folder's file system has left for us.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
