package cli

import "golang.org/x/sys/windows"

// freeSpace is how many bytes the user may still write below dir.
func freeSpace(dir string) (bytes int64, known bool) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, false
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, false
	}
	return int64(free), true
}

// availableMemory is not told by this system in a way that means the same.
func availableMemory() (free, limit int64, known bool) { return 0, 0, false }
