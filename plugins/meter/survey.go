package meter

// signature is what counts of a function's type.
type signature struct {
	params, results uint32
	block           byte // the type of a block that gives the same, unless it has several results
}

func survey(sections []section) module {
	var m module
	for _, s := range sections {
		r := &reader{b: s.body}
		switch s.id {
		case secType:
			m.signatures = r.signatures()
			m.types = uint32(len(m.signatures))
		case secImport:
			for range r.u32() {
				r.name()
				r.name()
				switch kind := r.byte(); kind {
				case 0:
					r.u32()
					m.imports++
				case 1:
					panic(refusal("it imports a table, which plugins are not given"))
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
			m.functions = r.functions(m.types)
		case secGlobal:
			m.globals += r.u32()
		}
	}
	return m
}

// signatures reads the types; the writer looks at them more closely.
func (r *reader) signatures() (out []signature) {
	for range r.u32() {
		s := signature{block: 0x40}
		r.byte()
		s.params = r.u32()
		r.bytes(s.params)
		if s.results = r.u32(); s.results == 1 {
			s.block = r.peek()
		}
		r.bytes(s.results)
		out = append(out, s)
	}
	return out
}

func (r *reader) functions(types uint32) (out []uint32) {
	for range r.u32() {
		n := r.u32()
		if n >= types {
			panic(errMalformed)
		}
		out = append(out, n)
	}
	return out
}
