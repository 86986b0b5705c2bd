package workspace

import (
	"fmt"
	"os"
	"syscall"
)

// identity tells a folder from another one that has its path later: by its
// moment of creation.
func identity(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", dir, err)
	}
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return "", fmt.Errorf("look at %s: no creation time", dir)
	}
	return fmt.Sprintf("%d", data.CreationTime.Nanoseconds()), nil
}
