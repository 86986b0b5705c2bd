package store

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// writtenSQL is a value as a record would have it at a path of text: a list or
// an object as JSON, anything else as it is. Members without a value are left
// out, for a column does not tell them from those that never came.
func writtenSQL(value string, t engine.Type) string {
	switch t.Kind {
	case engine.Struct, engine.List, engine.Map:
		return jsonSQL(value, t, 0)
	}
	return "(" + value + ")::VARCHAR"
}

// jsonSQL is the JSON of a value; it is null of null. depth tells the lambdas
// of lists within lists apart.
func jsonSQL(value string, t engine.Type, depth int) string {
	text := "to_json(" + value + ")::VARCHAR"
	switch t.Kind {
	case engine.Struct:
		members := []string{"NULL"}
		for _, f := range t.Fields {
			if f.Type.Known() {
				name := "to_json(" + engine.QuoteText(f.Name) + ")::VARCHAR || ':' || "
				members = append(members, name+jsonSQL(value+"."+engine.QuoteIdent(f.Name), f.Type, depth))
			}
		}
		text = "'{' || concat_ws(',', " + strings.Join(members, ", ") + ") || '}'"
	case engine.List:
		one := fmt.Sprintf("e%d", depth)
		text = "'[' || array_to_string(list_transform(" + value + ", lambda " + one + ": coalesce(" + jsonSQL(one, *t.Elem, depth+1) + ", 'null')), ',') || ']'"
	}
	return "CASE WHEN " + value + " IS NOT NULL THEN " + text + " END"
}
