package yamlfile

import (
	"reflect"
	"strings"
)

// field is one key that a struct has.
type field struct {
	name  string
	index []int
	doc   string
	enum  []string
}

// fieldsOf lists the keys of a struct in order; the fields of embedded
// structs without a tag are its own. at is the index of its At field, or nil.
//
// Besides `yaml`, two tags serve the JSON Schema: `doc`, a sentence, and
// `enum`, the allowed values with | between them. `enum` is enforced.
func fieldsOf(t reflect.Type) (fields []field, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == atType {
			at = f.Index
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			inner, innerAt := fieldsOf(f.Type)
			for _, g := range inner {
				g.index = append([]int{i}, g.index...)
				fields = append(fields, g)
			}
			if innerAt != nil {
				at = append([]int{i}, innerAt...)
			}
			continue
		case !f.IsExported() || name == "":
			continue
		}
		g := field{name: name, index: f.Index, doc: f.Tag.Get("doc")}
		if e := f.Tag.Get("enum"); e != "" {
			g.enum = strings.Split(e, "|")
		}
		fields = append(fields, g)
	}
	return fields, at
}

var atType = reflect.TypeFor[At]()
