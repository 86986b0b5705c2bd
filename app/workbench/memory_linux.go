package workbench

import (
	"fmt"
	"os"
)

// MemoryUsed is what of the process lies in memory.
func MemoryUsed() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(data), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
