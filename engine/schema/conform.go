package schema

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// Conformer checks raw JSON lines against one version of a dataset's type and
// rewrites them into rows for a strict load. It keeps state between calls and
// is not safe for concurrent use.
type Conformer struct {
	root    *node
	refused map[string]string
	labels  []engine.Path
	timed   bool // some path is mapped to event_time
	full    bool // no further path gets a type
	crowded bool // no further path is known without a type

	s         scanner
	gen       uint64
	slots     []slot
	edits     []edit
	asides    []aside
	unknown   bool // a member has no type yet and asks for one
	asked     Conflict
	duplicate bool
	inList    int
	listBad   bool // the list being read holds something its type cannot
	listMore  bool // the list being read holds something that has no type
	conflicts []Conflict
	others    []span // undeclared names of the objects being read
	scratch   []byte
	raw       []byte // the text a duplicate-free line was made from
	long      bool   // see LongIntegers
	fixed     bool   // slots are decided; this is the second look at a line

	columns    *columns // nil: rows are written as text
	row        uint32   // of the columns, or of the elements of a list in them
	at         instant  // the moment that fit has read
	labelNames [][]byte
}

// edit replaces a value of the line; a nil text means null, and that its
// member is left out if it is one.
type edit struct {
	start, end int
	text       []byte
}

// aside is a member that goes to rest.
type aside struct {
	path       string
	start, end int
}

type span struct{ start, end int }

// Outcome is what became of one line.
type Outcome struct {
	// Reason is set when the line is not one JSON object: it goes to
	// quarantine whole. Offset is the place, in bytes.
	Reason string
	Offset int
	// More is set when the line holds one whole object and then something
	// else, from Offset on.
	More bool

	// EventTime is in microseconds since 1970, UTC, when HasTime; a dataset
	// with a time field and a line without a readable one is Untimed.
	EventTime int64
	HasTime   bool
	Untimed   bool

	// Unknown is set when the line holds a path that has no type and could
	// get one: observe it, evolve, and conform it again.
	Unknown bool
	// Asked is the first such path; Want is the type that would have to widen,
	// if it has one.
	Asked Conflict
	// Conflicts are the values set aside in rest. A strict dataset
	// quarantines a line that has one, or that is Unknown.
	Conflicts []Conflict
}

// NewConformer prepares the scan for one version of a dataset. Refused comes
// from the Evolution that made the version.
func NewConformer(body engine.Type, m engine.Mapping, refused map[string]string) *Conformer {
	return &Conformer{
		root: buildTrie(body, m), refused: refused, labels: m.Labels, timed: len(m.EventTime) > 0, full: Leaves(body) >= Limit(m), crowded: unknowns(body) >= Limit(m),
		slots: make([]slot, firstLabel+len(m.Labels)), labelNames: namesOf(m.Labels),
	}
}

// Conform reads one line. The outcome's slices are valid until the next call,
// and so is what Append will write.
func (c *Conformer) Conform(line []byte) Outcome {
	c.raw = nil
	c.scan(line, false)
	bad := c.s.bad
	text := line
	if bad.more { // what follows is another record's business
		text = line[:bad.offset]
	}
	if !utf8.Valid(text) {
		return Outcome{Reason: "the record is not valid UTF-8", Offset: firstInvalid(text)}
	}
	if bad.reason != "" {
		return Outcome{Reason: bad.reason, Offset: bad.offset, More: bad.more}
	}
	if c.duplicate {
		c.raw = line
		c.scan(dedupe(line), false)
	}
	t := c.slots[timeSlot]
	out := Outcome{EventTime: t.at.micros, HasTime: t.set, Unknown: c.unknown, Asked: c.asked, Conflicts: c.conflicts}
	out.Untimed = !t.set && c.timed
	return out
}

// Except lists the offsets of the members that the last line's envelope took
// over, for Observe.
func (c *Conformer) Except() []int {
	var at []int
	for _, s := range c.slots {
		if s.set && s.leaves {
			at = append(at, s.start)
		}
	}
	return at
}

// LongIntegers reports whether any integer of more than 15 digits was taken
// in since the conformer was made: staged rows may hold integers that no
// double can.
func (c *Conformer) LongIntegers() bool { return c.long }

// KeepLongIntegers carries LongIntegers over from an earlier conformer.
func (c *Conformer) KeepLongIntegers(long bool) { c.long = c.long || long }

// Line is the last line as Append reads it: free of duplicate keys.
func (c *Conformer) Line() []byte { return c.s.b }

// reset makes ready to read another text.
func (c *Conformer) reset(text []byte) {
	c.s = scanner{b: text}
	c.edits, c.asides, c.conflicts = c.edits[:0], c.asides[:0], c.conflicts[:0]
	c.others, c.scratch = c.others[:0], c.scratch[:0]
	c.asked = Conflict{}
	c.unknown, c.duplicate, c.listBad, c.listMore, c.inList = false, false, false, false, 0
}

func (c *Conformer) scan(line []byte, fixed bool) {
	c.reset(line)
	c.fixed = fixed
	if !fixed {
		clear(c.slots)
	}
	if c.columns != nil {
		c.row = c.columns.begin()
	}
	c.s.space()
	if c.s.peek() != '{' {
		kind, ok := c.s.skip(0)
		if ok {
			c.s.pos = 0
			c.s.fail("the record is not an object but " + article(kind.noun()))
		}
		return
	}
	if !c.object(c.root, 0) {
		return
	}
	end := c.s.pos
	c.s.space()
	if c.s.pos != len(line) {
		c.s.pos = end
		c.s.bad = fault{reason: "something follows the record on its line", offset: end, more: true}
		return
	}
	if !fixed && c.contested() {
		c.scan(line, true)
	}
}

func article(noun string) string {
	if noun == "null" {
		return noun
	}
	switch noun[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "an " + noun
	}
	return "a " + noun
}

// contested reports whether a better candidate for a column came after a
// lesser one had already been taken out of body.
func (c *Conformer) contested() bool {
	for _, s := range c.slots {
		if s.set && s.rank < 0 {
			for i := range c.slots {
				if c.slots[i].rank < 0 {
					c.slots[i].rank = -c.slots[i].rank - 1
				}
			}
			return true
		}
	}
	return false
}

func (c *Conformer) object(n *node, depth int) bool {
	if depth > maxDepth {
		return c.s.fail("the record is nested too deeply")
	}
	c.gen++
	gen, base := c.gen, len(c.others)
	var before *node
	c.s.pos++
	c.s.space()
	if c.s.peek() == '}' {
		c.s.pos++
		return true
	}
	for {
		from := c.s.pos
		kid, name, ok := c.member(n, before)
		switch {
		case !ok:
			return false
		case kid == nil:
			c.others = append(c.others, name)
			ok = c.undeclared(n, name, from, depth+1)
		case kid.seen == gen:
			c.duplicate = true
			_, ok = c.s.skip(depth + 1)
		default:
			kid.seen, before = gen, kid
			ok = c.value(kid, depth+1)
		}
		if !ok {
			return false
		}
		if done, ok := c.s.next('}'); !ok || done {
			c.checkOthers(base)
			return ok
		}
	}
}

// member reads the name of a member and its colon; name is where it stands if
// the type does not have it.
func (c *Conformer) member(n *node, before *node) (kid *node, name span, ok bool) {
	if k := *n.guess(before); k != nil && k.text != "" && c.s.literal(k.text) {
		c.s.space()
		return k, name, true
	}
	from, to, escaped, ok := c.s.str()
	if !ok {
		return nil, name, false
	}
	kid = n.find(unquote(c.s.b[from:to], escaped, nil), before)
	c.s.space()
	if !c.s.expect(':') {
		return nil, name, false
	}
	c.s.space()
	return kid, span{from, to}, true
}

// checkOthers looks for equal names among the undeclared members of an object.
func (c *Conformer) checkOthers(base int) {
	names := c.others[base:]
	c.others = c.others[:base]
	if len(names) < 2 || c.duplicate {
		return
	}
	seen := make(map[string]bool, len(names))
	for _, sp := range names {
		name := string(unquote(c.s.b[sp.start:sp.end], bytes.IndexByte(c.s.b[sp.start:sp.end], '\\') >= 0, nil))
		if seen[name] {
			c.duplicate = true
			return
		}
		seen[name] = true
	}
}

// undeclared reads a member that the type does not have.
func (c *Conformer) undeclared(n *node, at span, from, depth int) bool {
	token, start := c.s.b[at.start:at.end], c.s.pos
	kind, ok := c.s.skip(depth)
	if !ok {
		return false
	}
	path := pathOf(n.path, string(unquote(token, bytes.IndexByte(token, '\\') >= 0, nil)))
	if why := c.noRoom(n, kind); why != "" {
		// One line of the report for all names: there may be millions of them.
		c.conflict(strings.TrimPrefix(n.path+".*", "."), why, kind, from)
	} else {
		c.ask(path, start, kind)
	}
	c.setAside(path, start, kind)
	return true
}

// noRoom says why a new member of n gets no type, if it is for want of room.
func (c *Conformer) noRoom(n *node, kind shape) string {
	switch {
	case c.full, c.crowded && (kind == isNull || kind == isEmptyList || kind == isEmptyObject):
		return outOfRoom
	case n.wide:
		return tooWide
	}
	return ""
}

// ask says what a value at a path without a type means: the next version has
// a type for it, or none ever will.
func (c *Conformer) ask(path string, start int, kind shape) {
	why, refused := c.refused[path]
	switch {
	case refused:
	case c.full:
		why = outOfRoom
	case !typable(c.s.b[start:c.s.pos], kind):
		why = "a number that fits 128 bits or a double"
	default:
		c.askFor(path, "", kind)
		return
	}
	c.conflict(path, why, kind, start)
}

// askFor notes that the dataset's type would have to change for a value.
func (c *Conformer) askFor(path, want string, kind shape) {
	if !c.unknown {
		c.asked = Conflict{Path: path, Want: want, Got: kind.noun()}
	}
	c.unknown = true
}

// setAside sends the value from start to here to rest.
func (c *Conformer) setAside(path string, start int, kind shape) {
	if c.inList > 0 {
		switch kind {
		case isNull, isEmptyList, isEmptyObject:
			c.noneYet(start)
		default:
			c.listBad = true
		}
		return
	}
	c.edits = append(c.edits, edit{start: start, end: c.s.pos})
	c.asides = append(c.asides, aside{path: path, start: start, end: c.s.pos})
}

// noneYet makes the value from start to here, within a list, null: it has no
// type yet, and the one it gets may be another by the time the row is loaded.
func (c *Conformer) noneYet(start int) {
	c.listMore = true
	c.edits = append(c.edits, edit{start: start, end: c.s.pos, text: noValue})
}

var noValue = []byte("null")

func (c *Conformer) conflict(path, want string, got shape, start int) {
	example := c.s.b[start:c.s.pos]
	c.conflicts = append(c.conflicts, Conflict{Path: path, Want: want, Got: got.noun(), Example: string(example[:min(200, len(example))])})
}

// value reads the value of a node of the trie.
func (c *Conformer) value(n *node, depth int) bool {
	start := c.s.pos
	b := c.s.peek()
	if b == '{' && (n.typ.Kind == engine.Struct || n.typ.Kind == engine.Unknown && len(n.kids) > 0) {
		return c.structure(n, start, depth)
	}
	if b == '{' && len(n.kids) > 0 && !c.offerBelow(n, depth) {
		return false
	}
	switch {
	case b == '{' && n.typ.Kind == engine.Map, b == '[' && n.typ.Kind == engine.List:
		return c.elements(n, start, depth)
	}
	kind, ok := c.s.skip(depth)
	if !ok {
		return false
	}
	if len(n.uses) > 0 && c.offer(n, start, kind) {
		c.edits = append(c.edits, edit{start: start, end: c.s.pos})
		return true
	}
	if kind == isNull && n.declared && n.typ.Kind != engine.Unknown {
		if c.inList == 0 {
			c.edits = append(c.edits, edit{start: start, end: c.s.pos})
		}
		return true
	}
	if !n.declared || n.typ.Kind == engine.Unknown {
		c.untyped(n, start, kind)
		return true
	}
	c.typed(n, start, kind)
	return true
}

// structure reads an object where the type has a struct.
func (c *Conformer) structure(n *node, start, depth int) bool {
	if n.cells != nil {
		n.cells.at(c.row)
	}
	edits := len(c.edits)
	if !c.object(n, depth) {
		return false
	}
	if n.typ.Known() {
		return true
	}
	// As in noneYet, what is left of it must not be there when it gets a type.
	c.edits = c.edits[:edits]
	switch {
	case len(bytes.TrimSpace(c.s.b[start+1:c.s.pos-1])) == 0:
		c.untyped(n, start, isEmptyObject)
	case c.inList > 0:
		c.edits = append(c.edits, edit{start: start, end: c.s.pos, text: noValue})
	default:
		c.edits = append(c.edits, edit{start: start, end: c.s.pos})
	}
	return true
}

// untyped handles a value whose path has no type yet.
func (c *Conformer) untyped(n *node, start int, kind shape) {
	if !n.declared || kind != isNull && kind != isEmptyList && kind != isEmptyObject {
		c.ask(n.path, start, kind)
	}
	c.setAside(n.path, start, kind)
}

// typed checks a scalar value against a known type.
func (c *Conformer) typed(n *node, start int, kind shape) {
	token := c.s.b[start:c.s.pos]
	if n.typ.AsText && kind != isText {
		c.asText(n, token, start)
		return
	}
	text, verdict := c.fit(n.typ, token, kind)
	switch verdict {
	case fits:
		if n.cells != nil {
			c.gather(n, token, kind)
		}
		if text != nil {
			c.edits = append(c.edits, edit{start: start, end: c.s.pos, text: text})
		}
		return
	case cut:
		// The column gets what it can hold, rest keeps the whole.
		if n.cells != nil {
			c.gather(n, token, kind)
		}
		c.edits = append(c.edits, edit{start: start, end: c.s.pos, text: text})
		if c.inList == 0 {
			c.asides = append(c.asides, aside{path: n.path, start: start, end: c.s.pos})
		} else {
			c.listMore = true
		}
		return
	case wider:
		if _, refused := c.refused[n.path]; !refused {
			c.askFor(n.path, n.typ.String(), kind)
			c.setAside(n.path, start, kind)
			return
		}
	}
	c.conflict(n.path, n.typ.String(), kind, start)
	if c.inList > 0 { // unlike what has no type yet, it cannot stay where it is
		c.listBad = true
		return
	}
	c.setAside(n.path, start, kind)
}

// asText takes a value that is no text as the text it is written as.
func (c *Conformer) asText(n *node, token []byte, start int) {
	if n.cells != nil {
		n.cells.put(c.row, c.columns.plain(token))
	}
	mark := len(c.scratch)
	c.scratch = AppendQuoted(c.scratch, token)
	c.edits = append(c.edits, edit{start: start, end: c.s.pos, text: c.scratch[mark:len(c.scratch):len(c.scratch)]})
}

// elements reads a list or a map. If anything in it does not fit, the whole
// of the outermost one goes to rest.
func (c *Conformer) elements(n *node, start, depth int) bool {
	if depth > maxDepth {
		return c.s.fail("the record is nested too deeply")
	}
	edits, asides := len(c.edits), len(c.asides)
	if c.inList == 0 {
		c.listBad, c.listMore = false, false
	}
	c.inList++
	row := c.beginList(n)
	ok := c.each(n, depth)
	c.inList--
	if !ok {
		return false
	}
	c.endList(n, row)
	if !n.typ.Known() && c.inList > 0 {
		c.edits = c.edits[:edits]
		c.noneYet(start)
	}
	if c.inList > 0 || n.typ.Known() && !c.listBad && !c.listMore {
		return true
	}
	kind := isList
	if n.typ.Kind == engine.Map {
		kind = isObject
	}
	if c.listBad || !n.typ.Known() {
		c.edits, c.asides = c.edits[:edits], c.asides[:asides]
		c.setAside(n.path, start, kind)
		if n.cells != nil {
			n.cells.cut(c.row)
		}
		return true
	}
	c.asides = append(c.asides, aside{path: n.path, start: start, end: c.s.pos})
	return true
}

func (c *Conformer) each(n *node, depth int) bool {
	closer := byte(']')
	isMap := n.typ.Kind == engine.Map
	if isMap {
		closer = '}'
	}
	c.s.pos++
	c.s.space()
	if c.s.peek() == closer {
		c.s.pos++
		return true
	}
	base := len(c.others)
	for {
		if isMap {
			from, to, escaped, ok := c.s.str()
			if !ok {
				return false
			}
			c.others = append(c.others, span{from, to})
			if n.cells != nil {
				n.cells.inner[0].put(c.row, c.columns.text(c.s.b[from:to], escaped))
			}
			c.s.space()
			if !c.s.expect(':') {
				return false
			}
			c.s.space()
		}
		if !c.value(n.elem, depth+1) {
			return false
		}
		if n.cells != nil {
			c.row++
		}
		if done, ok := c.s.next(closer); !ok || done {
			c.checkOthers(base)
			return ok
		}
	}
}
