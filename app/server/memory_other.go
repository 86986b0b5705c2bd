//go:build !linux

package server

import "runtime"

// memoryUsed is what Go has of the machine; the database's part is not known.
func memoryUsed() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
