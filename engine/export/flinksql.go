package export

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// flinkExpr writes expressions in Flink SQL. What is not a number any more
// becomes null where a double leaves a chain of arithmetic, as in a plan.
type flinkExpr struct {
	*refuser
	plan *plan.Plan
	// aggregate is the value of an aggregate from the columns that hold it.
	aggregate func(i int) string
	// measured says that measures have been computed, and are columns.
	measured bool
	// past is a look back.
	past func(i int) string
}

func (w *flinkExpr) value(e plan.Expr) string {
	s := w.raw(e)
	if e.Type() != engine.Double {
		return s
	}
	switch e.(type) {
	case *plan.Binary, *plan.Call, *plan.Negate:
		return fmt.Sprintf("CASE WHEN ABS(%s) <= %s THEN %s END", s, flinkDouble(math.MaxFloat64), s)
	}
	return s
}

func (w *flinkExpr) raw(e plan.Expr) string {
	switch e := e.(type) {
	case *plan.Literal:
		return w.literal(e)
	case *plan.Column:
		return w.column(e)
	case *plan.Ref:
		return w.ref(e)
	case *plan.Not:
		return "(NOT " + w.value(e.X) + ")"
	case *plan.Negate:
		return "(-" + w.raw(e.X) + ")"
	case *plan.Binary:
		return w.binary(e)
	case *plan.In:
		return w.in(e)
	case *plan.IsNull:
		return "(" + w.value(e.X) + " IS NULL)"
	case *plan.Matches:
		return "REGEXP(" + w.value(e.X) + ", " + flinkText(e.Pattern.String()) + ")"
	case *plan.Conditional:
		return "(CASE WHEN " + w.value(e.If) + " THEN " + w.value(e.Then) + " ELSE " + w.value(e.Else) + " END)"
	case *plan.Coalesce:
		return "COALESCE(" + w.value(e.X) + ", " + w.value(e.Y) + ")"
	case *plan.Call:
		return w.call(e)
	case *plan.Convert:
		return "CAST(" + w.value(e.X) + " AS " + w.typeOf(e) + ")"
	}
	w.no(describe(e), "Flink SQL has no such expression", "leave it out of the rule")
	return ""
}

// typeOf is the type that values of an expression have in Flink.
func (w *flinkExpr) typeOf(e plan.Expr) string {
	if e.Type() == engine.Timestamp {
		return "TIMESTAMP_LTZ(3)"
	}
	s := decodedType(engine.Scalar(e.Type()))
	if s == "" || e.Type() == engine.List || e.Type() == engine.Struct || e.Type() == engine.Map {
		w.no(describe(e), "it has no single value", "leave it out of the rule")
	}
	return s
}

func flinkDouble(f float64) string {
	s := strconv.FormatFloat(f, 'E', -1, 64)
	return strings.Replace(s, "E+", "E", 1)
}

func (w *flinkExpr) literal(e *plan.Literal) string {
	v := e.Value
	if v.IsNull() {
		return "NULL"
	}
	if text, ok := v.Text(); ok {
		return flinkText(text)
	}
	switch e.Type() {
	case engine.Double:
		f, _ := v.Float()
		return flinkDouble(f)
	case engine.BigInt, engine.HugeInt:
		return v.String()
	case engine.Bool:
		return strings.ToUpper(v.String())
	}
	w.no(describe(e), "Flink SQL has no such constant", "compare text, numbers, or true and false; times as epoch(x)")
	return ""
}

func (w *flinkExpr) column(e *plan.Column) string {
	switch e.Path[0] {
	case "arrival_time", "ingest_time", "_seq", "_source", "_position", "_late", "rest":
		w.no(e.Path.String(), "records do not have it; Tidemark adds it when it reads them", "use a field of the record")
	case "labels", "body":
		if len(e.Path) == 1 {
			w.no(e.Path.String(), "the copy has its members alone", "use one of its members")
		}
	}
	if e.Stored.Kind == engine.Decimal {
		return "CAST(" + quoted(e.Path.String()) + " AS " + w.typeOf(e) + ")"
	}
	return quoted(e.Path.String())
}

func (w *flinkExpr) ref(e *plan.Ref) string {
	switch e.To {
	case plan.KeyRef:
		return quoted(w.plan.Keys[e.Index].Name)
	case plan.MeasureRef:
		if w.measured {
			return quoted(w.plan.Measures[e.Index].Name)
		}
		return "(" + w.value(w.plan.Measures[e.Index].Expr) + ")"
	case plan.AggregateRef:
		return w.aggregate(e.Index)
	}
	return w.past(e.Index)
}

func (w *flinkExpr) binary(e *plan.Binary) string {
	l, r := w.raw(e.L), w.raw(e.R)
	switch e.Op {
	case plan.Equal:
		return "(" + w.value(e.L) + " IS NOT DISTINCT FROM " + w.value(e.R) + ")"
	case plan.NotEqual:
		return "(" + w.value(e.L) + " IS DISTINCT FROM " + w.value(e.R) + ")"
	case plan.Less, plan.AtMost, plan.Greater, plan.AtLeast, plan.And, plan.Or:
		return "(" + w.value(e.L) + " " + strings.ToUpper(string(e.Op)) + " " + w.value(e.R) + ")"
	case plan.Add, plan.Sub, plan.Mul:
		return "(" + l + " " + string(e.Op) + " " + r + ")"
	case plan.Div:
		return "(" + l + " / NULLIF(" + w.value(e.R) + ", 0))"
	case plan.Mod:
		if e.Type() == engine.Double {
			w.no(describe(e), "Flink SQL has a remainder of integers alone", "take the remainder of integers")
		}
		return "MOD(" + l + ", NULLIF(" + r + ", 0))"
	case plan.Concat:
		return "(" + l + " || " + r + ")"
	case plan.Contains:
		return "(POSITION(" + r + " IN " + l + ") > 0)"
	case plan.StartsWith:
		return "STARTSWITH(" + l + ", " + r + ")"
	case plan.EndsWith:
		return "ENDSWITH(" + l + ", " + r + ")"
	}
	w.no(describe(e), "Flink SQL has no such operator", "leave it out of the rule")
	return ""
}

// in is false for null, unless null is on the list.
func (w *flinkExpr) in(e *plan.In) string {
	x := w.value(e.X)
	s := "FALSE"
	if len(e.List) > 0 {
		items := make([]string, len(e.List))
		for i, v := range e.List {
			l, err := plan.NewLiteral(v)
			if err != nil { // it stood in the rule
				panic(fmt.Sprintf("export: %v", err))
			}
			items[i] = w.literal(l.(*plan.Literal))
		}
		s = "COALESCE(" + x + " IN (" + strings.Join(items, ", ") + "), FALSE)"
	}
	if e.WithNull {
		return "(" + x + " IS NULL OR " + s + ")"
	}
	return s
}

func (w *flinkExpr) call(e *plan.Call) string {
	x := w.value(e.X)
	integer := e.X.Type() != engine.Double
	switch e.Func {
	case "abs":
		return "ABS(" + x + ")"
	case "ceil", "floor", "round":
		if integer {
			return x
		}
		return strings.ToUpper(e.Func) + "(" + x + ")"
	case "lower", "upper":
		return strings.ToUpper(e.Func) + "(" + x + ")"
	case "len":
		return "CAST(CHAR_LENGTH(" + x + ") AS BIGINT)"
	case "trim":
		return `REGEXP_REPLACE(` + x + `, '^[ \t\n\f\r\x0B]+|[ \t\n\f\r\x0B]+$', '')`
	case "epoch":
		return "(CAST(TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 3), " + x + ") AS DOUBLE) + CAST(EXTRACT(MILLISECOND FROM " + x + ") AS DOUBLE) / 1000E0)"
	}
	w.no(describe(e), "Flink SQL has no such function", "leave it out of the rule")
	return ""
}
