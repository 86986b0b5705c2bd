package meter

// code copies the bodies of functions.
func (w *writer) code() {
	all := uint64(0)
	for n := range w.copyU32() {
		raw := w.r.bytes(w.r.u32())
		body := w.m.body(n, raw, w.m.keepsCount(n))
		if body.kept && (!body.loops || body.switches) {
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
// One that jumps by a switch does not: most of its jumps do not count at all, and
// there are more calls, around which the count is given and taken, than turns.
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
		if w.switches {
			return w // is written anew
		}
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

// expr copies instructions up to the end that closes them.
func (w *writer) expr(counted bool) {
	w.open(1)
	for n := 1; len(w.labels) > 0 && !(w.kept && w.switches); n++ {
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
		case op == 0x41: // i32.const, which may say where a jump goes to
			w.out = append(w.out, op)
			w.jump()
		default:
			w.out = append(w.out, op)
			w.instruction(op)
		}
	}
}

// label is what a branch can go to.
type label struct {
	depth  int       // how many blocks are open in what is written
	blocks int       // how many it takes there
	number int       // how many were opened before it
	turns  *dispatch // of a loop that begins with one
}

func (w *writer) open(blocks int) {
	w.depth += blocks
	w.labels = append(w.labels, label{depth: w.depth, blocks: blocks, number: w.opened})
	w.opened++
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
	kind := w.r.b[from:w.r.i]
	if !w.kept {
		w.open(1)
		w.count()
	} else {
		w.open(2)
		w.out = append(append(w.out, 0x20), w.counter...)
		w.unlessLeft(w.m.quantum + 1)
		w.out = append(append(w.out, 0x03), kind...)
		w.less()
		w.out = append(w.out, 0x42, 0, 0x57, 0x0d, 1) // i64.const 0, i64.le_s, br_if 1
	}
	if kind[0] == 0x40 {
		d := w.r.dispatch()
		w.labels[len(w.labels)-1].turns, w.switches = d, w.switches || d != nil
	}
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
