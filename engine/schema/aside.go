package schema

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
