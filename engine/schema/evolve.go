package schema

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Evolution is the next version of a dataset's type.
type Evolution struct {
	Body    engine.Type
	Changes []Change
	// Refused tells, by path, why a path that was observed got no type; the
	// Conformer then sets its values aside without asking again.
	Refused map[string]string
}

// Evolve joins what was observed into a dataset's type. A type only moves up
// the lattice: members are added, unknown becomes known, bigint widens to
// hugeint or double. exact says whether every value stored under a bigint
// path is exact as a double; only then may it widen to double.
func Evolve(body engine.Type, seen *Observation, exact func(path string) bool) Evolution {
	return EvolveWithin(MaxPaths, body, seen, exact)
}

// EvolveWithin is Evolve for a dataset with a limit of typed paths of its own.
func EvolveWithin(limit int, body engine.Type, seen *Observation, exact func(path string) bool) Evolution {
	e := &evolver{
		Evolution: Evolution{Refused: map[string]string{}}, exact: exact,
		room: limit - Leaves(body), spare: limit - unknowns(body),
	}
	e.Body = e.object("", 0, body, seen)
	return e.Evolution
}

type evolver struct {
	Evolution
	exact func(string) bool
	room  int // leaves that may still be added
	spare int // paths without a type that may still be added
}

// Why a path gets no type.
const (
	outOfRoom = "the dataset has reached its limit of typed paths"
	tooWide   = "its object has as many members as become columns by themselves"
	tooDeep   = "it is nested too deeply for a column"
	tooLong   = "its name is too long for a column"
	notExact  = "a stored integer is not exact as a double"
)

func (e *evolver) join(path string, depth int, t engine.Type, seen *Observation) engine.Type {
	switch t.Kind {
	case engine.Unknown:
		return e.resolve(path, depth, t, seen)
	case engine.Struct:
		return e.object(path, depth, t, seen)
	case engine.List:
		if seen.element == nil {
			return t
		}
		return engine.ListOf(e.join(path+"[]", depth+1, *t.Elem, seen.element))
	case engine.Map:
		elem := *t.Elem
		for _, name := range seen.order {
			elem = e.join(path+"[]", depth+1, elem, seen.members[name])
		}
		return engine.MapOf(elem)
	case engine.BigInt:
		return e.widen(path, t, seen)
	case engine.Decimal:
		return e.lengthen(path, t, seen)
	}
	return t
}

// resolve gives an unknown path the type its values voted for.
func (e *evolver) resolve(path string, depth int, from engine.Type, seen *Observation) engine.Type {
	to := seen.Type()
	if to.Kind == engine.Unknown {
		return from
	}
	if to = e.fit(path, depth, to, seen); to.Kind != engine.Unknown {
		e.Changes = append(e.Changes, Change{Path: path, Op: "resolve", From: from.String(), To: to.String()})
	}
	return to
}

// fit takes out of an observed type what a table cannot hold: names that
// differ only by case, empty names, and paths beyond the limits.
func (e *evolver) fit(path string, depth int, t engine.Type, seen *Observation) engine.Type {
	switch t.Kind {
	case engine.Unknown:
		e.spare--
		return t
	case engine.List, engine.Map, engine.Struct:
		if depth >= maxTypeDepth {
			e.Refused[path] = tooDeep
			return engine.Type{}
		}
	}
	switch t.Kind {
	case engine.List:
		return engine.ListOf(e.fit(path+"[]", depth+1, *t.Elem, seen.element))
	case engine.Map:
		return engine.MapOf(e.fit(path+"[]", depth+1, *t.Elem, seen.together()))
	case engine.Struct:
		out := engine.Type{Kind: engine.Struct}
		names := map[string]string{}
		for _, f := range t.Fields {
			if len(out.Fields) >= MaxMembers {
				break
			}
			if e.admits(path, names, f.Name) {
				out.Fields = append(out.Fields, engine.Field{Name: f.Name, Type: e.fit(pathOf(path, f.Name), depth+1, f.Type, seen.members[f.Name])})
			}
		}
		return out
	}
	if e.room <= 0 {
		e.Refused[path] = outOfRoom
		return engine.Type{}
	}
	e.room--
	if t.Kind == engine.BigInt && seen.count[isFloat] > 0 { // numeric chose to keep the integers
		e.Refused[path] = notExact
	}
	return t
}

// unknowns counts the paths of t that have no type yet.
func unknowns(t engine.Type) int {
	switch t.Kind {
	case engine.Unknown:
		return 1
	case engine.List, engine.Map:
		return unknowns(*t.Elem)
	}
	n := 0
	for _, f := range t.Fields {
		n += unknowns(f.Type)
	}
	return n
}

// admits decides whether a name may become a member beside those in names,
// which maps folded names to names and takes the new one in.
func (e *evolver) admits(path string, names map[string]string, name string) bool {
	full := pathOf(path, name)
	if _, refused := e.Refused[full]; refused {
		return false
	}
	if name == "" {
		e.Refused[full] = "an empty name cannot be a column"
		return false
	}
	if len(full) > MaxPath {
		e.Refused[full] = tooLong
		return false
	}
	if strings.IndexByte(name, 0) >= 0 {
		e.Refused[full] = "a name with a NUL cannot be a column"
		return false
	}
	folded := fold(name)
	if other, taken := names[folded]; taken {
		e.Refused[full] = "differs only by case from " + other
		return false
	}
	if e.room <= 0 || e.spare <= 0 { // the conformer knows by itself
		return false
	}
	names[folded] = name
	return true
}

func (e *evolver) object(path string, depth int, t engine.Type, seen *Observation) engine.Type {
	out := engine.Type{Kind: engine.Struct, Fields: append([]engine.Field(nil), t.Fields...)}
	names := map[string]string{}
	for i, f := range out.Fields {
		names[fold(f.Name)] = f.Name
		if m := seen.members[f.Name]; m != nil {
			out.Fields[i].Type = e.join(pathOf(path, f.Name), depth+1, f.Type, m)
		}
	}
	for _, name := range seen.order {
		if path != "" && len(out.Fields) >= MaxMembers {
			break
		}
		if _, has := t.Field(name); has || seen.members[name].empty() || !e.admits(path, names, name) {
			continue
		}
		full := pathOf(path, name)
		added := e.fit(full, depth+1, seen.members[name].Type(), seen.members[name])
		out.Fields = append(out.Fields, engine.Field{Name: name, Type: added})
		e.Changes = append(e.Changes, Change{Path: full, Op: "add", To: added.String()})
	}
	return out
}

func (e *evolver) widen(path string, t engine.Type, seen *Observation) engine.Type {
	to := t
	switch {
	case seen.count[isFloat] > 0 && seen.huge == 0:
		if seen.inexact || !e.exact(path) {
			e.Refused[path] = notExact
			return t
		}
		to = engine.Scalar(engine.Double)
	case seen.huge > 0:
		to = engine.Scalar(engine.HugeInt)
	default:
		return t
	}
	e.Changes = append(e.Changes, Change{Path: path, Op: "widen", From: t.String(), To: to.String()})
	return to
}

// lengthen gives a decimal the digits that integers need.
func (e *evolver) lengthen(path string, t engine.Type, seen *Observation) engine.Type {
	to, step := Meet(t, engine.Scalar(engine.BigInt))
	if step != Widens || seen.huge > 0 || seen.digits <= int(wholeDigits(t)) {
		return t
	}
	e.Changes = append(e.Changes, Change{Path: path, Op: "widen", From: t.String(), To: to.String()})
	return to
}

// NewVersion reports whether the evolution changes what a table stores or
// what the registry knows.
func (e Evolution) NewVersion() bool { return len(e.Changes) > 0 }
