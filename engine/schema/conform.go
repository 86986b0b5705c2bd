package schema

import (
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
	members   uint64 // see Members
	stray     bool   // a member of the record itself is not of the type

	columns    *columns // nil: rows are written as text
	row        uint32   // of the columns, or of the elements of a list in them
	at         instant  // the moment that fit has read
	labelNames [][]byte
}

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

// Members tells which members the last line's record had, without those of its
// objects, and in which order: a hash of what this Conformer numbers them by. ok
// is false where the type does not have one, or one came twice.
func (c *Conformer) Members() (look uint64, ok bool) {
	return c.members, !c.stray && c.raw == nil
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
	c.members, c.stray = 0, false
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
