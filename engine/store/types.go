package store

import (
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// declaredType is a type as DuckDB writes it: STRUCT(a INTEGER, "b c" VARCHAR[]).
type declaredType struct {
	name    string // upper case, without parameters: STRUCT, MAP, LIST, DECIMAL, ...
	fields  []declaredField
	numbers []int // of DECIMAL(p,s)
}

type declaredField struct {
	name string
	typ  declaredType
}

// parseDeclared reads a type that DuckDB has written.
func parseDeclared(s string) declaredType {
	p := &typeParser{s: s}
	return p.typ()
}

type typeParser struct {
	s string
	i int
}

func (p *typeParser) rest() string { return p.s[p.i:] }

func (p *typeParser) skip(prefix string) bool {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	if strings.HasPrefix(p.rest(), prefix) {
		p.i += len(prefix)
		return true
	}
	return false
}

func (p *typeParser) typ() declaredType {
	var t declaredType
	switch {
	case p.skip("STRUCT("):
		t = declaredType{name: "STRUCT", fields: p.fields()}
	case p.skip("UNION("):
		t = declaredType{name: "UNION", fields: p.fields()}
	case p.skip("MAP("):
		key := p.typ()
		p.skip(",")
		t = declaredType{name: "MAP", fields: []declaredField{{"key", key}, {"value", p.typ()}}}
		p.skip(")")
	default:
		t = p.plain()
	}
	for {
		switch {
		case p.skip("[]"):
		case p.skip("["):
			end := strings.IndexByte(p.rest(), ']')
			if end < 0 {
				return t
			}
			p.i += end + 1
		default:
			return t
		}
		t = declaredType{name: "LIST", fields: []declaredField{{"element", t}}}
	}
}

func (p *typeParser) fields() (out []declaredField) {
	for p.i < len(p.s) && !p.skip(")") {
		p.skip("")
		name := p.ident()
		out = append(out, declaredField{name, p.typ()})
		p.skip(",")
	}
	return out
}

func (p *typeParser) ident() string {
	if !p.skip(`"`) {
		end := strings.IndexByte(p.rest(), ' ')
		if end < 0 {
			end = len(p.rest())
		}
		name := p.rest()[:end]
		p.i += end
		return name
	}
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		p.i++
		if c == '"' {
			if !strings.HasPrefix(p.rest(), `"`) {
				break
			}
			p.i++
		}
		b.WriteByte(c)
	}
	return b.String()
}

// plain reads a scalar type's words and skips its parameters.
func (p *typeParser) plain() declaredType {
	p.skip("")
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune(",()[]", rune(p.s[p.i])) {
		p.i++
	}
	t := declaredType{name: strings.ToUpper(strings.TrimSpace(p.s[start:p.i]))}
	if !p.skip("(") {
		return t
	}
	open := p.i
	for quoted := false; p.i < len(p.s) && (quoted || p.s[p.i] != ')'); p.i++ {
		if p.s[p.i] == '\'' {
			quoted = !quoted
		}
	}
	for _, n := range strings.Split(p.s[open:p.i], ",") {
		if v, err := strconv.Atoi(strings.TrimSpace(n)); err == nil {
			t.numbers = append(t.numbers, v)
		}
	}
	p.skip(")")
	return t
}

// lattice places a declared type on the lattice.
func (t declaredType) lattice() engine.Type {
	switch t.name {
	case "BOOLEAN":
		return engine.Scalar(engine.Bool)
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER":
		return engine.Scalar(engine.BigInt)
	case "UBIGINT", "HUGEINT":
		return engine.Scalar(engine.HugeInt)
	case "FLOAT", "DOUBLE":
		return engine.Scalar(engine.Double)
	case "DECIMAL":
		if len(t.numbers) == 2 {
			return engine.Type{Kind: engine.Decimal, Precision: uint8(t.numbers[0]), Scale: uint8(t.numbers[1])}
		}
	case "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS":
		return engine.Scalar(engine.Timestamp)
	case "DATE":
		return engine.Scalar(engine.Date)
	case "UUID":
		return engine.Scalar(engine.UUID)
	case "JSON", "UNION", "VARIANT":
		return engine.Scalar(engine.JSON)
	case "\"NULL\"", "NULL":
		return engine.Type{}
	case "LIST":
		return engine.ListOf(t.fields[0].typ.lattice())
	case "MAP":
		if len(t.fields) == 2 {
			return engine.MapOf(t.fields[1].typ.lattice())
		}
	case "STRUCT":
		out := engine.Type{Kind: engine.Struct}
		for _, f := range t.fields {
			out.Fields = append(out.Fields, engine.Field{Name: f.name, Type: f.typ.lattice()})
		}
		return out
	}
	return engine.Scalar(engine.Varchar)
}

// convertSQL turns a value of a declared type into one that casts to its
// place on the lattice: bytes become base64, unions JSON. Everything else
// casts by itself.
func convertSQL(value, declared string) string {
	return parseDeclared(declared).convert(value, 0)
}

func (t declaredType) needsConversion() bool {
	switch t.name {
	case "BLOB", "UNION", "VARIANT", "BIT":
		return true
	}
	for _, f := range t.fields {
		if f.typ.needsConversion() {
			return true
		}
	}
	return false
}

func (t declaredType) convert(value string, depth int) string {
	if !t.needsConversion() {
		return value
	}
	switch t.name {
	case "BLOB":
		return "base64(" + value + ")"
	case "UNION", "VARIANT":
		return "to_json(" + value + ")"
	case "LIST":
		x := "x" + strconv.Itoa(depth)
		return "list_transform(" + value + ", lambda " + x + ": " + t.fields[0].typ.convert(x, depth+1) + ")"
	case "MAP":
		x := "x" + strconv.Itoa(depth)
		return "CASE WHEN " + value + " IS NOT NULL THEN map_from_entries(list_transform(map_entries(" + value + "), lambda " + x +
			": struct_pack(k := (" + t.fields[0].typ.convert(x+".key", depth+1) + ")::VARCHAR, v := " + t.fields[1].typ.convert(x+".value", depth+1) + "))) END"
	case "STRUCT":
		var members []string
		for _, f := range t.fields {
			member := value + "." + engine.QuoteIdent(f.name)
			members = append(members, engine.QuoteIdent(f.name)+" := "+f.typ.convert(member, depth))
		}
		return "CASE WHEN " + value + " IS NOT NULL THEN struct_pack(" + strings.Join(members, ", ") + ") END"
	}
	return value + "::VARCHAR"
}
