package schema

import "tidemark.dev/tidemark/engine"

// node is one path of a dataset, as the scan of a line walks it.
type node struct {
	name     string
	text     string // the name and its colon as they mostly stand in a line; "" for a name with escapes
	path     string // dotted, for conflicts and rest
	parent   *node
	number   uint64 // among the members of parent, from one
	typ      engine.Type
	declared bool // part of the dataset's type, not only of its mapping
	kids     []*node
	index    map[string]*node
	elem     *node // of a list or a map
	uses     []use
	wide     bool   // has as many members as it gets by itself
	seen     uint64 // the object in which this member was met last
	first    *node  // the member that the last object began with
	next     *node  // the sibling that came after this one the last time
	cells    *cells // the column of the values, if they become one
	opens    int    // for an Extractor, the offset behind its { in the line that seen counts
}

func buildTrie(body engine.Type, m engine.Mapping) *node {
	root := &node{declared: true}
	root.take(body)
	for i, column := range envelopeColumns {
		for rank, p := range m.Envelope[column] {
			root.at(p).addUse(i, rank)
		}
	}
	for rank, p := range m.EventTime {
		root.at(p).addUse(timeSlot, rank)
	}
	named := map[string]bool{}
	for i, p := range m.Labels {
		if !named[p.String()] { // a map has each key once
			root.at(p).addUse(firstLabel+i, 0)
		}
		named[p.String()] = true
	}
	return root
}

// addUse ties the node to a slot; named twice for one, the better rank counts.
func (n *node) addUse(slot, rank int) {
	for _, u := range n.uses {
		if u.slot == slot {
			return
		}
	}
	n.uses = append(n.uses, use{slot, rank})
}

// take gives the node its type and grows the nodes below it.
func (n *node) take(t engine.Type) {
	n.typ = t
	switch t.Kind {
	case engine.Struct:
		n.wide = n.parent != nil && len(t.Fields) >= MaxMembers
		for _, f := range t.Fields {
			kid := n.kid(f.Name)
			kid.declared = true
			kid.take(f.Type)
		}
	case engine.List, engine.Map:
		n.elem = &node{path: n.path + "[]", declared: true}
		n.elem.take(*t.Elem)
	}
}

func (n *node) kid(name string) *node {
	if k := n.index[name]; k != nil {
		return k
	}
	k := &node{name: name, path: pathOf(n.path, name), parent: n, number: uint64(len(n.kids)) + 1}
	if text := AppendQuoted(nil, []byte(name)); len(text) == len(name)+2 {
		k.text = string(text) + ":"
	}
	if n.index == nil {
		n.index = map[string]*node{}
	}
	n.index[name] = k
	n.kids = append(n.kids, k)
	return k
}

// names is the path of a node outside of lists.
func (n *node) names() []string {
	if n.parent == nil {
		return nil
	}
	return append(n.parent.names(), n.name)
}

func (n *node) at(p engine.Path) *node {
	for _, name := range p {
		n = n.kid(name)
	}
	return n
}

// find looks a member up, trying first the one that came after the member
// before when they were last met.
func (n *node) find(name []byte, before *node) *node {
	guess := n.guess(before)
	if k := *guess; k != nil && k.name == string(name) {
		return k
	}
	k := n.lookUp(name)
	if k != nil {
		*guess = k
	}
	return k
}

// guess is the member that came after the one before when it was last met.
func (n *node) guess(before *node) **node {
	if before != nil {
		return &before.next
	}
	return &n.first
}

func (n *node) lookUp(name []byte) *node {
	if len(n.kids) <= fewKids {
		for _, k := range n.kids {
			if k.name == string(name) {
				return k
			}
		}
		return nil
	}
	return n.index[string(name)]
}

// fewKids are faster to compare with than to look up.
const fewKids = 8
