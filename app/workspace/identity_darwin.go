package workspace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identity tells a folder from another one that has its path later: by inode
// number and moment of creation.
func identity(dir string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return "", fmt.Errorf("look at %s: %w", dir, err)
	}
	return fmt.Sprintf("%d-%d.%09d", st.Ino, st.Btim.Sec, st.Btim.Nsec), nil
}
