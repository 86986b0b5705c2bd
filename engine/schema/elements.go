package schema

import "tidemark.dev/tidemark/engine"

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
