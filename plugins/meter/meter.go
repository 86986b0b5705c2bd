// Package meter rewrites a WebAssembly module so that it can be stopped: at
// every loop and every function entry it counts down, and when the count is
// used up it calls the host. A module that never returns then gives the host
// a chance to look at the clock, and Go's collector a chance to run. Long
// stretches of code without a loop count too, and instructions that move much
// memory count by what they move, so that the time between two looks is bounded.
//
// It also bounds tables, which no option of wazero does.
//
// wazero's own guard does the same for six to ten times the price of the loop.
// The rewriter knows the WebAssembly 1.0 instructions and the extensions for
// sign extension, saturating conversion, bulk memory, reference types and
// SIMD; a module with any other is refused.
package meter

import "fmt"

// Module and Name are the import that the rewritten module calls.
const (
	Module = "tidemark"
	Name   = "yield"
)

// Version changes whenever Rewrite gives another module for the same input.
const Version = 3

// Quantum is how many loops and calls pass between two calls of the host.
const Quantum = 65536

// What counts as one more step: so many instructions without a loop, and
// 1 << bulkShift bytes or elements moved at once.
const (
	stretch   = 1024
	bulkShift = 6
)

// maxEntries is how many types, functions and so on a module may have.
const maxEntries = 1 << 18

// A few bytes can declare any number of locals, for which the compiler makes
// room: these bound one function's, and all of them together.
const (
	maxLocals    = 50_000
	maxAllLocals = 1 << 22
)

// Tables take memory of the host's, eight bytes an element.
const (
	maxTables   = 8
	maxElements = 1 << 18
)

// Sections of a module.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
)

type section struct {
	id   byte
	body []byte
}

// module is what the rewriter needs to know while it goes.
type module struct {
	types   uint32 // number of types, and so the index of ours
	imports uint32 // imported functions, and so the index of ours
	globals uint32 // all globals, and so the index of the counter; the scratch follows

	quantum    int64
	signatures []signature
	functions  []uint32 // the types of those that have code
}

// refusal is why a module is not rewritten. The parts of the rewriter panic
// with it, and with nothing else; Rewrite returns it.
type refusal string

func (r refusal) Error() string { return string(r) }

// errMalformed says that the bytes are no module; the compiler would say so too.
const errMalformed refusal = "it is not a valid WebAssembly module"

func unknownType(t byte) refusal {
	return refusal(fmt.Sprintf("it uses the type 0x%02x, which plugins may not have", t))
}

func unknownInstruction(op string) refusal {
	return refusal("it uses the instruction " + op + ", which plugins may not have")
}

// Rewrite gives the metered module. It never changes the input.
func Rewrite(wasm []byte) (out []byte, err error) { return rewriteEvery(wasm, Quantum) }

// rewriteEvery calls the host each quantum steps.
func rewriteEvery(wasm []byte, quantum int64) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			out, err = nil, e
		}
	}()
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" || string(wasm[4:8]) != "\x01\x00\x00\x00" {
		return nil, errMalformed
	}
	sections := split(wasm[8:])
	m := survey(sections)
	m.quantum = quantum
	return assemble(m, sections), nil
}

func split(b []byte) []section {
	r := &reader{b: b}
	var out []section
	last := 0
	for !r.end() {
		id := r.byte()
		body := r.bytes(r.u32())
		if id == secCustom {
			continue // names and debug data speak of the old indices
		}
		// A section that comes twice would be counted twice here and once there.
		if id > secDataCount || order(id) <= last {
			panic(errMalformed)
		}
		last = order(id)
		s := section{id, body}
		s.bound()
		out = append(out, s)
	}
	return out
}

// bound looks at how many entries a section says it has: the compiler makes
// room for them before it reads the first.
func (s section) bound() {
	if s.id == secStart || s.id == secDataCount {
		return
	}
	r := &reader{b: s.body}
	n := r.u32()
	if uint64(n) > uint64(len(s.body)) {
		panic(errMalformed)
	}
	if n > maxEntries {
		panic(refusal(fmt.Sprintf("it has %d entries in section %d, more than %d", n, s.id, maxEntries)))
	}
}

func assemble(m module, sections []section) []byte {
	out := append([]byte(nil), "\x00asm\x01\x00\x00\x00"...)
	have := map[byte]bool{}
	for _, s := range sections {
		have[s.id] = true
	}
	done := map[byte]bool{}
	emit := func(id byte, body []byte) {
		done[id] = true
		out = append(out, id)
		out = append(appendU32(out, uint32(len(body))), body...)
	}
	// missing adds our own type, import and global where the module has no
	// section of that kind, before the section that must come after.
	missing := func(before byte) {
		for _, id := range []byte{secType, secImport, secGlobal} {
			if !have[id] && !done[id] && order(id) < order(before) {
				emit(id, m.section(id, nil))
			}
		}
	}
	for _, s := range sections {
		missing(s.id)
		emit(s.id, m.section(s.id, s.body))
	}
	missing(255)
	return out
}

// order is where a section stands; the data count comes before the code.
func order(id byte) int {
	if id == secDataCount {
		return 2*secCode - 1
	}
	return 2 * int(id)
}

// section rewrites one section; a nil body is an absent one.
func (m module) section(id byte, body []byte) []byte {
	switch id {
	case secType:
		types := body
		if body != nil {
			types = m.rewrite(body, (*writer).signatures)
		}
		return m.grow(types, []byte{0x60, 0, 0}) // () -> ()
	case secImport:
		imports := body
		if body != nil {
			imports = m.rewrite(body, (*writer).importEntries)
		}
		entry := appendName(appendName(nil, Module), Name)
		return m.grow(imports, appendU32(append(entry, 0), m.types))
	case secFunction:
		return m.rewrite(body, (*writer).functions)
	case secGlobal:
		globals := body
		if body != nil {
			globals = m.rewrite(body, (*writer).globals)
		}
		counter := append([]byte{0x7e, 1, 0x42}, appendS64(nil, m.quantum)...) // mutable i64
		scratch := []byte{0x7f, 1, 0x41, 0, 0x0b}                              // mutable i32
		return m.grow(m.grow(globals, append(counter, 0x0b)), scratch)
	case secTable:
		return m.rewrite(body, (*writer).tables)
	case secExport:
		return m.rewrite(body, (*writer).exports)
	case secStart:
		return m.rewrite(body, (*writer).function)
	case secElement:
		return m.rewrite(body, (*writer).elements)
	case secCode:
		return m.rewrite(body, (*writer).code)
	case secData:
		return m.rewrite(body, (*writer).data)
	}
	return body
}

// rewrite copies a section by one of the writer's methods.
func (m module) rewrite(body []byte, by func(*writer)) []byte {
	w := &writer{m: m, r: &reader{b: body}}
	by(w)
	if !w.r.end() {
		panic(errMalformed)
	}
	return w.out
}

// grow adds one entry at the end of a vector.
func (m module) grow(body, entry []byte) []byte {
	if body == nil {
		return append([]byte{1}, entry...)
	}
	r := &reader{b: body}
	n := r.u32()
	if n == 1<<32-1 {
		panic(errMalformed)
	}
	return append(append(appendU32(nil, n+1), r.b[r.i:]...), entry...)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte {
	return append(appendU32(b, uint32(len(s))), s...)
}
