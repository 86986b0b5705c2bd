package meter

import "fmt"

// writer copies a section and changes what must change on the way: the
// indices of functions, which move by one behind our import, and the places
// where the count is taken.
type writer struct {
	m   module
	r   *reader
	out []byte

	// Of the code of a function:
	kept    bool   // the count is in a local variable
	counter []byte // which one
	locals  uint64 // the function's own
	loops   bool   // it has some
	labels  []label
	depth   int // how many blocks are open in what is written
}

func (w *writer) copyByte() byte {
	c := w.r.byte()
	w.out = append(w.out, c)
	return c
}

func (w *writer) copyBytes(n uint32) { w.out = append(w.out, w.r.bytes(n)...) }

func (w *writer) copyU32() uint32 {
	v := w.r.u32()
	w.out = appendU32(w.out, v)
	return v
}

func (w *writer) copyLEB(n int) {
	start := w.r.i
	w.r.skipLEB(n)
	w.out = append(w.out, w.r.b[start:w.r.i]...)
}

// index copies an index that must be under a bound: one at the bound would
// reach what is added.
func (w *writer) index(bound uint32) {
	if w.copyU32() >= bound {
		panic(errMalformed)
	}
}

// function copies the index of a function.
func (w *writer) function() {
	v := w.r.u32()
	if v == 1<<32-1 {
		panic(errMalformed) // one more would be the first
	}
	if v >= w.m.imports {
		v++
	}
	w.out = appendU32(w.out, v)
}

// global copies the index of a global. The original has none behind its own:
// those are ours, and a module must not reach them.
func (w *writer) global() { w.index(w.m.globals) }

// valueType copies the type of a value. Only those of one byte are known: the
// runtime reads some longer ones even where it does not support them, and what
// is an operand here would be an instruction there, a loop that never counts.
func (w *writer) valueType() {
	switch t := w.copyByte(); t {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b: // i32, i64, f32, f64, v128
	case 0x70, 0x6f: // funcref, externref
	default:
		panic(unknownType(t))
	}
}

func (w *writer) valueTypes() {
	for range w.copyU32() {
		w.valueType()
	}
}

// referenceType copies the type of a reference: of a table's elements, of
// those of a segment, of null.
func (w *writer) referenceType() {
	if t := w.copyByte(); t != 0x70 && t != 0x6f {
		panic(unknownType(t))
	}
}

// blockType copies the type of a block: none, that of one value, or an index.
func (w *writer) blockType() {
	switch c := w.r.peek(); {
	case c == 0x40:
		w.copyByte()
	case c&0xc0 == 0x40: // one byte, and negative
		w.valueType()
	default:
		w.index(w.m.types)
	}
}

// importEntries copies the imports, of which survey knows the kinds.
func (w *writer) importEntries() {
	for range w.copyU32() {
		w.copyBytes(w.copyU32()) // module
		w.copyBytes(w.copyU32()) // name
		switch w.copyByte() {
		case 0:
			w.index(w.m.types)
		case 2:
			start := w.r.i
			w.r.limits()
			w.out = append(w.out, w.r.b[start:w.r.i]...)
		case 3:
			w.valueType()
			w.copyByte() // mutability
		}
	}
}

// functions copies the section that gives each function its type.
func (w *writer) functions() {
	for range w.copyU32() {
		w.index(w.m.types)
	}
}

// signatures copies the types of functions.
func (w *writer) signatures() {
	for range w.copyU32() {
		if w.copyByte() != 0x60 {
			panic(errMalformed)
		}
		w.valueTypes() // parameters
		w.valueTypes() // results
	}
}

// data copies the segments of memory.
func (w *writer) data() {
	for range w.copyU32() {
		switch flags := w.copyU32(); flags {
		case 0:
			w.expr(false)
		case 1: // passive
		case 2:
			w.copyU32() // memory
			w.expr(false)
		default:
			panic(errMalformed)
		}
		w.copyBytes(w.copyU32())
	}
}

func (w *writer) globals() {
	for range w.copyU32() {
		w.valueType()
		w.copyByte() // mutability
		w.expr(false)
	}
}

// tables copies the table section and bounds what each table may grow to.
func (w *writer) tables() {
	n := w.copyU32()
	if n > maxTables {
		panic(refusal(fmt.Sprintf("it has %d tables, more than %d", n, maxTables)))
	}
	for range n {
		w.referenceType()
		flags, most := w.r.byte(), uint32(maxElements)
		least := w.r.u32()
		if flags > 1 {
			panic(errMalformed)
		}
		if flags == 1 {
			most = min(most, w.r.u32())
		}
		if least > maxElements {
			panic(refusal(fmt.Sprintf("its table has %d elements, more than %d", least, maxElements)))
		}
		w.out = appendU32(appendU32(append(w.out, 1), least), most)
	}
}

func (w *writer) exports() {
	for range w.copyU32() {
		w.copyBytes(w.copyU32())
		switch kind := w.copyByte(); kind {
		case 0:
			w.function()
		case 3:
			w.global()
		case 1, 2: // table, memory
			w.copyU32()
		default:
			panic(errMalformed)
		}
	}
}

// elements copies the element section (bulk memory and reference types,
// section 5.5.12 of the specification).
func (w *writer) elements() {
	for range w.copyU32() {
		flags := w.copyU32()
		if flags > 7 {
			panic(errMalformed)
		}
		passive, explicit, exprs := flags&1 != 0, flags&2 != 0, flags&4 != 0
		if !passive {
			if explicit {
				w.copyU32() // table
			}
			w.expr(false)
		}
		switch {
		case (passive || explicit) && exprs:
			w.referenceType()
		case passive || explicit:
			if w.copyByte() != 0 { // functions are the only kind there is
				panic(errMalformed)
			}
		}
		for range w.copyU32() {
			if exprs {
				w.expr(false)
			} else {
				w.function()
			}
		}
	}
}

// code copies the bodies of functions.
func (w *writer) code() {
	all := uint64(0)
	for n := range w.copyU32() {
		raw := w.r.bytes(w.r.u32())
		body := w.m.body(n, raw, w.m.keepsCount(n))
		if body.kept && !body.loops {
			body = w.m.body(n, raw, false)
		}
		if all += body.locals; body.locals > maxLocals || all > maxAllLocals {
			panic(refusal("it has more local variables than plugins may have"))
		}
		w.out = append(appendU32(w.out, uint32(len(body.out))), body.out...)
	}
}

// keepsCount reports whether function n can keep the count in a local variable:
// around its code goes a block, and one with several results would need a type.
func (m module) keepsCount(n uint32) bool {
	return int(n) < len(m.functions) && m.signatures[m.functions[n]].results < 2
}

// body copies the code of function n, counted by count. With kept, the count is
// in a local variable of its own, which the runtime can hold in a register
// while a loop runs: a global goes to memory and back at each turn. The global
// has it when another function runs.
func (m module) body(n uint32, raw []byte, kept bool) *writer {
	w := &writer{m: m, r: &reader{b: raw}, kept: kept}
	groups := w.r.u32()
	if kept {
		w.out = appendU32(w.out, groups+1)
	} else {
		w.out = appendU32(w.out, groups)
	}
	for range groups {
		w.locals += uint64(w.copyU32())
		w.valueType()
	}
	if !kept {
		w.count()
		w.expr(true)
	} else {
		if w.locals > maxLocals {
			return w // is refused
		}
		f := m.signatures[m.functions[n]]
		w.counter = appendU32(nil, f.params+uint32(w.locals))
		w.out = append(w.out, 1, 0x7e) // one more, an i64
		w.take()
		w.count()
		// What leaves the function leaves this block, and gives the count back.
		w.out = append(w.out, 0x02, f.block)
		w.expr(true)
		w.give()
		w.out = append(w.out, 0x0b)
	}
	if !w.r.end() {
		panic(errMalformed)
	}
	return w
}

// take puts the count of all into the function's own.
func (w *writer) take() {
	w.out = appendU32(append(w.out, 0x23), w.m.globals)
	w.out = append(append(w.out, 0x21), w.counter...)
}

// give puts the function's own count into that of all.
func (w *writer) give() {
	w.out = append(append(w.out, 0x20), w.counter...)
	w.out = appendU32(append(w.out, 0x24), w.m.globals)
}

// count takes one from the counter and calls the host when it is used up:
//
//	counter = counter - 1
//	if counter <= 0 { yield(); counter = Quantum }
func (w *writer) count() {
	if w.kept {
		w.less()
		w.unlessLeft(w.m.quantum)
		return
	}
	g := appendU32(nil, w.m.globals)
	get, set := append([]byte{0x23}, g...), append([]byte{0x24}, g...)
	w.out = append(w.out, get...)
	w.out = append(w.out, 0x42, 1, 0x7d) // i64.const 1, i64.sub
	w.out = append(w.out, set...)
	w.out = append(w.out, get...)
	w.out = append(w.out, 0x42, 0, 0x57, 0x04, 0x40, 0x10) // i64.const 0, i64.le_s, if, call
	w.out = appendU32(w.out, w.m.imports)
	w.out = appendS64(append(w.out, 0x42), w.m.quantum)
	w.out = append(w.out, set...)
	w.out = append(w.out, 0x0b)
}

// bulk takes what the next instruction moves from the counter. The number is
// on top of the stack, and is there again afterwards:
//
//	scratch = n; counter = counter - n >> bulkShift; count; n
func (w *writer) bulk() {
	counter, scratch := appendU32(nil, w.m.globals), appendU32(nil, w.m.globals+1)
	get, set := byte(0x23), byte(0x24)
	if w.kept {
		counter, get, set = w.counter, 0x20, 0x21
	}
	w.out = append(append(w.out, 0x24), scratch...)
	w.out = append(append(w.out, get), counter...)
	w.out = append(append(w.out, 0x23), scratch...)
	w.out = append(w.out, 0xad, 0x42, bulkShift, 0x88, 0x7d) // i64.extend_i32_u, i64.const, i64.shr_u, i64.sub
	w.out = append(append(w.out, set), counter...)
	w.count()
	w.out = append(append(w.out, 0x23), scratch...)
}

// expr copies instructions up to the end that closes them.
func (w *writer) expr(counted bool) {
	w.open(1)
	for n := 1; len(w.labels) > 0; n++ {
		if counted && n%stretch == 0 {
			w.count()
		}
		switch op := w.r.byte(); {
		case op == 0x03 && counted:
			w.loop()
		case op == 0x02, op == 0x03, op == 0x04: // block, loop, if
			w.out = append(w.out, op)
			w.blockType()
			w.open(1)
		case op == 0x0b: // end
			w.close()
		case op == 0x0f && w.kept: // return, which has to give the count back
			w.out = appendU32(append(w.out, 0x0c), uint32(w.depth-w.labels[0].depth))
		case op == 0x10, op == 0x11: // call, call_indirect
			w.call(op)
		default:
			w.out = append(w.out, op)
			w.instruction(op)
		}
	}
}

// label is what a branch can go to.
type label struct {
	depth  int // how many blocks are open in what is written
	blocks int // how many it takes there
}

func (w *writer) open(blocks int) {
	w.depth += blocks
	w.labels = append(w.labels, label{w.depth, blocks})
}

func (w *writer) close() {
	last := w.labels[len(w.labels)-1]
	w.labels = w.labels[:len(w.labels)-1]
	w.depth -= last.blocks
	for range last.blocks {
		w.out = append(w.out, 0x0b)
	}
}

// branch copies the label of a branch.
func (w *writer) branch() {
	n := w.r.u32()
	if uint64(n) >= uint64(len(w.labels)) {
		panic(errMalformed)
	}
	w.out = appendU32(w.out, uint32(w.depth-w.labels[len(w.labels)-1-int(n)].depth))
}

// loop writes the head of a loop that counts. Where the count is in a variable,
// the host is called by a loop around it, which is gone back to when the count
// is used up: a call in the loop itself would make the compiler keep all that
// the loop works on in memory, and not in registers.
//
//	loop
//	  if counter <= 0 { yield(); counter = Quantum + 1 }
//	  loop
//	    counter = counter - 1
//	    br_if 1 (counter <= 0)
func (w *writer) loop() {
	w.loops = true
	from := w.r.i
	w.out = append(w.out, 0x03)
	w.blockType()
	if !w.kept {
		w.open(1)
		w.count()
		return
	}
	kind := w.r.b[from:w.r.i]
	w.open(2)
	w.out = append(append(w.out, 0x20), w.counter...)
	w.unlessLeft(w.m.quantum + 1)
	w.out = append(append(w.out, 0x03), kind...)
	w.less()
	w.out = append(w.out, 0x42, 0, 0x57, 0x0d, 1) // i64.const 0, i64.le_s, br_if 1
}

// less takes one from the function's own count, and leaves what is left.
func (w *writer) less() {
	w.out = append(append(w.out, 0x20), w.counter...)
	w.out = append(w.out, 0x42, 1, 0x7d) // i64.const 1, i64.sub
	w.out = append(append(w.out, 0x22), w.counter...)
}

// unlessLeft calls the host when the count on the stack is used up, and sets
// the function's own.
func (w *writer) unlessLeft(quantum int64) {
	w.out = append(w.out, 0x42, 0, 0x57, 0x04, 0x40, 0x10) // i64.const 0, i64.le_s, if, call
	w.out = appendU32(w.out, w.m.imports)
	w.out = appendS64(append(w.out, 0x42), quantum)
	w.out = append(append(w.out, 0x21), w.counter...)
	w.out = append(w.out, 0x0b)
}

// call copies a call, around which the count of all is the one that is right.
// What is imported does not count.
func (w *writer) call(op byte) {
	inside := w.kept && (op == 0x11 || w.r.peekU32() >= w.m.imports)
	if inside {
		w.give()
	}
	w.out = append(w.out, op)
	w.instruction(op)
	if inside {
		w.take()
	}
}

// instruction copies what follows an opcode.
func (w *writer) instruction(op byte) {
	switch {
	case op == 0x10, op == 0xd2: // call, ref.func
		w.function()
	case op == 0x23, op == 0x24: // global.get, global.set
		w.global()
	case op == 0x0c, op == 0x0d: // br, br_if
		w.branch()
	case op >= 0x20 && op <= 0x26: // locals, table.get, table.set
		w.copyU32()
	case op == 0x0e: // br_table
		for range w.copyU32() {
			w.branch()
		}
		w.branch()
	case op == 0x11: // call_indirect
		w.index(w.m.types)
		w.copyU32()
	case op == 0x1c: // select with types
		w.valueTypes()
	case op >= 0x28 && op <= 0x3e: // loads and stores
		w.copyU32()
		w.copyLEB(10)
	case op == 0x3f, op == 0x40: // memory.size, memory.grow
		w.copyByte()
	case op == 0x41: // i32.const
		w.copyLEB(5)
	case op == 0x42: // i64.const
		w.copyLEB(10)
	case op == 0x43:
		w.copyBytes(4)
	case op == 0x44:
		w.copyBytes(8)
	case op == 0xd0: // ref.null
		w.referenceType()
	case op == 0xfc:
		w.out = w.out[:len(w.out)-1] // the count may come before it
		w.miscellaneous()
	case op == 0xfd:
		w.vector()
	case op == 0x00, op == 0x01, op == 0x05, op == 0x0f, op == 0x1a, op == 0x1b, op == 0xd1, op >= 0x45 && op <= 0xc4:
	default:
		panic(unknownInstruction(fmt.Sprintf("0x%02x", op)))
	}
}

// miscellaneous copies the instructions behind 0xfc.
func (w *writer) miscellaneous() {
	op := w.r.u32()
	switch op {
	case 8, 10, 11, 12, 14, 15, 17: // those with a size on top of the stack
		w.bulk()
	}
	w.out = appendU32(append(w.out, 0xfc), op)
	switch op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // saturating conversions
	case 9, 11, 13, 15, 16, 17: // data.drop, memory.fill, elem.drop, table.grow, table.size, table.fill
		w.copyU32()
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		w.copyU32()
		w.copyU32()
	default:
		panic(unknownInstruction(fmt.Sprintf("0xfc %d", op)))
	}
}

// vector copies the SIMD instructions, behind 0xfd.
func (w *writer) vector() {
	switch op := w.copyU32(); {
	case op <= 11, op == 92, op == 93: // loads and a store
		w.copyU32()
		w.copyLEB(10)
	case op == 12, op == 13: // v128.const, i8x16.shuffle
		w.copyBytes(16)
	case op >= 21 && op <= 34: // lanes
		w.copyByte()
	case op >= 84 && op <= 91: // loads and stores of a lane
		w.copyU32()
		w.copyLEB(10)
		w.copyByte()
	case op <= 255:
	default:
		panic(unknownInstruction(fmt.Sprintf("0xfd %d", op)))
	}
}
