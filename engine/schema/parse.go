package schema

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// names are the spellings of types that ParseType knows besides our own.
var names = map[string]engine.TypeKind{
	"bool": engine.Bool, "boolean": engine.Bool, "bigint": engine.BigInt, "integer": engine.BigInt, "int": engine.BigInt, "long": engine.BigInt,
	"hugeint": engine.HugeInt, "double": engine.Double, "float": engine.Double, "timestamp": engine.Timestamp, "timestamptz": engine.Timestamp,
	"date": engine.Date, "uuid": engine.UUID, "varchar": engine.Varchar, "text": engine.Varchar, "string": engine.Varchar, "json": engine.JSON,
	"unknown": engine.Unknown,
}

// maxTypeDepth bounds how deep a type may nest.
const maxTypeDepth = 64

// ParseType reads a type as engine.Type.String writes it: bigint,
// decimal(18,2), list(varchar), map(double), struct(a bigint, "b c" varchar).
// DuckDB's spellings VARCHAR[] and MAP(VARCHAR, DOUBLE) are taken too, in any
// case.
func ParseType(s string) (engine.Type, error) {
	p := &typeParser{s: s}
	t, ok := p.typ(0)
	p.space()
	if ok && p.i == len(p.s) && utf8.ValidString(s) { // the registry could not write down another name
		return t, nil
	}
	e := engine.Errorf(engine.Invalid, "read a type", "%q is no type", s)
	e.Line, e.Column, e.Excerpt = 1, len([]rune(s[:min(p.i, len(s))]))+1, s
	if p.bad != "" {
		all := []string{"struct", "list", "map", "decimal"}
		for n := range names {
			all = append(all, n)
		}
		if near := engine.Nearest(p.bad, all); near != "" {
			return engine.Type{}, e.WithHint("did you mean %s?", near)
		}
	}
	return engine.Type{}, e.WithHint("write bigint, double, bool, varchar, timestamp, date, uuid, json, decimal(18,2), list(...), map(...) or struct(name type, ...)")
}

type typeParser struct {
	s   string
	i   int
	bad string // the word that is no type
}

func (p *typeParser) space() {
	for p.i < len(p.s) && (p.s[p.i] == ' ' || p.s[p.i] == '\t' || p.s[p.i] == '\n') {
		p.i++
	}
}

func (p *typeParser) eat(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *typeParser) word() string {
	p.space()
	start := p.i
	for p.i < len(p.s) && (p.s[p.i] == '_' || p.s[p.i]|0x20 >= 'a' && p.s[p.i]|0x20 <= 'z' || p.i > start && p.s[p.i] >= '0' && p.s[p.i] <= '9') {
		p.i++
	}
	return p.s[start:p.i]
}

func (p *typeParser) typ(depth int) (engine.Type, bool) {
	if depth > maxTypeDepth {
		return engine.Type{}, false
	}
	start := p.i
	t, ok := p.one(depth, strings.ToLower(p.word()))
	if !ok {
		if p.bad != "" {
			p.i = start
		}
		return t, false
	}
	for p.eat('[') {
		if !p.eat(']') {
			return t, false
		}
		t = engine.ListOf(t)
	}
	return t, true
}

func (p *typeParser) one(depth int, word string) (engine.Type, bool) {
	switch word {
	case "struct":
		return p.fields(depth)
	case "list", "map":
		if !p.eat('(') {
			return engine.Type{}, false
		}
		t, ok := p.typ(depth + 1)
		if ok && word == "map" && p.eat(',') { // the key's type, which is always varchar
			if t.Kind != engine.Varchar {
				return t, false
			}
			t, ok = p.typ(depth + 1)
		}
		if word == "map" {
			return engine.MapOf(t), ok && p.eat(')')
		}
		return engine.ListOf(t), ok && p.eat(')')
	case "decimal":
		return p.decimal()
	}
	kind, ok := names[word]
	if !ok {
		p.bad = word
	}
	return engine.Scalar(kind), ok
}

func (p *typeParser) fields(depth int) (engine.Type, bool) {
	t := engine.Type{Kind: engine.Struct}
	if !p.eat('(') {
		return t, false
	}
	if p.eat(')') {
		return t, true
	}
	for {
		name, ok := p.name()
		if !ok {
			return t, false
		}
		of, ok := p.typ(depth + 1)
		if !ok {
			return t, false
		}
		t.Fields = append(t.Fields, engine.Field{Name: name, Type: of})
		if p.eat(')') {
			return t, true
		}
		if !p.eat(',') {
			return t, false
		}
	}
}

func (p *typeParser) name() (string, bool) {
	p.space()
	if p.i >= len(p.s) || p.s[p.i] != '"' {
		w := p.word()
		return w, w != ""
	}
	var b strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		if p.s[p.i] != '"' {
			b.WriteByte(p.s[p.i])
			continue
		}
		if p.i+1 < len(p.s) && p.s[p.i+1] == '"' {
			p.i++
			b.WriteByte('"')
			continue
		}
		p.i++
		return b.String(), true
	}
	return "", false
}

func (p *typeParser) decimal() (engine.Type, bool) {
	t := engine.Type{Kind: engine.Decimal, Precision: 18, Scale: 3}
	if !p.eat('(') {
		return t, true
	}
	precision, ok1 := p.number()
	comma := p.eat(',')
	scale, ok2 := p.number()
	if !ok1 || !comma || !ok2 || !p.eat(')') || precision < 1 || precision > 38 || scale > precision {
		return t, false
	}
	t.Precision, t.Scale = uint8(precision), uint8(scale)
	return t, true
}

func (p *typeParser) number() (int, bool) {
	p.space()
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	n, err := strconv.Atoi(p.s[start:p.i])
	return n, err == nil
}
