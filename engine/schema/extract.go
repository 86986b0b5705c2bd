package schema

import (
	"bytes"
	"strconv"

	"tidemark.dev/tidemark/engine"
)

// Extractor finds the values of a few paths in raw lines, and puts other
// values in their place: what a transform needs of a record. It keeps state
// between calls and is not safe for concurrent use.
type Extractor struct {
	root   *node
	fields [][]engine.Path // raw candidates, best first
	found  []place
	finds  uint64 // counts Find, for node.seen
	line   []byte
}

type place struct {
	set        bool
	rank       int
	start, end int
	kind       shape
}

// NewExtractor prepares to find fields; each is given by the places in a raw
// record that it may come from, best first.
func NewExtractor(fields [][]engine.Path) *Extractor {
	x := &Extractor{root: &node{}, fields: fields, found: make([]place, len(fields))}
	for i, candidates := range fields {
		for rank, p := range candidates {
			x.root.at(p).addUse(i, rank)
		}
	}
	return x
}

// Find looks a line through. It reports false for a line that is not one JSON
// object; such a line is left for the conformer to judge.
func (x *Extractor) Find(line []byte) bool {
	x.line = line
	clear(x.found)
	x.finds++
	s := scanner{b: line}
	s.space()
	if s.peek() != '{' || !x.object(&s, x.root, 0) {
		return false
	}
	s.space()
	return s.pos == len(line)
}

func (x *Extractor) object(s *scanner, n *node, depth int) bool {
	if depth > maxDepth {
		return false
	}
	s.pos++
	n.seen, n.opens = x.finds, s.pos
	s.space()
	if s.peek() == '}' {
		s.pos++
		return true
	}
	var before *node
	for {
		from, to, escaped, ok := s.str()
		if !ok {
			return false
		}
		kid := n.find(unquote(s.b[from:to], escaped, nil), before)
		if kid != nil {
			before = kid
		}
		s.space()
		if !s.expect(':') {
			return false
		}
		s.space()
		if kid != nil && len(kid.kids) > 0 && s.peek() == '{' {
			ok = x.object(s, kid, depth+1)
		} else {
			ok = x.take(s, kid, depth)
		}
		if !ok {
			return false
		}
		if done, ok := s.next('}'); !ok || done {
			return ok
		}
	}
}

func (x *Extractor) take(s *scanner, n *node, depth int) bool {
	start := s.pos
	kind, ok := s.skip(depth + 1)
	if !ok || n == nil {
		return ok
	}
	for _, u := range n.uses {
		if p := &x.found[u.slot]; !p.set || u.rank <= p.rank {
			*p = place{true, u.rank, start, s.pos, kind}
		}
	}
	return true
}

// Append adds the value of field i to a column of the column's type; a value
// of another shape is null there.
func (x *Extractor) Append(c *engine.Column, i int) {
	p := x.found[i]
	token := x.line[p.start:p.end]
	ok := false
	switch c.Type {
	case engine.Varchar:
		if ok = p.set && p.kind == isText; ok {
			c.Bytes = append(c.Bytes, plain(token)...)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	case engine.JSON:
		if ok = p.set && p.kind != isNull; ok {
			c.Bytes = append(c.Bytes, token...)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Bytes)))
	case engine.Double:
		var v float64
		if ok = p.set && (p.kind == isInt || p.kind == isFloat); ok {
			v, _ = strconv.ParseFloat(string(token), 64)
		}
		c.Floats = append(c.Floats, v)
	default:
		var v int64
		v, ok = x.integer(c.Type, p, token)
		c.Ints = append(c.Ints, v)
	}
	if !ok && c.Null == nil {
		c.Null = make([]bool, c.Len()-1, max(64, c.Len()))
	}
	if c.Null != nil {
		c.Null = append(c.Null, !ok)
	}
}

// Scalar is the text of field i where it is one value: a text itself, a number
// or a truth value as it is written. It is "" for all else.
func (x *Extractor) Scalar(i int) string {
	p := x.found[i]
	token := x.line[p.start:p.end]
	switch {
	case !p.set:
		return ""
	case p.kind == isText:
		return string(plain(token))
	case p.kind == isInt || p.kind == isFloat || p.kind == isBool:
		return string(token)
	}
	return ""
}

func (x *Extractor) integer(kind engine.TypeKind, p place, token []byte) (v int64, ok bool) {
	if !p.set {
		return 0, false
	}
	switch {
	case kind == engine.Bool && p.kind == isBool:
		if token[0] == 't' {
			v = 1
		}
		return v, true
	case kind == engine.BigInt && p.kind == isInt:
		v, err := strconv.ParseInt(string(token), 10, 64)
		return v, err == nil
	case kind == engine.Timestamp && p.kind == isText:
		at, ok := parseTime(plain(token))
		return at.micros, ok
	case kind == engine.Timestamp && (p.kind == isInt || p.kind == isFloat):
		at, ok := parseEpoch(token)
		return at.micros, ok
	}
	return 0, false
}

// Replacement is a new value for a field of the line that Find read.
type Replacement struct {
	Field int
	JSON  []byte // the value as JSON text
}

// Rewrite gives the line that Find read last with its replacements, each of
// another field. A field that the line does not have is added where its first
// candidate would stand. The line that Find read is then another one.
func (x *Extractor) Rewrite(changes []Replacement) []byte {
	var edits []edit
	var missing []Replacement
	for _, r := range changes {
		if p := x.found[r.Field]; p.set {
			edits = insertEdit(edits, edit{p.start, p.end, r.JSON})
		} else {
			missing = append(missing, r)
		}
	}
	out := applyEdits(x.line, edits)
	for _, r := range missing {
		x.Find(out)
		at, text := x.addition(x.fields[r.Field][0], r.JSON)
		out = applyEdits(out, []edit{{at, at, text}})
	}
	return out
}

func applyEdits(line []byte, edits []edit) []byte {
	out, at := make([]byte, 0, len(line)+64), 0
	for _, e := range edits {
		out = append(append(out, line[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, line[at:]...)
}

func insertEdit(edits []edit, e edit) []edit {
	i := len(edits)
	for i > 0 && edits[i-1].start > e.start {
		i--
	}
	edits = append(edits, edit{})
	copy(edits[i+1:], edits[i:])
	edits[i] = e
	return edits
}

// addition is the text that adds a member, and where: in the deepest object
// of its path that the line has.
func (x *Extractor) addition(p engine.Path, value []byte) (at int, text []byte) {
	n, depth := x.root, 0
	at = n.opens
	for i := range p[:len(p)-1] {
		n = n.index[p[i]]
		if n.seen != x.finds {
			break
		}
		at, depth = n.opens, i+1
	}
	for i, name := range p[depth:] {
		if i > 0 {
			text = append(text, '{')
		}
		text = append(AppendQuoted(text, []byte(name)), ':')
	}
	text = append(text, value...)
	for range p[depth+1:] {
		text = append(text, '}')
	}
	rest := scanner{b: x.line, pos: at}
	if rest.space(); rest.peek() != '}' {
		text = append(text, ',')
	}
	return at, text
}

// AppendValue appends row i of a column as JSON text.
func AppendValue(dst []byte, c *engine.Column, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "null"...)
	}
	switch c.Type {
	case engine.Varchar:
		return AppendQuoted(dst, c.Text(i))
	case engine.JSON:
		return append(dst, c.Text(i)...)
	case engine.Double:
		return strconv.AppendFloat(dst, c.Floats[i], 'g', -1, 64)
	case engine.Bool:
		return strconv.AppendBool(dst, c.Ints[i] != 0)
	case engine.Timestamp:
		return append(appendTime(append(dst, '"'), c.Ints[i]), '"')
	}
	return strconv.AppendInt(dst, c.Ints[i], 10)
}

// plain is the text of a string token.
func plain(token []byte) []byte {
	return unquote(token, bytes.IndexByte(token, '\\') >= 0, nil)
}
