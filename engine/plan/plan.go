package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Plan is what is computed from a dataset: which records count, how they are
// grouped into windows, what is measured of each, and which windows breach.
type Plan struct {
	Dataset string
	// Where leaves records out; nil keeps all.
	Where  Expr
	Window Window
	Keys   []Key
	// Aggregates are computed from records, each once.
	Aggregates []*Aggregate
	// Measures are computed from keys, aggregates and earlier measures.
	Measures []Measure
	// Pasts are what When, and what else is evaluated on windows, looks back
	// at; see Trail.
	Pasts []Past
	// When is true for a breaching window, null for a missing datapoint; nil
	// if the plan only measures.
	When Expr
}

// Key is a path whose values divide the records into groups.
type Key struct {
	Name string
	Path engine.Path
	// Stored is the path's type in the table.
	Stored engine.Type
	// Column reads it.
	Column Expr
}

// NewKey groups by a path whose place and type come from Dataset.Resolve.
func NewKey(name string, path engine.Path, t engine.Type) (Key, error) {
	column, err := NewColumn(path, t)
	if err != nil {
		return Key{}, err
	}
	if column.Type() == engine.Double || opaque(column) {
		return Key{}, invalid("records cannot be grouped by %s, which is a %s", path, t.Kind).
			WithHint("group by text, an integer, true or false, or a time")
	}
	return Key{Name: name, Path: path, Stored: t, Column: column}, nil
}

// Measure is a named value of a window.
type Measure struct {
	Name string
	Expr Expr
}

// AddAggregate gives the place of an aggregate, adding it if the plan does
// not compute it yet.
func (p *Plan) AddAggregate(a *Aggregate) Expr {
	i := slices.IndexFunc(p.Aggregates, a.same)
	if i < 0 {
		i, p.Aggregates = len(p.Aggregates), append(p.Aggregates, a)
	}
	return NewRef(AggregateRef, i, aggregateName(i), a.Type())
}

// aggregateName cannot be the name of a measure.
func aggregateName(i int) string { return fmt.Sprintf("#%d", i+1) }

// Columns lists the paths of a record that the plan reads, each once; event
// time comes first and the mark of late records second.
func (p *Plan) Columns() []engine.Path {
	all := []engine.Path{eventTime, late}
	for _, k := range p.Keys {
		all = append(all, k.Path)
	}
	if p.Where != nil {
		all = append(all, Columns(p.Where)...)
	}
	for _, a := range p.Aggregates {
		all = append(all, a.Columns()...)
	}
	var paths []engine.Path
	for _, path := range all {
		if !slices.ContainsFunc(paths, func(q engine.Path) bool { return slices.Equal(path, q) }) {
			paths = append(paths, path)
		}
	}
	return paths
}

var late = engine.Path{"_late"}

// Range is a span of whole windows: From is a window's start, To the start of
// the first window left out.
type Range struct{ From, To time.Time }

// Row is the row of one window of one group, as Query yields it.
type Row struct {
	// Window counts windows from the start of the range.
	Window int64
	// Records entered the window; Late of them were late.
	Records, Late int64
	Env
}

// Query is the statement that yields the plan's windows over relation, a
// parenthesised SELECT of Columns: one pass, one row for every window and
// group with records, by group and then by time. Finisher.Scan reads its rows.
func (p *Plan) Query(relation string, r Range) (string, error) {
	return p.QueryGiven(relation, r, Facts{})
}

// QueryGiven is Query over records of which something is known.
func (p *Plan) QueryGiven(relation string, r Range, facts Facts) (string, error) {
	w := recordWriter()
	w.facts = facts
	var s string
	err := w.try(func() { s = p.grouped(w, relation, r) })
	return s, err
}

// Identity is the same for plans that compute the same of the same windows from
// the same records.
func (p *Plan) Identity() (parts []string, err error) {
	w := recordWriter()
	err = w.try(func() {
		at := p.Window
		parts = []string{p.Dataset, at.String(), at.Offset.String(), p.panes(w, "r", Range{}, nil)}
	})
	return parts, err
}

// Check fails if the plan is too large to be written as SQL.
func (p *Plan) Check() error {
	w := recordWriter()
	return w.try(func() {
		if p.Window.Kind == Tumbling {
			p.grouped(w, p.Dataset, Range{})
		} else {
			p.panes(w, p.Dataset, Range{}, nil)
		}
		p.finished(w)
		if p.looksBack() {
			p.judged(w, "")
		}
	})
}

func recordWriter() *sqlWriter {
	return &sqlWriter{
		column: func(path engine.Path) string { return "r." + engine.QuoteIdent(path.String()) },
		ref:    func(r *Ref) string { return engine.QuoteIdent(r.Name) },
	}
}

func (p *Plan) grouped(w *sqlWriter, relation string, r Range) string {
	at := w.column(eventTime)
	since := "epoch_us(" + at + ")"
	if from := r.From.UnixMicro(); from != 0 {
		since = fmt.Sprintf("(%s - %d)", since, from)
	}
	columns := []string{fmt.Sprintf("%s // %d AS %s", since, p.Window.Size.Microseconds(), engine.QuoteIdent(windowName))}
	group := []string{"1"}
	for i, k := range p.Keys {
		columns = append(columns, w.raw(k.Column)+" AS "+engine.QuoteIdent(k.Name))
		group = append(group, fmt.Sprint(i+2))
	}
	columns = append(columns, `count(*) AS "#records"`, w.lateCount()+` AS "#late"`)
	for i, a := range p.Aggregates {
		for j, s := range a.sql(w) {
			columns = append(columns, s+" AS "+engine.QuoteIdent(partName(i, j)))
		}
	}
	where := []string{at + " >= " + literalSQL(Time(r.From))}
	if r.To.IsZero() {
		where = append(where, "isfinite("+at+")")
	} else {
		where = append(where, at+" < "+literalSQL(Time(r.To)))
	}
	if p.Where != nil {
		where = append(where, w.truth(p.Where))
	}
	return "SELECT " + strings.Join(columns, ",\n       ") +
		"\nFROM " + relation + " AS r" +
		"\nWHERE " + strings.Join(where, "\n  AND ") +
		"\nGROUP BY " + strings.Join(group, ", ") +
		"\nORDER BY " + strings.Join(append(group[1:len(group):len(group)], "1"), ", ")
}

const windowName = "#window"

func partName(i, j int) string { return fmt.Sprintf("#%d.%d", i+1, j+1) }

// SQL is the plan as one statement over the dataset's own table, for people
// to read and run: the windows since 1970 with their measures and whether
// they breach. Where windows in a time zone begin is computed for the records
// at hand, so that there is only a remark in its place.
func (p *Plan) SQL() (string, error) {
	if p.Window.Zone != nil {
		return "-- Windows in " + p.Window.Zone.String() + " begin where the clock there says so, which is computed for the\n-- records at hand: no single statement over " + engine.QuoteIdent(p.Dataset) + " does it.", nil
	}
	paths := p.Columns()
	columns := make([]string, len(paths))
	for i, path := range paths {
		columns[i] = path.SQL() + " AS " + engine.QuoteIdent(path.String())
	}
	relation := "(SELECT " + strings.Join(columns, ", ") + " FROM " + engine.QuoteIdent(p.Dataset) + ")"
	w := recordWriter()
	var s string
	err := w.try(func() {
		s = p.measured(w, p.whole(w, relation))
		if p.looksBack() {
			s = p.judged(w, s)
		}
	})
	return s, err
}

func (p *Plan) whole(w *sqlWriter, relation string) string {
	if p.Window.Kind == Tumbling {
		return p.grouped(w, relation, Range{From: p.Window.Start(0)})
	}
	return p.panes(w, relation, Range{}, nil)
}

// finished lists the columns of SQL over those of grouped. Measures refer to
// each other by the names they have in the same SELECT.
func (p *Plan) finished(w *sqlWriter) []string {
	columns := p.places()
	p.refer(w)
	for _, m := range p.Measures {
		columns = append(columns, w.finite(m.Expr)+" AS "+engine.QuoteIdent(m.Name))
	}
	if p.When != nil && !p.looksBack() {
		columns = append(columns, w.finite(p.When)+" AS breaching")
	}
	return columns
}

// places lists the columns that say which window and group it is.
func (p *Plan) places() []string {
	start := fmt.Sprintf("%s * %d", engine.QuoteIdent(windowName), p.Window.Size.Microseconds())
	if p.Window.Offset != 0 {
		start += fmt.Sprintf(" + %d", p.Window.Offset.Microseconds())
	}
	columns := []string{"make_timestamptz(" + start + `) AS "window start"`}
	if p.Window.Kind != Tumbling {
		columns = []string{`make_timestamptz("#start") AS "window start"`, `make_timestamptz("#end") AS "window end"`}
	}
	if p.looksBack() && p.Window.Kind == Tumbling {
		columns = append(columns, start+` AS "#start"`, fmt.Sprintf(`%s + %d AS "#end"`, start, p.Window.Size.Microseconds()))
	} else if p.looksBack() {
		columns = append(columns, `"#start"`, `"#end"`)
	}
	for _, k := range p.Keys {
		columns = append(columns, engine.QuoteIdent(k.Name))
	}
	return columns
}

// refer writes aggregates by their parts, and all else by its name.
func (p *Plan) refer(w *sqlWriter) {
	w.ref = func(r *Ref) string {
		if r.To != AggregateRef {
			return engine.QuoteIdent(r.Name)
		}
		a := p.Aggregates[r.Index]
		parts := make([]string, a.parts())
		for j := range parts {
			parts[j] = engine.QuoteIdent(partName(r.Index, j))
		}
		return "(" + a.finishSQL(parts) + ")"
	}
}

// looksBack reports whether when needs earlier windows.
func (p *Plan) looksBack() bool { return p.When != nil && len(p.Pasts) > 0 }

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// HasMeasure reports whether there is a measure of that name.
func (p *Plan) HasMeasure(name string) bool {
	return slices.ContainsFunc(p.Measures, func(m Measure) bool { return m.Name == name })
}
