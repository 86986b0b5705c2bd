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
	if !eachMember(rest, func(name string, m member) {
		if r, has := s.paths[name]; has {
			text, fits, ok := s.value(r.node, m.value, m.kind)
			if ok && (fits || r.opened || string(text) != "null") {
				s.put(r.node, text)
				changed = true
				if fits {
					return
				}
			}
		}
		left = m.appendTo(left)
	}) {
		return nil, nil, false
	}
	return s.root.append(nil), closed(left), changed
}

// member is one of an object: as it is written with its name, and its value.
type member struct {
	whole, value []byte
	kind         shape
}

func (m member) appendTo(object []byte) []byte {
	if len(object) > 1 {
		object = append(object, ',')
	}
	return append(object, m.whole...)
}

// closed ends an object; nil where it has no members.
func closed(object []byte) []byte {
	if len(object) == 1 {
		return nil
	}
	return append(object, '}')
}

// eachMember hands out the members of a JSON object. It reports whether the
// text is an object to its end.
func eachMember(object []byte, take func(name string, m member)) bool {
	in := scanner{b: object}
	in.space()
	if !in.expect('{') {
		return false
	}
	in.space()
	for done := in.peek() == '}'; !done; {
		begin := in.pos
		from, to, escaped, ok := in.str()
		if !ok {
			return false
		}
		name := string(unquote(in.b[from:to], escaped, nil))
		in.space()
		in.expect(':')
		in.space()
		start := in.pos
		kind, ok := in.skip(0)
		if !ok {
			return false
		}
		take(name, member{in.b[begin:in.pos], in.b[start:in.pos], kind})
		if done, ok = in.next('}'); !ok {
			return false
		}
	}
	return true
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
