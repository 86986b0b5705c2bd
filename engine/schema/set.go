package schema

import (
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// SetType gives one path of a body another type, as a person asks. A path
// that does not exist is added. The change is zero when nothing changes.
func SetType(body engine.Type, path engine.Path, to engine.Type) (engine.Type, Change, error) {
	if !utf8.ValidString(path.String()) {
		return body, Change{}, engine.Errorf(engine.Invalid, "set a type", "the name %q is not valid UTF-8", path.String())
	}
	out, from, err := setType(body, path, to)
	if err != nil {
		return body, Change{}, err
	}
	change := Change{Path: path.String(), To: to.String()}
	switch {
	case from == nil:
		change.Op = "add"
	case from.Equal(to):
		return body, Change{}, nil
	case to.AsText && from.Kind == to.Kind:
		change.Op, change.From, change.To = "widen", from.String(), to.String()+" of all values"
	case !from.Known():
		change.Op, change.From = "resolve", from.String()
	case widened(*from, to):
		change.Op, change.From = "widen", from.String()
	default:
		change.Op, change.From = "retype", from.String()
	}
	return out, change, nil
}

// widened reports whether a type moves up the lattice. What is stored is looked
// at one by one in any case: what the new type does not hold goes to rest.
func widened(from, to engine.Type) bool {
	up, step := Meet(from, to)
	return (step == Widens || step == WidensExact) && up.Equal(to)
}

func setType(t engine.Type, path engine.Path, to engine.Type) (engine.Type, *engine.Type, error) {
	if t.Kind != engine.Struct && t.Kind != engine.Unknown {
		return t, nil, engine.Errorf(engine.Invalid, "set a type", "%s has no members", t).WithHint("name the path of a struct's member")
	}
	out := engine.Type{Kind: engine.Struct, Fields: append([]engine.Field(nil), t.Fields...)}
	for i, f := range out.Fields {
		if f.Name != path[0] {
			if fold(f.Name) == fold(path[0]) {
				return t, nil, engine.Errorf(engine.Conflict, "set a type", "%s differs only by case from %s", path[0], f.Name)
			}
			continue
		}
		if len(path) == 1 {
			from := f.Type
			out.Fields[i].Type = to
			return out, &from, nil
		}
		inner, from, err := setType(f.Type, path[1:], to)
		out.Fields[i].Type = inner
		return out, from, err
	}
	added := to
	for i := len(path) - 1; i > 0; i-- {
		added = engine.StructOf(engine.Field{Name: path[i], Type: added})
	}
	out.Fields = append(out.Fields, engine.Field{Name: path[0], Type: added})
	return out, nil, nil
}
