package schema

// offerBelow looks through an object that is no struct for members that fill
// columns. The object itself is then read as what it is.
func (c *Conformer) offerBelow(n *node, depth int) bool {
	start, edits, asides, conflicts := c.s.pos, len(c.edits), len(c.asides), len(c.conflicts)
	unknown, listBad, listMore := c.unknown, c.listBad, c.listMore
	ok := c.object(n, depth)
	c.edits, c.asides, c.conflicts = c.edits[:edits], c.asides[:asides], c.conflicts[:conflicts]
	c.unknown, c.listBad, c.listMore = unknown, listBad, listMore
	if ok {
		c.s.pos = start
	}
	return ok
}

// offer proposes a value for the columns its node is mapped to, and reports
// whether one of them took it out of body.
func (c *Conformer) offer(n *node, start int, kind shape) (leaves bool) {
	for _, u := range n.uses {
		s := &c.slots[u.slot]
		if c.fixed {
			if s.set && s.start == start && s.leaves {
				leaves = true
				c.keepFiner(n, *s)
			}
			continue
		}
		if s.set && absRank(s.rank) <= u.rank {
			continue
		}
		offered, ok := c.candidate(u, start, kind)
		if !ok {
			continue
		}
		if s.set { // a lesser one was taken: the line needs a second look
			offered.rank = -u.rank - 1
		}
		*s = offered
		c.keepFiner(n, offered)
		leaves = leaves || offered.leaves
	}
	return leaves
}

// keepFiner sends a time stamp to rest whose digits event_time cannot hold.
func (c *Conformer) keepFiner(n *node, s slot) {
	if s.at.finer {
		c.asides = append(c.asides, aside{path: n.path, start: s.start, end: s.end})
	}
}

func absRank(r int) int {
	if r < 0 {
		return -r - 1
	}
	return r
}

func (c *Conformer) candidate(u use, start int, kind shape) (slot, bool) {
	token := c.s.b[start:c.s.pos]
	s := slot{set: true, rank: u.rank, start: start, end: c.s.pos, kind: kind}
	s.escaped = kind == isText && c.s.escaped
	switch {
	case u.slot == timeSlot:
		var ok bool
		switch kind {
		case isText:
			s.at, ok = parseTime(unquote(token, s.escaped, nil))
			if !ok {
				s.at, ok = parseEpoch(unquote(token, s.escaped, nil))
				s.at.exact = false
			}
		case isInt, isFloat:
			s.at, ok = parseEpoch(token)
		}
		s.leaves = s.at.exact || s.at.finer
		return s, ok
	case kind == isText:
		s.leaves = true
		return s, true
	case u.slot < timeSlot && envelopeColumns[u.slot] == "message":
		return s, false
	}
	return s, kind == isBool || kind == isInt || kind == isFloat
}
