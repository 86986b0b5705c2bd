// Package wasmtest assembles small WebAssembly modules for tests: those that
// no compiler would write, and plugins that misbehave in one place. It checks
// nothing, because broken modules are what it is for.
package wasmtest

// Value types.
const (
	I32 = 0x7f
	I64 = 0x7e
)

// Func is a function of a module.
type Func struct {
	Name    string // exported under it, unless empty
	Params  []byte
	Results []byte
	Locals  []byte
	Code    []byte // without the end that closes it
}

// Import is an imported function.
type Import struct {
	Module, Name    string
	Params, Results []byte
}

// Data is a segment of memory.
type Data struct {
	At    int
	Bytes []byte
}

// At is a segment at a place.
func At(place int, b []byte) Data { return Data{At: place, Bytes: b} }

// Module is what Bytes assembles. Functions count from the imports on.
type Module struct {
	Imports []Import
	Funcs   []Func
	Pages   uint32 // of the memory, exported as memory unless NoMemory
	Tables  []uint32
	Entries []uint32 // functions in the first table, from its beginning
	Globals int      // mutable i32 ones
	Start   int      // function to start with; 0 is none, so it cannot be the first
	Data    []Data

	NoMemory bool
}

// Bytes is the module in its binary form.
func (m Module) Bytes() []byte {
	var types, imports, funcs, exports, code [][]byte
	signature := func(params, results []byte) []byte {
		types = append(types, join([]byte{0x60}, sized(params), sized(results)))
		return U32(uint32(len(types) - 1))
	}
	for _, i := range m.Imports {
		imports = append(imports, join(sized([]byte(i.Module)), sized([]byte(i.Name)), []byte{0}, signature(i.Params, i.Results)))
	}
	for n, f := range m.Funcs {
		funcs = append(funcs, signature(f.Params, f.Results))
		if f.Name != "" {
			exports = append(exports, join(sized([]byte(f.Name)), []byte{0}, U32(uint32(len(m.Imports)+n))))
		}
		var locals [][]byte
		for _, t := range f.Locals {
			locals = append(locals, []byte{1, t})
		}
		code = append(code, sized(join(vector(locals), f.Code, []byte{0x0b})))
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	section := func(id byte, body []byte) { out = join(out, []byte{id}, sized(body)) }
	section(1, vector(types))
	if len(imports) > 0 {
		section(2, vector(imports))
	}
	section(3, vector(funcs))
	if len(m.Tables) > 0 {
		var tables [][]byte
		for _, n := range m.Tables {
			tables = append(tables, join([]byte{0x70, 0}, U32(n)))
		}
		section(4, vector(tables))
	}
	if !m.NoMemory {
		section(5, join([]byte{1, 0}, U32(m.Pages)))
		exports = append(exports, join(sized([]byte("memory")), []byte{2, 0}))
	}
	if m.Globals > 0 {
		var globals [][]byte
		for range m.Globals {
			globals = append(globals, []byte{I32, 1, 0x41, 0, 0x0b})
		}
		section(6, vector(globals))
	}
	section(7, vector(exports))
	if m.Start > 0 {
		section(8, U32(uint32(m.Start)))
	}
	if len(m.Entries) > 0 {
		var entries [][]byte
		for _, f := range m.Entries {
			entries = append(entries, U32(f))
		}
		section(9, join([]byte{1, 0}, Const32(0), []byte{0x0b}, vector(entries)))
	}
	section(10, vector(code))
	if len(m.Data) > 0 {
		var data [][]byte
		for _, d := range m.Data {
			data = append(data, join([]byte{0}, Const32(int32(d.At)), []byte{0x0b}, sized(d.Bytes)))
		}
		section(11, vector(data))
	}
	return out
}

func vector(entries [][]byte) []byte { return append(U32(uint32(len(entries))), join(entries...)...) }

func sized(b []byte) []byte { return append(U32(uint32(len(b))), b...) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// U32 is an unsigned number as modules hold it.
func U32(v uint32) []byte {
	var out []byte
	for ; v >= 0x80; v >>= 7 {
		out = append(out, byte(v)|0x80)
	}
	return append(out, byte(v))
}

func signed(v int64) []byte {
	var out []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

// Code joins instructions.
func Code(parts ...[]byte) []byte { return join(parts...) }

// Op is instructions that take nothing from the module.
func Op(ops ...byte) []byte { return ops }

// Const32 puts a number on the stack.
func Const32(v int32) []byte { return append([]byte{0x41}, signed(int64(v))...) }

// Const64 puts a number on the stack.
func Const64(v int64) []byte { return append([]byte{0x42}, signed(v)...) }

// Packed puts a place and a size on the stack, as the ABI returns them.
func Packed(ptr, size uint32) []byte { return Const64(int64(uint64(ptr)<<32 | uint64(size))) }

// Get, Set, GlobalGet, GlobalSet and Call take an index.
func Get(local uint32) []byte { return append([]byte{0x20}, U32(local)...) }

// Set pops into a local.
func Set(local uint32) []byte { return append([]byte{0x21}, U32(local)...) }

// GlobalGet pushes a global.
func GlobalGet(i uint32) []byte { return append([]byte{0x23}, U32(i)...) }

// GlobalSet pops into a global.
func GlobalSet(i uint32) []byte { return append([]byte{0x24}, U32(i)...) }

// Call calls a function; imports count first.
func Call(f uint32) []byte { return append([]byte{0x10}, U32(f)...) }

// Load32 pops an address and pushes the i32 at offset from it.
func Load32(offset uint32) []byte { return append([]byte{0x28, 2}, U32(offset)...) }

// Load8 pops an address and pushes the byte at offset from it.
func Load8(offset uint32) []byte { return append([]byte{0x2d, 0}, U32(offset)...) }

// Store32 pops a value and an address.
func Store32(offset uint32) []byte { return append([]byte{0x36, 2}, U32(offset)...) }

// Loop repeats its body while the number that it leaves is not 0.
func Loop(body ...[]byte) []byte {
	return Code(Op(0x03, 0x40), join(body...), Op(0x0d, 0, 0x0b))
}

// Forever never ends.
func Forever(body ...[]byte) []byte {
	return Code(Op(0x03, 0x40), join(body...), Op(0x0c, 0, 0x0b))
}

// If runs its body when the number on the stack is not 0.
func If(body ...[]byte) []byte { return Code(Op(0x04, 0x40), join(body...), Op(0x0b)) }

// Instructions without operands.
var (
	Add         = Op(0x6a)
	Sub         = Op(0x6b)
	Mul         = Op(0x6c)
	DivU        = Op(0x6e)
	Eq          = Op(0x46)
	Ne          = Op(0x47)
	Less        = Op(0x49)
	Drop        = Op(0x1a)
	Return      = Op(0x0f)
	Unreachable = Op(0x00)
	Widen       = Op(0xad) // i32 to i64, unsigned
	Or64        = Op(0x84)
	Shl64       = Op(0x86)
	MemoryGrow  = Op(0x40, 0)
	MemoryFill  = Op(0xfc, 11, 0)
)
