package schema

import (
	"bytes"
	"strconv"

	"tidemark.dev/tidemark/engine"
)

// maxExactInt is the largest integer up to which every integer has its own
// double.
const maxExactInt = 1 << 53

// Observation gathers what shapes the values of a path had. The zero value is
// ready. It is not safe for concurrent use.
type Observation struct {
	count   [nShapes]int
	huge    int  // integers beyond 64 bits, counted in isInt too
	digits  int  // of the longest integer
	inexact bool // some integer is not exact as a double
	members map[string]*Observation
	order   []string
	element *Observation
}

// Observe adds one record. Members that start at one of the given offsets are
// passed over: they live in the envelope. The line must have been accepted by
// a Conformer.
func (o *Observation) Observe(line []byte, except []int) {
	s := scanner{b: line}
	s.space()
	o.value(&s, except)
}

func (o *Observation) value(s *scanner, except []int) {
	start := s.pos
	switch s.peek() {
	case '{':
		o.object(s, except)
		return
	case '[':
		o.list(s)
		return
	}
	kind, _ := s.skip(0)
	token := s.b[start:s.pos]
	if !typable(token, kind) { // no type asks for it, and none would hold it
		return
	}
	o.count[kind]++
	if kind == isInt {
		o.integer(token)
	}
}

func (o *Observation) integer(token []byte) {
	o.digits = max(o.digits, len(bytes.TrimPrefix(token, []byte("-"))))
	n, err := strconv.ParseInt(string(token), 10, 64)
	if err != nil {
		o.huge++
	}
	o.inexact = o.inexact || err != nil || n > maxExactInt || n < -maxExactInt
}

func (o *Observation) object(s *scanner, except []int) {
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		o.count[isEmptyObject]++
		return
	}
	voted := false
	for done := false; !done && s.bad.reason == ""; done, _ = s.next('}') {
		from, to, escaped, _ := s.str()
		name := unquote(s.b[from:to], escaped, nil)
		s.space()
		s.expect(':')
		s.space()
		if excluded(except, s.pos) {
			s.skip(0)
			continue
		}
		voted = true
		o.member(string(name)).value(s, except)
	}
	if voted { // an object whose members all live in the envelope is no struct
		o.count[isObject]++
	}
}

// empty reports whether nothing was seen here that concerns body.
func (o *Observation) empty() bool { return o.count == [nShapes]int{} }

func (o *Observation) list(s *scanner) {
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		o.count[isEmptyList]++
		return
	}
	o.count[isList]++
	if o.element == nil {
		o.element = &Observation{}
	}
	for done := false; !done && s.bad.reason == ""; done, _ = s.next(']') {
		o.element.value(s, nil)
	}
}

func (o *Observation) member(name string) *Observation {
	m := o.members[name]
	if m == nil {
		m = &Observation{}
		if o.members == nil {
			o.members = map[string]*Observation{}
		}
		o.members[name] = m
		o.order = append(o.order, name)
	}
	return m
}

func excluded(offsets []int, at int) bool {
	for _, o := range offsets {
		if o == at {
			return true
		}
	}
	return false
}

// Type is the type that most of the values have: the majority decides, and
// whatever it cannot hold will be a conflict. Nulls and empty lists and
// objects do not vote.
func (o *Observation) Type() engine.Type {
	numbers := o.count[isInt] + o.count[isFloat]
	best, votes := isNull, 0
	for _, c := range []struct {
		kind  shape
		votes int
	}{
		{isObject, o.count[isObject]},
		{isList, o.count[isList]},
		{isText, o.count[isText]},
		{isFloat, numbers},
		{isBool, o.count[isBool]},
	} {
		if c.votes > votes {
			best, votes = c.kind, c.votes
		}
	}
	switch best {
	case isObject:
		if o.keyed() {
			return engine.MapOf(o.together().Type())
		}
		t := engine.Type{Kind: engine.Struct}
		for _, name := range o.order {
			if m := o.members[name]; !m.empty() {
				t.Fields = append(t.Fields, engine.Field{Name: name, Type: m.Type()})
			}
		}
		return t
	case isList:
		return engine.ListOf(o.element.Type())
	case isText:
		return engine.Scalar(engine.Varchar)
	case isBool:
		return engine.Scalar(engine.Bool)
	case isFloat:
		return engine.Scalar(o.numeric())
	}
	return engine.Type{}
}

func (o *Observation) numeric() engine.TypeKind {
	floats := o.count[isFloat]
	switch {
	case floats > 0 && (!o.inexact || floats > o.count[isInt]):
		return engine.Double
	case o.huge > 0:
		return engine.HugeInt
	}
	return engine.BigInt
}

// finite reports whether a number token is a finite double.
func finite(token []byte) bool {
	if len(token) < 300 {
		plain := true
		for _, c := range token {
			if c == 'e' || c == 'E' {
				plain = false
			}
		}
		if plain {
			return true
		}
	}
	_, err := strconv.ParseFloat(string(token), 64)
	return err == nil
}

// fitsHuge reports whether an integer token fits 128 bits, sign included.
func fitsHuge(token []byte) bool {
	digits := token
	if token[0] == '-' {
		digits = token[1:]
	}
	return len(digits) < len(largestHuge) || len(digits) == len(largestHuge) && string(digits) <= largestHuge
}

// largestHuge is the largest integer of 128 bits.
const largestHuge = "170141183460469231731687303715884105727"
