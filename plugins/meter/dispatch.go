package meter

// dispatch is the head of a loop that is one big switch: it opens blocks, and
// goes to the end of the one that a local variable names. Go makes such a loop of
// nearly every function: each jump, the forward ones too, is a number for the
// variable and a branch to the head.
type dispatch struct {
	local  uint32
	blocks int      // that it opens
	table  []uint32 // which one each number leaves, counted from the innermost
	others uint32   // what a number behind the table leaves
}

// dispatch reads the head of a loop and stays before it; nil says that it is
// none of those.
func (r *reader) dispatch() *dispatch {
	at := r.i
	defer func() { r.i = at }()
	d := &dispatch{}
	for r.has(0x02, 0x40) { // block without a value
		d.blocks++
	}
	if d.blocks == 0 || !r.has(0x20) { // local.get
		return nil
	}
	d.local = r.u32()
	if !r.has(0x0e) { // br_table
		return nil
	}
	n := r.u32()
	if uint64(n) > uint64(len(r.b)-r.i) {
		panic(errMalformed)
	}
	d.table = make([]uint32, n)
	for i := range d.table {
		d.table[i] = r.u32()
	}
	d.others = r.u32()
	return d
}

// has passes over bytes that come next.
func (r *reader) has(bytes ...byte) bool {
	for i, c := range bytes {
		if r.i+i >= len(r.b) || r.b[r.i+i] != c {
			return false
		}
	}
	r.i += len(bytes)
	return true
}

// leaves is the block that a number leaves.
func (d *dispatch) leaves(n uint32) uint32 {
	if uint64(n) < uint64(len(d.table)) {
		return d.table[n]
	}
	return d.others
}

// jump copies what follows the opcode of an i32.const. Where that is a jump by
// a dispatch, and the block that the dispatch would leave is still open, the
// branch leaves that block itself. The end of an open block is further on in the
// code, and what goes only forward comes to an end: it need not count, as it
// would at the head of the loop.
func (w *writer) jump() {
	from := w.r.i
	n := uint32(w.r.s32())
	w.out = append(w.out, w.r.b[from:w.r.i]...)
	from = w.r.i
	block, ok := w.ahead(n)
	if !ok {
		w.r.i = from
		return
	}
	w.out = appendU32(w.out, uint32(w.depth-block.depth))
}

// ahead reads the rest of a jump by a number, and copies what it reads but for
// its label: it gives the block that the jump leaves, if that is still open.
func (w *writer) ahead(n uint32) (block label, ok bool) {
	from := w.r.i
	if !w.r.has(0x21) { // local.set
		return label{}, false
	}
	local := w.r.u32()
	if !w.r.has(0x0c) { // br
		return label{}, false
	}
	to := w.r.i
	loop := len(w.labels) - 1 - int(w.r.u32())
	if loop < 0 || w.labels[loop].turns == nil || w.labels[loop].turns.local != local {
		return label{}, false
	}
	d := w.labels[loop].turns
	at := loop + d.blocks - int(d.leaves(n))
	// Another block may be open where that one was: its number is another.
	if at <= loop || at >= len(w.labels) || w.labels[at].number != w.labels[loop].number+at-loop {
		return label{}, false
	}
	w.out = append(w.out, w.r.b[from:to]...)
	return w.labels[at], true
}
