package wall

import (
	"fmt"
	"os"
)

func resident() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, all, files int64
	if _, err := fmt.Sscan(string(data), &size, &all, &files); err != nil {
		return 0
	}
	return (all - files) * int64(os.Getpagesize())
}
