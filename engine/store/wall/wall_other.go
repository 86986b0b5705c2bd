//go:build !linux || !cgo

package wall

// Set does nothing: there is no allocator to stand in front of.
func Set(int64) {}

// Held is not known here.
func Held() int64 { return 0 }

// Stands reports whether there is a wall on this machine.
const Stands = false
