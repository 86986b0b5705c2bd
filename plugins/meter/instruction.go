package meter

import "fmt"

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
