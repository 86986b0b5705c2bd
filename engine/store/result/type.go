package result

import (
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Type is a column's type as DuckDB writes it:
// STRUCT(a INTEGER, "b c" DECIMAL(9,2)[]).
type Type struct {
	// Name is in capitals and without parameters: BIGINT, STRUCT, MAP, LIST,
	// ARRAY, ENUM, TIMESTAMP WITH TIME ZONE.
	Name string
	// Fields are the members of a STRUCT or a UNION.
	Fields []TypeField
	// Key is of a MAP, Elem is what a LIST, an ARRAY or a MAP holds.
	Key, Elem *Type
	// Width and Scale are a DECIMAL's; Width is also the size of an ARRAY.
	Width, Scale int
	// Values are an ENUM's.
	Values []string
}

// TypeField is a member of a STRUCT or a UNION; a STRUCT that row() made has
// members without names.
type TypeField struct {
	Name string
	Type Type
}

// maxTypeDepth bounds the nesting of a type; what is deeper is UNKNOWN.
const maxTypeDepth = 200

// ParseType reads a type. What it does not know becomes a Type of that name,
// whose values are written as text.
func ParseType(s string) Type {
	p := typeParser{s: s}
	return p.typ(0)
}

type typeParser struct {
	s string
	i int
}

func (p *typeParser) space() {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
}

func (p *typeParser) skip(c byte) bool {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *typeParser) typ(depth int) Type {
	if depth > maxTypeDepth {
		p.i = len(p.s)
		return Type{Name: "UNKNOWN"}
	}
	t := Type{Name: p.name()}
	switch {
	case t.Name == "STRUCT" && p.skip('('), t.Name == "UNION" && p.skip('('):
		t.Fields = p.fields(depth)
	case t.Name == "MAP" && p.skip('('):
		key := p.typ(depth + 1)
		p.skip(',')
		value := p.typ(depth + 1)
		p.skip(')')
		t.Key, t.Elem = &key, &value
	case t.Name == "ENUM" && p.skip('('):
		t.Values = p.values()
	case p.skip('('):
		t.Width, t.Scale = p.numbers()
	}
	for p.skip('[') {
		elem := t.settled()
		t = Type{Name: "LIST", Elem: &elem}
		if n := p.digits(); n > 0 {
			t.Name, t.Width = "ARRAY", n
		}
		if !p.skip(']') {
			p.i = len(p.s)
		}
	}
	return t.settled()
}

// settled repairs a nested type of which the text did not say the inside.
func (t Type) settled() Type {
	text := &Type{Name: "VARCHAR"}
	switch {
	case (t.Name == "LIST" || t.Name == "ARRAY") && t.Elem == nil:
		t.Elem = text
	case t.Name == "MAP" && t.Elem == nil:
		t.Key, t.Elem = text, text
	}
	return t
}

// name reads a type's words, which end where parameters begin.
func (p *typeParser) name() string {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '"' {
		return strings.ToUpper(p.ident())
	}
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune("(),[]", rune(p.s[p.i])) {
		p.i++
	}
	return strings.ToUpper(strings.TrimSpace(p.s[start:p.i]))
}

func (p *typeParser) fields(depth int) []TypeField {
	var out []TypeField
	for p.i < len(p.s) && !p.skip(')') {
		before := p.i
		f := TypeField{Name: p.fieldName()}
		f.Type = p.typ(depth + 1)
		out = append(out, f)
		p.skip(',')
		if p.i == before {
			p.i++
		}
	}
	return out
}

// fieldName reads a member's name. Members without one are told by the
// missing space: STRUCT(INTEGER, DECIMAL(9,2)).
func (p *typeParser) fieldName() string {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '"' {
		return p.ident()
	}
	end := strings.IndexAny(p.s[p.i:], " (),[]")
	if end < 0 || p.s[p.i+end] != ' ' {
		return ""
	}
	name := p.s[p.i : p.i+end]
	if after := p.s[p.i+end:]; strings.HasPrefix(after, " WITH TIME ZONE") {
		return ""
	}
	p.i += end
	return name
}

// ident reads a name in double quotes, or a value in single ones.
func (p *typeParser) ident() string {
	quote := p.s[p.i]
	p.i++
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		if c == quote {
			if p.i == len(p.s) || p.s[p.i] != quote {
				break
			}
			p.i++
		}
		b.WriteByte(c)
	}
	return b.String()
}

func (p *typeParser) values() []string {
	var out []string
	for p.i < len(p.s) && !p.skip(')') {
		p.space()
		if p.i < len(p.s) && p.s[p.i] == '\'' {
			out = append(out, p.ident())
		} else if p.i < len(p.s) {
			p.i++
		}
	}
	return out
}

func (p *typeParser) digits() int {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	n, _ := strconv.Atoi(p.s[start:p.i])
	return n
}

func (p *typeParser) numbers() (first, second int) {
	p.space()
	first = p.digits()
	if p.skip(',') {
		p.space()
		second = p.digits()
	}
	for p.i < len(p.s) && !p.skip(')') {
		p.i++
	}
	return first, second
}

// String writes the type as DuckDB reads it.
func (t Type) String() string {
	switch t.Name {
	case "LIST":
		return t.Elem.String() + "[]"
	case "ARRAY":
		return t.Elem.String() + "[" + strconv.Itoa(t.Width) + "]"
	case "MAP":
		return "MAP(" + t.Key.String() + ", " + t.Elem.String() + ")"
	case "DECIMAL":
		return "DECIMAL(" + strconv.Itoa(t.Width) + "," + strconv.Itoa(t.Scale) + ")"
	case "ENUM":
		quoted := make([]string, len(t.Values))
		for i, v := range t.Values {
			quoted[i] = engine.QuoteText(v)
		}
		return "ENUM(" + strings.Join(quoted, ", ") + ")"
	case "STRUCT", "UNION":
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Type.String()
			if f.Name != "" {
				parts[i] = engine.QuoteIdent(f.Name) + " " + parts[i]
			}
		}
		return t.Name + "(" + strings.Join(parts, ", ") + ")"
	case "NULL":
		return `"NULL"`
	}
	return t.Name
}

// numeric reports whether a table sets the values flush right.
func (t Type) numeric() bool {
	switch t.Name {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
		"HUGEINT", "UHUGEINT", "BIGNUM", "FLOAT", "DOUBLE", "DECIMAL":
		return true
	}
	return false
}
