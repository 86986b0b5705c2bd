// Package explore composes the SQL behind looking around in a dataset: which
// records match, how they lie in time, what values their fields have, and what
// stands before and after one of them.
//
// It owns the text of these queries and the meaning of filters. Running them,
// and where rows come from, is left to others. Values that a person gave are
// always bound as parameters, and names are quoted.
package explore

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Question is which records of a dataset are looked for.
type Question struct {
	Dataset engine.Dataset
	// From and To bound event time to [From, To); zero is no bound.
	From, To time.Time
	// Search is a text that the message holds, in any case.
	Search string
	// Deep searches the texts in body and rest too.
	Deep    bool
	Filters []Filter
	// Params, when not nil, are those of a larger query that this one will be
	// a part of: names that are taken there are avoided, and ours are added.
	Params Params
}

// Params are values for the parameters of a query, by name: text, numbers and
// truth values. A time is its RFC 3339 text.
type Params map[string]any

// Query is SQL with its parameters.
type Query struct {
	SQL    string
	Params Params
}

// Selection is a question that has been checked against its dataset.
type Selection struct {
	dataset engine.Dataset
	params  Params
	terms   []term
}

// term is one condition, written with the columns that a query has.
type term struct {
	paths []engine.Path
	write func(column func(engine.Path) string) string
}

var (
	eventTime = engine.Path{"event_time"}
	late      = engine.Path{"_late"}
	level     = engine.Path{"level"}
	message   = engine.Path{"message"}
)

// Select checks a question: its paths must be in the dataset, and its values
// must be of their types.
func Select(q Question) (*Selection, error) {
	s := &Selection{dataset: q.Dataset, params: q.Params}
	if s.params == nil {
		s.params = Params{}
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return nil, engine.Errorf(engine.Invalid, "explore "+q.Dataset.Name, "the range ends at %s, before it begins", stamp(q.To)).
			WithHint("choose a later end")
	}
	s.between(q.From, q.To)
	if q.Search != "" {
		s.search(q.Search, q.Deep)
	}
	for _, f := range q.Filters {
		if err := s.filter(f); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// stamp writes a time as a parameter's value.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// short writes a column as people write it.
func short(p engine.Path) string { return p.Short() }

// flat writes a column of a relation, which is named by its whole path.
func flat(p engine.Path) string { return engine.QuoteIdent(p.String()) }

func (s *Selection) add(write func(column func(engine.Path) string) string, paths ...engine.Path) {
	s.terms = append(s.terms, term{paths, write})
}

// param binds a value under a name like the wanted one, and gives $name.
func (s *Selection) param(wanted string, value any) string {
	name := strings.Join(strings.FieldsFunc(strings.ToLower(wanted), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "_")
	if name == "" || name[0] <= '9' { // must begin with a letter
		name = strings.TrimRight("value_"+name, "_")
	}
	for i, base := 2, name; ; i++ {
		if other, taken := s.params[name]; !taken || other == value {
			break
		}
		name = fmt.Sprintf("%s_%d", base, i)
	}
	s.params[name] = value
	return "$" + name
}

func (s *Selection) between(from, to time.Time) {
	if !from.IsZero() {
		at := s.param("from", stamp(from)) + "::TIMESTAMPTZ"
		s.add(func(column func(engine.Path) string) string { return column(eventTime) + " >= " + at }, eventTime)
	}
	if !to.IsZero() {
		at := s.param("to", stamp(to)) + "::TIMESTAMPTZ"
		s.add(func(column func(engine.Path) string) string { return column(eventTime) + " < " + at }, eventTime)
	}
}

// search looks for a text in any case.
func (s *Selection) search(text string, deep bool) {
	wanted := "lower(" + s.param("search", text) + ")"
	paths := []engine.Path{message}
	texts := map[string]bool{message.String(): true}
	if deep {
		s.dataset.Walk(func(p engine.Path, t engine.Type) {
			if holdsText(t) {
				paths = append(paths, p)
				texts[p.String()] = t.Kind == engine.Varchar
			}
		})
		paths = append(paths, engine.Path{"rest"})
	}
	s.add(func(column func(engine.Path) string) string {
		parts := make([]string, len(paths))
		for i, p := range paths {
			value := column(p)
			if !texts[p.String()] {
				value += "::VARCHAR"
			}
			parts[i] = "contains(lower(" + value + "), " + wanted + ")"
		}
		if len(parts) == 1 {
			return parts[0]
		}
		return "(" + strings.Join(parts, "\n    OR ") + ")"
	}, paths...)
}

// holdsText reports whether a path is searched: its values are texts, or are
// written as text without much ado. Numbers are found by filters.
func holdsText(t engine.Type) bool {
	switch t.Kind {
	case engine.Varchar, engine.UUID, engine.JSON:
		return true
	case engine.List, engine.Map:
		return t.Elem.Kind == engine.Varchar
	}
	return false
}

// where writes the conditions as a WHERE with its line, or nothing.
func (s *Selection) where(column func(engine.Path) string, more ...string) string {
	var list []string
	for _, t := range s.terms {
		list = append(list, t.write(column))
	}
	list = append(list, more...)
	if len(list) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(list, "\n  AND ")
}

// Where is the selection as the WHERE of a query over the dataset's table, a
// line for each condition; nothing when all records match.
func (s *Selection) Where() string { return s.where(short) }

// Params are the values of the conditions' parameters; not to be changed.
func (s *Selection) Params() Params { return s.params }

// columns are what a list of records shows.
var columns = "event_time, level, service, message, labels, body, rest,\n" +
	"       trace_id, span_id, arrival_time, _seq, _source, _position, _late"

// Rows selects the newest matching records, at most limit of them; 0 is all.
// When since is not zero, the newest limit records are known to lie after it.
func (s *Selection) Rows(limit int, since time.Time) Query {
	params := Params{}
	for name, v := range s.params {
		params[name] = v
	}
	var more []string
	if !since.IsZero() {
		c := Selection{params: params}
		more = append(more, "event_time >= "+c.param("since", stamp(since))+"::TIMESTAMPTZ -- the newest ones are all after this")
	}
	sql := "SELECT " + columns + "\nFROM " + engine.ShortIdent(s.dataset.Name) + s.where(short, more...) +
		"\nORDER BY event_time DESC NULLS LAST, _seq DESC"
	if limit > 0 {
		sql += fmt.Sprintf("\nLIMIT %d", limit)
	}
	return Query{SQL: sql, Params: params}
}

// Place is one record, and what its neighbours must have in common with it.
type Place struct {
	// At is its event time; zero when it has none.
	At time.Time
	// Seq is its _seq.
	Seq int64
	// Same are paths and their values in the record, nil for null.
	Same []Filter
}

// indented moves conditions to the right, but not what stands in names.
var indented = strings.NewReplacer("\nWHERE ", "\n   WHERE ", "\n  AND ", "\n     AND ")

// Around selects the records before and after one, and itself, oldest first.
func Around(ds engine.Dataset, at Place, before, after int) (Query, error) {
	s := &Selection{dataset: ds, params: Params{}}
	for _, f := range at.Same {
		if err := s.filter(f); err != nil {
			return Query{}, err
		}
	}
	seq := s.param("seq", at.Seq)
	earlier, later := "_seq <= "+seq, "_seq > "+seq
	order := []string{"_seq DESC", "_seq"}
	untimed := "event_time IS NULL"
	if !at.At.IsZero() {
		t := s.param("at", stamp(at.At)) + "::TIMESTAMPTZ"
		untimed = ""
		earlier = fmt.Sprintf("event_time <= %[1]s AND (event_time < %[1]s OR %[2]s)", t, earlier)
		later = fmt.Sprintf("event_time >= %[1]s AND (event_time > %[1]s OR %[2]s)", t, later)
		order = []string{"event_time DESC, _seq DESC", "event_time, _seq"}
	}
	part := func(condition, order string, n int) string {
		list := []string{condition}
		if untimed != "" {
			list = append(list, untimed)
		}
		return "  (SELECT " + strings.ReplaceAll(columns, "\n", "\n   ") + "\n   FROM " + engine.ShortIdent(ds.Name) +
			indented.Replace(s.where(short, list...)) + fmt.Sprintf("\n   ORDER BY %s\n   LIMIT %d)", order, n)
	}
	sql := "SELECT *\nFROM (\n" + part(earlier, order[0], before+1) + "\n  UNION ALL\n" + part(later, order[1], after) +
		"\n)\nORDER BY event_time, _seq"
	return Query{SQL: sql, Params: s.params}, nil
}

// And adds a condition that is written with the columns as Path.Short has
// them, and is trusted.
func (s *Selection) And(condition string) {
	s.add(func(func(engine.Path) string) string { return condition })
}
