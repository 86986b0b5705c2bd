package explore

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Filter is a condition on one path.
type Filter struct {
	Path string
	Op   string
	// Value is text, a number, a truth value or nil, or a list of them of
	// which = and != take any.
	Value any
}

// Ops are what a filter can say.
var Ops = []string{"=", "!=", "contains", "!contains", "<", "<=", ">", ">=", "exists", "!exists"}

// Resolve finds the path that a filter or a facet names.
func Resolve(ds engine.Dataset, text string) (engine.Path, engine.Type, error) {
	p, err := engine.ParsePath(text)
	if err != nil {
		return nil, engine.Type{}, err
	}
	p, t, err := ds.Resolve(p)
	if err == nil && !t.Known() {
		return nil, t, engine.Errorf(engine.Invalid, "", "%s has no values yet", text).WithHint("choose another path")
	}
	return p, t, err
}

func (s *Selection) filter(f Filter) error {
	p, t, err := Resolve(s.dataset, f.Path)
	if err != nil {
		return err
	}
	c := condition{s, p, t}
	switch f.Op {
	case "exists":
		s.add(func(column func(engine.Path) string) string { return column(p) + " IS NOT NULL" }, p)
	case "!exists":
		s.add(func(column func(engine.Path) string) string { return column(p) + " IS NULL" }, p)
	case "contains", "!contains":
		return c.contains(f)
	case "=", "!=":
		return c.equal(f)
	case "<", "<=", ">", ">=":
		return c.compare(f)
	default:
		return engine.Errorf(engine.Invalid, "filter by "+f.Path, "there is no comparison %q", f.Op).WithHint("the comparisons are %s", strings.Join(Ops, ", "))
	}
	return nil
}

// condition is a filter being written.
type condition struct {
	*Selection
	path engine.Path
	t    engine.Type
}

// name is what the filter's parameter is called.
func (c condition) name() string { return c.path[len(c.path)-1] }

// text writes the path's value as text.
func (c condition) text(column string) string {
	if c.t.Kind == engine.Varchar {
		return column
	}
	return column + "::VARCHAR"
}

func (c condition) contains(f Filter) error {
	text, ok := scalarText(f.Value)
	if !ok {
		return c.wrong(f.Value, "a text")
	}
	wanted := "lower(" + c.param(c.name(), text) + ")"
	c.add(func(column func(engine.Path) string) string {
		s := "contains(lower(" + c.text(column(c.path)) + "), " + wanted + ")"
		if f.Op == "!contains" {
			return "NOT coalesce(" + s + ", false)"
		}
		return s
	}, c.path)
	return nil
}

// equal compares with one value, or with any of several. A record without a
// value is unequal to all of them.
func (c condition) equal(f Filter) error {
	values, several := f.Value.([]any)
	if !several {
		values = []any{f.Value}
	}
	var list []string
	null := false
	for _, v := range values {
		if v == nil {
			null = true
			continue
		}
		bound, err := c.bind(v)
		if err != nil {
			return err
		}
		list = append(list, bound)
	}
	element := c.t.Kind == engine.List
	c.add(func(column func(engine.Path) string) string {
		value := column(c.path)
		switch {
		case c.t.Kind == engine.JSON || c.t.Kind == engine.Struct || c.t.Kind == engine.Map:
			value += "::VARCHAR"
		case element:
			return c.elements(f.Op, value, list, null)
		}
		return oneOf(f.Op, value, list, null)
	}, c.path)
	return nil
}

func oneOf(op, value string, list []string, null bool) string {
	switch {
	case op == "=" && len(list) == 0 && null:
		return value + " IS NULL"
	case op == "=" && len(list) == 0:
		return "false"
	case op == "=" && len(list) == 1 && !null:
		return value + " = " + list[0]
	case op == "=" && !null:
		return value + " IN (" + strings.Join(list, ", ") + ")"
	case op == "=":
		return "(" + oneOf(op, value, list, false) + " OR " + value + " IS NULL)"
	case len(list) == 0 && null:
		return value + " IS NOT NULL"
	case len(list) == 0:
		return "true"
	case len(list) == 1 && !null:
		return value + " IS DISTINCT FROM " + list[0]
	case null:
		return "(" + value + " NOT IN (" + strings.Join(list, ", ") + "))"
	}
	return "(" + value + " NOT IN (" + strings.Join(list, ", ") + ") OR " + value + " IS NULL)"
}

// elements asks whether a list holds one of the values.
func (c condition) elements(op, value string, list []string, null bool) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, "list_contains("+value+", "+v+")")
	}
	if null {
		parts = append(parts, value+" IS NULL")
	}
	if len(parts) == 0 {
		parts = []string{"false"}
	}
	s := "coalesce(" + strings.Join(parts, " OR ") + ", false)"
	if op == "!=" {
		return "NOT " + s
	}
	return s
}

func (c condition) compare(f Filter) error {
	switch c.t.Kind {
	case engine.BigInt, engine.HugeInt, engine.Decimal, engine.Double, engine.Timestamp, engine.Date, engine.Varchar, engine.UUID:
	default:
		return engine.Errorf(engine.Invalid, "filter by "+c.path.String(), "a %s has no order", c.t.Kind).WithHint("use =, != or contains")
	}
	if f.Value == nil {
		return c.wrong(nil, "a value to compare with")
	}
	bound, err := c.bind(f.Value)
	if err != nil {
		return err
	}
	c.add(func(column func(engine.Path) string) string { return column(c.path) + " " + f.Op + " " + bound }, c.path)
	return nil
}

// bind makes a value into a parameter of the path's type.
// timeLayouts are the ways a time may be written: as in JSON, as DuckDB writes
// it, and shorter, where it is UTC.
var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

func (c condition) bind(v any) (string, error) {
	t := c.t
	if t.Kind == engine.List {
		t = *t.Elem
	}
	text, ok := scalarText(v)
	if !ok {
		return "", c.wrong(v, "one value")
	}
	switch t.Kind {
	case engine.BigInt, engine.HugeInt:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return c.integer(n, t), nil
		}
		return c.number(text, t)
	case engine.Double, engine.Decimal:
		return c.number(text, t)
	case engine.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "", c.wrong(v, "true or false")
		}
		return c.param(c.name(), b) + "::BOOLEAN", nil
	case engine.Timestamp, engine.Date:
		for _, layout := range timeLayouts {
			if at, err := time.Parse(layout, text); err == nil {
				return c.param(c.name(), stamp(at)) + "::TIMESTAMPTZ", nil
			}
		}
		return "", c.wrong(v, "a time, such as 2026-01-31T12:00:00Z")
	}
	return c.param(c.name(), text), nil
}

// maxExact is the largest integer that JSON carries without loss.
const maxExact = 1 << 53

func (c condition) integer(n int64, t engine.Type) string {
	if n > maxExact || n < -maxExact {
		return c.param(c.name(), strconv.FormatInt(n, 10)) + "::" + t.DuckDB()
	}
	return c.param(c.name(), n) + "::" + t.DuckDB()
}

func (c condition) number(text string, t engine.Type) (string, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return "", c.wrong(text, "a number")
	}
	if t.Kind == engine.HugeInt && f == math.Trunc(f) && !strings.ContainsAny(text, "eE.") {
		return c.param(c.name(), text) + "::HUGEINT", nil
	}
	return c.param(c.name(), f) + "::DOUBLE", nil
}

func (c condition) wrong(v any, want string) error {
	shown, _ := json.Marshal(v)
	return engine.Errorf(engine.Invalid, "filter by "+c.path.String(), "%s is not %s", shown, want).
		WithHint("the path is a %s", c.t.Kind)
}

// scalarText writes a value that came as JSON; lists and objects are none.
func scalarText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatInt(int64(v), 10), true
		}
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case int:
		return strconv.Itoa(v), true
	case json.Number:
		return v.String(), true
	case time.Time:
		return stamp(v), true
	case fmt.Stringer:
		return v.String(), true
	}
	return "", false
}
