package meter

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

// peek gives the next byte and stays before it.
func (r *reader) peek() byte {
	c := r.byte()
	r.i--
	return c
}

// peekU32 gives the number that comes next and stays before it.
func (r *reader) peekU32() uint32 {
	at := r.i
	defer func() { r.i = at }()
	return r.u32()
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
	if flags > 1 {
		panic(refusal("it shares its memory or has 64-bit addresses, which plugins may not have"))
	}
	r.u32()
	if flags == 1 {
		r.u32()
	}
}

// s32 reads a signed number.
func (r *reader) s32() int32 {
	var v int64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= int64(c&0x7f) << shift
		if c < 0x80 {
			if c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return int32(v)
		}
	}
	panic(errMalformed)
}
