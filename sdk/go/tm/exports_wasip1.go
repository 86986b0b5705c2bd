package tm

import (
	"runtime"
	"unsafe"
)

// Everything that the host points at is kept here, so that it stays in place.
var (
	request []uint64
	said    []byte
	out     Out
)

func packed(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	return uint64(uintptr(unsafe.Pointer(&b[0])))<<32 | uint64(len(b))
}

func memory(at, size uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&request[0])), int(size))
}

//go:wasmexport tm_abi_1
func abi() uint32 {
	if len(plugin.natives) > 0 {
		return 2
	}
	return 1
}

//go:wasmexport tm_manifest
func exportManifest() uint64 {
	said = manifest()
	return packed(said)
}

//go:wasmexport tm_alloc
func alloc(size uint32) uint32 {
	if n := int(size)/8 + 1; n > len(request) {
		request = make([]uint64, n)
	}
	return uint32(uintptr(unsafe.Pointer(&request[0])))
}

//go:wasmexport tm_init
func initialize(at, size uint32) uint64 {
	if plugin.start == nil {
		return 0
	}
	if err := plugin.start(memory(at, size)); err != nil {
		said = []byte(err.Error())
		return packed(said)
	}
	return 0
}

// call lets the scheduler run first: without that Go never collects what calls
// leave, and the memory grows to its limit.
//
//go:wasmexport tm_call
func call(n, at, size uint32) uint64 {
	runtime.Gosched()
	finds = finds[:0]
	return packed(out.call(plugin.functions[n], memory(at, size)))
}

//go:wasmimport tidemark log
func hostLog(level, at, size uint32)

// Log says something in the host's log: level 0 debug, 1 info, 2 warning, 3 error.
func Log(level uint32, text string) {
	if text != "" {
		hostLog(level, uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text)))
	}
}
