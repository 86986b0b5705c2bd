//go:build !linux

package workbench

import "runtime"

// MemoryUsed is what Go has of the machine; the database's part is not known.
func MemoryUsed() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
