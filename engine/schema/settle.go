package schema

import (
	"bytes"

	"tidemark.dev/tidemark/engine"
)

// settler is an engine.Settler: null, [], {} and lists of those have no type
// by themselves, so they wait in rest until their path gets one, and then
// belong into body.
type settler struct {
	c     *Conformer
	paths map[string]reread // what the newer version reads in another way
	root  *settled
}

// reread is a path whose values may have moved; opened says that an object
// around it has become a column, which is then there, not null.
type reread struct {
	*node
	opened bool
}

// settled is a member of the body that a row gets.
type settled struct {
	name string
	text []byte
	kids []*settled
}

// NewSettler prepares to read the rest of rows of one version at a newer one.
func NewSettler(from, to engine.Type) engine.Settler {
	s := &settler{c: NewConformer(to, engine.Mapping{}, nil), paths: map[string]reread{}}
	s.collect(s.c.root, from, false)
	return s
}

func (s *settler) Idle() bool { return len(s.paths) == 0 }

// collect finds the paths outside of lists whose values may read differently.
func (s *settler) collect(n *node, from engine.Type, opened bool) {
	if from.Equal(n.typ) && !opened {
		return
	}
	if n != s.c.root {
		s.paths[n.path] = reread{n, opened}
	}
	if n.typ.Kind != engine.Struct {
		return
	}
	opened = opened || !from.Known() && n.typ.Known() && n != s.c.root
	for _, kid := range n.kids {
		old, _ := from.Field(kid.name) // what from lacks may have come since, without a type
		s.collect(kid, old, opened)
	}
}

func (s *settler) Settle(rest []byte) (body, left []byte, changed bool) {
	s.root = &settled{}
	left = []byte{'{'}
	in := scanner{b: rest}
	in.space()
	if !in.expect('{') {
		return nil, nil, false
	}
	in.space()
	if in.peek() == '}' {
		return nil, nil, false
	}
	for done := false; !done; {
		from, to, escaped, ok := in.str()
		if !ok {
			return nil, nil, false
		}
		path := unquote(in.b[from:to], escaped, nil)
		in.space()
		in.expect(':')
		in.space()
		start := in.pos
		kind, ok := in.skip(0)
		if !ok {
			return nil, nil, false
		}
		stays := true
		if r, has := s.paths[string(path)]; has {
			text, fits, ok := s.value(r.node, in.b[start:in.pos], kind)
			if ok && (fits || r.opened || string(text) != "null") {
				s.put(r.node, text)
				stays, changed = !fits, true
			}
		}
		if stays {
			if len(left) > 1 {
				left = append(left, ',')
			}
			left = append(append(append(left, in.b[from:to]...), ':'), in.b[start:in.pos]...)
		}
		if done, ok = in.next('}'); !ok {
			return nil, nil, false
		}
	}
	if len(left) == 1 {
		left = nil
	} else {
		left = append(left, '}')
	}
	return s.root.append(nil), left, changed
}

// value reads one value again at the newer type. text is what body gets; fits
// says that it is all of it. Scalars are conflicts, or are cut off in body:
// they stand where they are. So does an object that has members.
func (s *settler) value(n *node, value []byte, kind shape) (text []byte, fits, ok bool) {
	switch kind {
	case isNull, isEmptyObject, isEmptyList, isList:
	case isObject:
		if n.typ.Kind != engine.Map {
			return nil, false, false
		}
	default:
		return nil, false, false
	}
	c := s.c
	c.reset(value)
	if !c.value(n, 1) || c.s.pos != len(value) {
		return nil, false, false
	}
	return bytes.Clone(c.appendBody(nil)), len(c.asides) == 0 && !c.unknown, true
}

// put places a value in the body under its path.
func (s *settler) put(n *node, text []byte) {
	at := s.root
	for _, name := range n.names() {
		at = at.kid(name)
	}
	at.text = text
}

func (m *settled) kid(name string) *settled {
	for _, k := range m.kids {
		if k.name == name {
			return k
		}
	}
	k := &settled{name: name}
	m.kids = append(m.kids, k)
	return k
}

func (m *settled) append(dst []byte) []byte {
	if m.text != nil {
		return append(dst, m.text...)
	}
	dst = append(dst, '{')
	for i, k := range m.kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = k.append(append(AppendQuoted(dst, []byte(k.name)), ':'))
	}
	return append(dst, '}')
}
