package cli

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// freeSpace is how many bytes the user may still write below dir.
func freeSpace(dir string) (bytes int64, known bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * st.Bsize, true
}

// availableMemory is how many bytes this process may still use, and the limit
// of its control group (0: none).
func availableMemory() (free, limit int64, known bool) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, 0, false
			}
			free = kib << 10
		}
	}
	limit = readNumber("/sys/fs/cgroup/memory.max")
	if used := readNumber("/sys/fs/cgroup/memory.current"); limit > 0 {
		free = min(free, max(0, limit-used))
	}
	return free, limit, true
}

// readNumber reads a number from a file; "max", or no file, is 0.
func readNumber(path string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
