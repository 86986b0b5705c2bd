package schema

import "tidemark.dev/tidemark/engine"

// Step says what becomes of a path's type when values of another type come.
type Step uint8

// The steps, from the one that changes nothing to the one that cannot be
// taken. The step of a list, a map or a struct is the greatest of its parts.
const (
	// Stays: the type holds every value of the other.
	Stays Step = iota
	// Looks: the type stays, and each value is looked at: what it holds
	// exactly is stored, what it does not is a conflict.
	Looks
	// Widens: the type moves up the lattice; readers of the old one are right
	// still. It is a minor change.
	Widens
	// WidensExact: as Widens, if every value that is stored under the old type
	// is exact in the new one; else as Clashes.
	WidensExact
	// Clashes: no type holds both. The type stays, and the values are
	// conflicts. Only a person can give the path another type, and that is a
	// major change.
	Clashes
)

// String gives the sign that the table of joins uses.
func (s Step) String() string { return [...]string{"=", "?", "+", "+?", "!"}[s] }

// Meet is the lattice: what a path of type t becomes when values of type u
// come, and by which step. Where a part clashes, that part stays as it is.
func Meet(t, u engine.Type) (engine.Type, Step) {
	switch {
	case u.Kind == engine.Unknown:
		return t, Stays
	case t.Kind == engine.Unknown:
		return u, Widens
	case t.Kind == engine.JSON:
		return t, pick(u.Kind == engine.JSON, Stays, Looks)
	case t.Kind == engine.Struct || t.Kind == engine.List || t.Kind == engine.Map:
		return meetNested(t, u)
	case t.Numeric() && u.Numeric():
		return meetNumbers(t, u)
	case t.Kind == u.Kind:
		return t, Stays
	case u.Kind == engine.JSON: // may be a value of any type
		return t, Looks
	}
	return t, pick(readsAs(t.Kind, u.Kind), Looks, Clashes)
}

func pick(ok bool, yes, no Step) Step {
	if ok {
		return yes
	}
	return no
}

// readsAs reports whether some values of kind u, as JSON text, are values of
// the scalar kind t.
func readsAs(t, u engine.TypeKind) bool {
	switch t {
	case engine.Varchar: // a file's dates, UUIDs and moments are text
		return u == engine.Timestamp || u == engine.Date || u == engine.UUID
	case engine.Timestamp: // text and epochs
		return u == engine.Varchar || u == engine.Date || u == engine.BigInt || u == engine.HugeInt || u == engine.Double || u == engine.Decimal
	case engine.Date, engine.UUID, engine.Decimal:
		return u == engine.Varchar
	}
	return false
}

func meetNumbers(t, u engine.Type) (engine.Type, Step) {
	switch {
	case t.Kind == u.Kind && t.Kind != engine.Decimal:
		return t, Stays
	case t.Kind == engine.BigInt && u.Kind == engine.HugeInt:
		return u, Widens
	case t.Kind == engine.BigInt && u.Kind == engine.Double:
		return u, WidensExact
	case t.Kind == engine.HugeInt && u.Kind == engine.BigInt:
		return t, Stays
	case t.Kind == engine.Double || t.Kind == engine.Decimal && (u.Kind == engine.Double || u.Kind == engine.HugeInt):
		return t, Looks
	case t.Kind == engine.HugeInt:
		return t, Clashes
	}
	return meetDecimals(t, u)
}

// meetDecimals finds the decimal that holds both; a bigint counts as one of
// nineteen digits.
func meetDecimals(t, u engine.Type) (engine.Type, Step) {
	whole := max(wholeDigits(t), wholeDigits(u))
	scale := max(t.Scale, u.Scale)
	if t.Kind == engine.Decimal && t.Scale == scale && wholeDigits(t) == whole {
		return t, Stays
	}
	if whole+scale > 38 {
		return t, pick(t.Kind == engine.Decimal, Looks, Clashes)
	}
	return engine.Type{Kind: engine.Decimal, Precision: whole + scale, Scale: scale}, Widens
}

func wholeDigits(t engine.Type) uint8 {
	if t.Kind == engine.BigInt {
		return 19
	}
	return t.Precision - t.Scale
}

func meetNested(t, u engine.Type) (engine.Type, Step) {
	switch {
	case t.Kind == engine.Struct && u.Kind == engine.Struct:
		return meetStructs(t, u)
	case t.Kind == engine.List && u.Kind == engine.List:
		of, step := Meet(*t.Elem, *u.Elem)
		return engine.ListOf(of), step
	case t.Kind == engine.Map && u.Kind == engine.Map:
		of, step := Meet(*t.Elem, *u.Elem)
		return engine.MapOf(of), step
	case t.Kind == engine.Map && u.Kind == engine.Struct:
		return meetMembers(t, u)
	case u.Kind == engine.JSON, t.Kind == engine.Struct && u.Kind == engine.Map: // the names are in the values
		return t, Looks
	}
	return t, Clashes
}

// meetMembers takes objects with known members into a map.
func meetMembers(t, u engine.Type) (engine.Type, Step) {
	of, step := *t.Elem, Looks
	for _, f := range u.Fields {
		var s Step
		of, s = Meet(of, f.Type)
		step = max(step, s)
	}
	return engine.MapOf(of), step
}

func meetStructs(t, u engine.Type) (engine.Type, Step) {
	out := engine.Type{Kind: engine.Struct, Fields: append([]engine.Field(nil), t.Fields...)}
	at := map[string]int{}
	for i, f := range out.Fields {
		at[fold(f.Name)] = i
	}
	step := Stays
	for _, f := range u.Fields {
		i, has := at[fold(f.Name)]
		switch {
		case !has:
			at[fold(f.Name)] = len(out.Fields)
			out.Fields = append(out.Fields, f)
			step = max(step, Widens)
		case out.Fields[i].Name != f.Name: // DuckDB knows one of two names that differ by case
			step = Clashes
		default:
			var s Step
			out.Fields[i].Type, s = Meet(out.Fields[i].Type, f.Type)
			step = max(step, s)
		}
	}
	return out, step
}
