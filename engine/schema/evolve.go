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
	e := &evolver{Evolution: Evolution{Refused: map[string]string{}}, exact: exact, room: MaxPaths - Leaves(body)}
	e.Body = e.object("", body, seen)
	return e.Evolution
}

type evolver struct {
	Evolution
	exact func(string) bool
	room  int // leaves that may still be added
}

func (e *evolver) join(path string, t engine.Type, seen *Observation) engine.Type {
	switch t.Kind {
	case engine.Unknown:
		return e.resolve(path, t, seen)
	case engine.Struct:
		return e.object(path, t, seen)
	case engine.List:
		if seen.element == nil {
			return t
		}
		return engine.ListOf(e.join(path+"[]", *t.Elem, seen.element))
	case engine.BigInt:
		return e.widen(path, t, seen)
	}
	return t
}

// resolve gives an unknown path the type its values voted for.
func (e *evolver) resolve(path string, from engine.Type, seen *Observation) engine.Type {
	to := e.fit(path, seen.Type(), seen)
	if !to.Equal(from) && to.Kind != engine.Unknown {
		e.Changes = append(e.Changes, Change{Path: path, Op: "resolve", From: from.String(), To: to.String()})
	}
	return to
}

// fit takes out of an observed type what a table cannot hold: names that
// differ only by case, empty names, and paths beyond the limit.
func (e *evolver) fit(path string, t engine.Type, seen *Observation) engine.Type {
	switch t.Kind {
	case engine.Unknown:
		return t
	case engine.List:
		return engine.ListOf(e.fit(path+"[]", *t.Elem, seen.element))
	case engine.Struct:
		out := engine.Type{Kind: engine.Struct}
		names := map[string]string{}
		for _, f := range t.Fields {
			if e.admits(path, names, f.Name) {
				out.Fields = append(out.Fields, engine.Field{Name: f.Name, Type: e.fit(pathOf(path, f.Name), f.Type, seen.members[f.Name])})
			}
		}
		return out
	}
	if e.room <= 0 {
		e.Refused[path] = "the dataset has reached its limit of typed paths"
		return engine.Type{}
	}
	e.room--
	return t
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
	if strings.IndexByte(name, 0) >= 0 {
		e.Refused[full] = "a name with a NUL cannot be a column"
		return false
	}
	folded := fold(name)
	if other, taken := names[folded]; taken {
		e.Refused[full] = "differs only by case from " + other
		return false
	}
	if e.room <= 0 {
		e.Refused[full] = "the dataset has reached its limit of typed paths"
		return false
	}
	names[folded] = name
	return true
}

func (e *evolver) object(path string, t engine.Type, seen *Observation) engine.Type {
	out := engine.Type{Kind: engine.Struct, Fields: append([]engine.Field(nil), t.Fields...)}
	names := map[string]string{}
	for i, f := range out.Fields {
		names[fold(f.Name)] = f.Name
		if m := seen.members[f.Name]; m != nil {
			out.Fields[i].Type = e.join(pathOf(path, f.Name), f.Type, m)
		}
	}
	for _, name := range seen.order {
		if _, has := t.Field(name); has || seen.members[name].empty() || !e.admits(path, names, name) {
			continue
		}
		m := seen.members[name]
		full := pathOf(path, name)
		added := e.fit(full, m.Type(), m)
		out.Fields = append(out.Fields, engine.Field{Name: name, Type: added})
		e.Changes = append(e.Changes, Change{Path: full, Op: "add", To: added.String()})
	}
	return out
}

func (e *evolver) widen(path string, t engine.Type, seen *Observation) engine.Type {
	to := t
	switch {
	case seen.count[isFloat] > seen.tooHuge && seen.huge == 0:
		if seen.inexact || !e.exact(path) {
			e.Refused[path] = "a stored integer is not exact as a double"
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

// NewVersion reports whether the evolution changes what a table stores or
// what the registry knows.
func (e Evolution) NewVersion() bool { return len(e.Changes) > 0 }
