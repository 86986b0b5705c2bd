package schema

import (
	"bytes"
	"strings"
)

type span struct{ start, end int }

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
			c.stray = c.stray || depth == 0
			c.others = append(c.others, name)
			ok = c.undeclared(n, name, from, depth+1)
		case kid.seen == gen:
			c.duplicate = true
			_, ok = c.s.skip(depth + 1)
		default:
			if kid.seen, before = gen, kid; depth == 0 {
				c.members = (c.members + kid.number) * 0x9e3779b97f4a7c15
			}
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
