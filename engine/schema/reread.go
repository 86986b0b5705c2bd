package schema

import "tidemark.dev/tidemark/engine"

// rereader is an engine.Settler that reads one member of rest as it would be
// read of a record. Its body is what the column gets; rest keeps a value that
// the column cannot give back as it was written.
type rereader struct {
	key string
	c   *Conformer
}

// NewRereader prepares to read what rest has under key at a type.
func NewRereader(key string, to engine.Type) engine.Settler {
	body := engine.StructOf(engine.Field{Name: "value", Type: to})
	return &rereader{key: key, c: NewConformer(body, engine.Mapping{}, nil)}
}

func (*rereader) Idle() bool { return false }

func (r *rereader) Settle(rest []byte) (body, left []byte, changed bool) {
	left = []byte{'{'}
	if !eachMember(rest, func(name string, m member) {
		if name == r.key {
			changed = true
			var all bool
			if body, all = r.read(m.value); all {
				return
			}
		}
		left = m.appendTo(left)
	}) {
		return nil, nil, false
	}
	return body, closed(left), changed
}

// read reads a value; all says that the column says all of it.
func (r *rereader) read(value []byte) (text []byte, all bool) {
	c := r.c
	c.reset(value)
	if !c.value(c.root.kids[0], 1) || c.s.pos != len(value) {
		return []byte("null"), false
	}
	return c.appendBody(nil), len(c.asides) == 0 && !c.unknown
}
