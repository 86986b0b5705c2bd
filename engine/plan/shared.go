package plan

import (
	"database/sql"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Shared is one computation for several plans that cut time alike, group
// alike and let the same records count: the aggregates of all of them in one
// query.
type Shared struct {
	// Plan has the aggregates of all, and measures nothing.
	Plan *Plan
	// places says for each plan where its aggregates are among them.
	places [][]int
	fin    *Finisher
}

// Likeness is the same for plans that can be shared.
func (p *Plan) Likeness() (string, error) {
	w := recordWriter()
	var parts []string
	err := w.try(func() {
		parts = append(parts, p.Dataset, p.Window.String(), p.Window.Offset.String(), fmt.Sprint(p.Window.Kind))
		for _, k := range p.Keys {
			parts = append(parts, w.raw(k.Column))
		}
		parts = append(parts, p.kept(w)...)
	})
	return strings.Join(parts, "\x00"), err
}

// Share computes plans of one likeness together.
func Share(plans []*Plan) *Shared {
	first := plans[0]
	all := &Plan{Dataset: first.Dataset, Where: first.Where, Window: first.Window, Keys: first.Keys}
	s := &Shared{Plan: all}
	for _, p := range plans {
		places := make([]int, len(p.Aggregates))
		for i, a := range p.Aggregates {
			places[i] = all.place(a)
		}
		s.places = append(s.places, places)
	}
	s.fin = all.NewFinisher()
	return s
}

// place is where an aggregate is among the plan's, which has it from now on.
func (p *Plan) place(a *Aggregate) int {
	for i, has := range p.Aggregates {
		if a.same(has) {
			return i
		}
	}
	p.Aggregates = append(p.Aggregates, a)
	return len(p.Aggregates) - 1
}

// ScanPane reads one row of the shared plan's PaneQuery.
func (s *Shared) ScanPane(rows *sql.Rows) (Span, Row, error) {
	span, row, _, err := s.fin.ScanPane(rows)
	return span, row, err
}

// Env is a shared row as plan i sees it, without measures.
func (s *Shared) Env(i int, row Row) Env {
	env := Env{Keys: row.Keys, Aggregates: make([]Value, len(s.places[i]))}
	for j, at := range s.places[i] {
		env.Aggregates[j] = row.Aggregates[at]
	}
	return env
}

// FromJSON is a value of a type as MarshalJSON wrote it and encoding/json read
// it; null if it is none.
func FromJSON(v any, kind engine.TypeKind) Value {
	switch v := v.(type) {
	case bool:
		return Bool(v)
	case float64:
		if kind == engine.BigInt || kind == engine.HugeInt {
			return Int(int64(v))
		}
		return Double(v)
	case string:
		return textFromJSON(v, kind)
	case []any:
		list := make([]Value, len(v))
		for i, x := range v {
			list[i] = FromJSON(x, kind)
		}
		return List(list)
	}
	return Null
}

func textFromJSON(s string, kind engine.TypeKind) Value {
	switch kind {
	case engine.BigInt, engine.HugeInt:
		if n, ok := new(big.Int).SetString(s, 10); ok {
			return BigInt(n)
		}
		return Null
	case engine.Timestamp:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return Time(t)
		}
		return Null
	}
	return Text(s)
}
