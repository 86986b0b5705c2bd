package schema

import (
	"bytes"

	"tidemark.dev/tidemark/engine"
)

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
