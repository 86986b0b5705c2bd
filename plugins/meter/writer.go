package meter

// writer copies a section and changes what must change on the way: the
// indices of functions, which move by one behind our import, and the places
// where the count is taken.
type writer struct {
	m   module
	r   *reader
	out []byte

	// Of the code of a function:
	kept     bool   // the count is in a local variable
	counter  []byte // which one
	locals   uint64 // the function's own
	loops    bool   // it has some
	switches bool   // one of them begins with a dispatch
	labels   []label
	opened   int // how many labels there were
	depth    int // how many blocks are open in what is written
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
