package meter

import "fmt"

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
