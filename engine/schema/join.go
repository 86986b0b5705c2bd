package schema

import "tidemark.dev/tidemark/engine"

// Join adds the columns of a typed file to a dataset's body. What the two
// agree on stays; what only the file has is added; where they differ the
// dataset's type stands, and the file's values are checked one by one.
func Join(body, file engine.Type) (engine.Type, []Change) {
	var changes []Change
	return join("", body, file, &changes), changes
}

func join(path string, t, u engine.Type, changes *[]Change) engine.Type {
	switch {
	case t.Kind == engine.Unknown && u.Kind != engine.Unknown:
		*changes = append(*changes, Change{Path: path, Op: "resolve", From: t.String(), To: u.String()})
		return u
	case t.Kind == engine.Struct && u.Kind == engine.Struct:
		return joinStruct(path, t, u, changes)
	case t.Kind == engine.List && u.Kind == engine.List:
		return engine.ListOf(join(path+"[]", *t.Elem, *u.Elem, changes))
	case t.Kind == engine.Map && u.Kind == engine.Map:
		return engine.MapOf(join(path+"[]", *t.Elem, *u.Elem, changes))
	case t.Kind == engine.BigInt && u.Kind == engine.HugeInt:
		*changes = append(*changes, Change{Path: path, Op: "widen", From: t.String(), To: u.String()})
		return u
	}
	return t
}

func joinStruct(path string, t, u engine.Type, changes *[]Change) engine.Type {
	out := engine.Type{Kind: engine.Struct, Fields: append([]engine.Field(nil), t.Fields...)}
	at := map[string]int{}
	for i, f := range out.Fields {
		at[fold(f.Name)] = i
	}
	for _, f := range u.Fields {
		full := pathOf(path, f.Name)
		if i, has := at[fold(f.Name)]; has {
			if out.Fields[i].Name == f.Name {
				out.Fields[i].Type = join(full, out.Fields[i].Type, f.Type, changes)
			}
			continue
		}
		at[fold(f.Name)] = len(out.Fields)
		out.Fields = append(out.Fields, f)
		*changes = append(*changes, Change{Path: full, Op: "add", To: f.Type.String()})
	}
	return out
}

// Holds reports whether every value of type u fits t as it is, so that a
// typed file can be loaded without looking at each value.
func Holds(t, u engine.Type) bool {
	switch {
	case u.Kind == engine.Unknown:
		return true
	case t.Kind == engine.Struct && u.Kind == engine.Struct:
		for _, f := range u.Fields {
			have, ok := t.Field(f.Name)
			if !ok || !Holds(have, f.Type) {
				return false
			}
		}
		return true
	case t.Kind == engine.List && u.Kind == engine.List, t.Kind == engine.Map && u.Kind == engine.Map:
		return Holds(*t.Elem, *u.Elem)
	case t.Kind == engine.HugeInt && u.Kind == engine.BigInt:
		return true
	}
	return t.Equal(u)
}
