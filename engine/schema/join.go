package schema

import "tidemark.dev/tidemark/engine"

// Join adds the columns of a typed file to a dataset's body, by the lattice.
// Where the two clash, or only agree while the stored values are exact, the
// dataset's type stands, and the file's values are checked one by one.
func Join(body, file engine.Type) (engine.Type, []Change) {
	var changes []Change
	return join("", body, file, &changes), changes
}

func join(path string, t, u engine.Type, changes *[]Change) engine.Type {
	switch {
	case t.Kind == engine.Struct && u.Kind == engine.Struct:
		return joinStruct(path, t, u, changes)
	case t.Kind == engine.List && u.Kind == engine.List:
		return engine.ListOf(join(path+"[]", *t.Elem, *u.Elem, changes))
	case t.Kind == engine.Map && u.Kind == engine.Map:
		return engine.MapOf(join(path+"[]", *t.Elem, *u.Elem, changes))
	}
	to, step := Meet(t, u)
	if step != Widens {
		return t
	}
	op := "widen"
	if t.Kind == engine.Unknown {
		op = "resolve"
	}
	*changes = append(*changes, Change{Path: path, Op: op, From: t.String(), To: to.String()})
	return to
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
	_, step := Meet(t, u)
	return step == Stays
}
