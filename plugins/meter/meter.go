// Package meter rewrites a WebAssembly module so that it can be stopped: at
// every loop and every function entry it counts down, and when the count is
// used up it calls the host. A module that never returns then gives the host
// a chance to look at the clock, and Go's collector a chance to run.
//
// wazero's own guard does the same for six to ten times the price of the loop.
// The rewriter knows the WebAssembly 1.0 instructions and the extensions for
// sign extension, saturating conversion, bulk memory, reference types and
// SIMD; a module with any other is refused.
package meter

import (
	"errors"
	"fmt"
)

// Module and Name are the import that the rewritten module calls.
const (
	Module = "tidemark"
	Name   = "yield"
)

// Quantum is how many loops and calls pass between two calls of the host.
const Quantum = 65536

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
	types     uint32 // number of types, and so the index of ours
	imports   uint32 // imported functions, and so the index of ours
	globals   uint32 // all globals, and so the index of the counter
	functions uint32
}

// errMalformed says that the bytes are no module; the compiler would say so too.
var errMalformed = errors.New("it is not a valid WebAssembly module")

// Rewrite gives the metered module. It never changes the input.
func Rewrite(wasm []byte) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok && (errors.Is(e, errMalformed) || errors.As(e, new(*unknownError))) {
				out, err = nil, e
				return
			}
			panic(r)
		}
	}()
	if len(wasm) < 8 || string(wasm[:4]) != "\x00asm" || string(wasm[4:8]) != "\x01\x00\x00\x00" {
		return nil, errMalformed
	}
	sections := split(wasm[8:])
	m := survey(sections)
	return assemble(m, sections), nil
}

// unknownError names an instruction that the rewriter does not know.
type unknownError struct{ op string }

func (e *unknownError) Error() string {
	return "it uses the instruction " + e.op + ", which plugins may not have"
}

func split(b []byte) []section {
	r := &reader{b: b}
	var out []section
	for !r.end() {
		id := r.byte()
		out = append(out, section{id, r.bytes(r.u32())})
	}
	return out
}

func survey(sections []section) module {
	var m module
	for _, s := range sections {
		r := &reader{b: s.body}
		switch s.id {
		case secType:
			m.types = r.u32()
		case secImport:
			for range r.u32() {
				r.name()
				r.name()
				switch kind := r.byte(); kind {
				case 0:
					r.u32()
					m.imports++
				case 1:
					r.byte()
					r.limits()
				case 2:
					r.limits()
				case 3:
					r.byte()
					r.byte()
					m.globals++
				default:
					panic(errMalformed)
				}
			}
		case secFunction:
			m.functions = r.u32()
		case secGlobal:
			m.globals += r.u32()
		}
	}
	return m
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
		if s.id == secCustom {
			continue // names and debug data speak of the old indices
		}
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
	r := &reader{b: body}
	switch id {
	case secType:
		return m.grow(body, []byte{0x60, 0, 0}) // () -> ()
	case secImport:
		entry := appendName(appendName(nil, Module), Name)
		return m.grow(body, appendU32(append(entry, 0), m.types))
	case secGlobal:
		globals := body
		if body != nil {
			w := &writer{m: m, r: r}
			n := w.copyU32()
			for range n {
				w.copyBytes(2)
				w.expr(false)
			}
			globals = w.out
		}
		entry := append([]byte{0x7e, 1, 0x42}, appendS64(nil, Quantum)...) // mutable i64
		return m.grow(globals, append(entry, 0x0b))
	case secExport:
		w := &writer{m: m, r: r}
		for range w.copyU32() {
			w.copyBytes(int(w.copyU32()))
			if kind := w.copyByte(); kind == 0 {
				w.function()
			} else {
				w.copyU32()
			}
		}
		return w.out
	case secStart:
		w := &writer{m: m, r: r}
		w.function()
		return w.out
	case secElement:
		w := &writer{m: m, r: r}
		w.elements()
		return w.out
	case secCode:
		w := &writer{m: m, r: r}
		w.code()
		return w.out
	}
	return body
}

// grow adds one entry at the end of a vector.
func (m module) grow(body, entry []byte) []byte {
	if body == nil {
		return append([]byte{1}, entry...)
	}
	r := &reader{b: body}
	n := r.u32()
	return append(append(appendU32(nil, n+1), r.b[r.i:]...), entry...)
}

// reader reads a module; it panics with errMalformed past the end.
type reader struct {
	b []byte
	i int
}

func (r *reader) end() bool { return r.i >= len(r.b) }

func (r *reader) byte() byte {
	if r.end() {
		panic(errMalformed)
	}
	r.i++
	return r.b[r.i-1]
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(r.i)+uint64(n) > uint64(len(r.b)) {
		panic(errMalformed)
	}
	r.i += int(n)
	return r.b[r.i-int(n) : r.i]
}

func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				panic(errMalformed)
			}
			return uint32(v)
		}
	}
	panic(errMalformed)
}

// skipLEB passes over a number of at most n bytes.
func (r *reader) skipLEB(n int) {
	for range n {
		if r.byte() < 0x80 {
			return
		}
	}
	panic(errMalformed)
}

func (r *reader) name() { r.bytes(r.u32()) }

func (r *reader) limits() {
	flags := r.byte()
	r.u32()
	if flags&1 != 0 {
		r.u32()
	}
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

func hex(op byte) string { return fmt.Sprintf("0x%02x", op) }
