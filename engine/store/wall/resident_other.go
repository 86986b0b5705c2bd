//go:build !linux

package wall

func resident() int64 { return 0 }
