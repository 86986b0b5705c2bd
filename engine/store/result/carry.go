package result

import (
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Carry wraps a SELECT so that the driver hands over its values without loss,
// when it would not: it parses JSON into floats, knows no TIME_NS, and
// compares the keys of a map one by one. names and types describe the
// columns of the query. The rows then arrive as the delivered types say, in
// which a JSON value is its text. ok is false when the query is good as it is.
//
// The query stands on its own lines, one further down than before.
func Carry(query string, names, types []string) (wrapped string, delivered []string, ok bool) {
	columns := make([]string, len(names))
	aliases := make([]string, len(names))
	delivered = make([]string, len(names))
	for i, name := range names {
		aliases[i] = "c" + strconv.Itoa(i)
		t := ParseType(types[i])
		value, became := carry(aliases[i], t)
		columns[i] = value + " AS " + engine.QuoteIdent(name)
		delivered[i] = became.String()
		ok = ok || value != aliases[i]
	}
	if !ok {
		return query, delivered, false
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (\n" + query + "\n) AS t(" + strings.Join(aliases, ", ") + ")", delivered, true
}

// carry gives the expression that fetches a column, and the type that its
// values have when JSON text is taken for JSON.
func carry(column string, t Type) (string, Type) {
	cast, became := t.driver(), t.delivered()
	value := column
	if t.Name == "MAP" {
		// As a list of entries, a key may be of any type.
		key, elem := t.Key.driver(), t.Elem.driver()
		cast = Type{Name: "MAP", Key: &key, Elem: &elem}
		keyBecame, elemBecame := t.Key.delivered(), t.Elem.delivered()
		became = Type{Name: "MAP", Key: &keyBecame, Elem: &elemBecame}
	}
	if cast.String() != t.String() {
		value = "CAST(" + column + " AS " + cast.String() + ")"
	}
	if t.Name == "MAP" {
		value = "map_entries(" + value + ")"
	}
	return value, became
}

// driver is the type to cast to so that the driver reads it well.
func (t Type) driver() Type {
	return t.rewrite(func(t Type) Type {
		switch t.Name {
		case "JSON", "TIME_NS":
			return Type{Name: "VARCHAR"}
		}
		return t
	})
}

// delivered is what driver gives, with JSON still told from text.
func (t Type) delivered() Type {
	return t.rewrite(func(t Type) Type { return t })
}

func (t Type) rewrite(leaf func(Type) Type) Type {
	switch t.Name {
	case "LIST", "ARRAY":
		elem := t.Elem.rewrite(leaf)
		t.Elem = &elem
	case "MAP":
		key, elem := t.Key.rewrite(leaf), t.Elem.rewrite(leaf)
		if !key.comparable() {
			key = Type{Name: "VARCHAR"}
		}
		t.Key, t.Elem = &key, &elem
	case "STRUCT", "UNION":
		fields := make([]TypeField, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = TypeField{f.Name, f.Type.rewrite(leaf)}
			if f.Name == "" { // of row(): the driver would lose all but one
				fields[i].Name = strconv.Itoa(i + 1)
			}
		}
		t.Fields = fields
	default:
		return leaf(t)
	}
	return t
}

// comparable reports whether the driver can compare keys of the type: it
// panics on bytes and refuses nested ones.
func (t Type) comparable() bool {
	switch t.Name {
	case "BLOB", "UUID", "BIT", "GEOMETRY", "LIST", "ARRAY", "STRUCT", "MAP", "UNION", "JSON", "TIME_NS":
		return false
	}
	return true
}
