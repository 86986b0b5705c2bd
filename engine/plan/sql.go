package plan

import (
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// maxSQL bounds the text of one expression. NaN and infinity are found by
// writing an operand twice, which nests to powers of two in denominators.
const maxSQL = 256 << 10

// sqlWriter writes expressions as DuckDB SQL.
//
// A double may be NaN or infinite inside a chain of arithmetic, where it
// stays so; it is turned into null where it leaves the chain (finite), and in
// a denominator, which is the only place where infinity turns into a number
// again.
type sqlWriter struct {
	column func(engine.Path) string
	ref    func(*Ref) string
	facts  Facts
	spent  int
}

// errTooLong is thrown by sqlWriter and caught by its try.
type errTooLong struct{}

// try runs a piece of writing that ends early when it grows beyond all
// bounds.
func (w *sqlWriter) try(write func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case errTooLong:
			err = invalid("the expression is too large").WithHint("split it into several measures")
		default:
			panic(r)
		}
	}()
	write()
	return nil
}

func (w *sqlWriter) charge(s string) string {
	if w.spent += len(s); w.spent > maxSQL {
		panic(errTooLong{})
	}
	return s
}

// truth writes a condition for a place where null counts as false, in the
// form that DuckDB can check against its zone maps.
func (w *sqlWriter) truth(e Expr) string {
	switch e := e.(type) {
	case *Binary:
		lit, constant := e.R.(*Literal)
		switch {
		case e.Op == And || e.Op == Or:
			return w.charge("(" + w.truth(e.L) + " " + strings.ToUpper(string(e.Op)) + " " + w.truth(e.R) + ")")
		case e.Op == Equal && constant && !lit.Value.IsNull():
			return w.charge("(" + w.raw(e.L) + " = " + literalSQL(lit.Value) + ")")
		}
	case *In:
		if !e.WithNull && len(e.List) > 0 {
			return w.membership(e)
		}
	}
	return w.finite(e)
}

// finite writes an expression whose value is never NaN or infinite.
func (w *sqlWriter) finite(e Expr) string {
	s := w.raw(e)
	if !w.mayBeInfinite(e) {
		return s
	}
	return w.charge("CASE WHEN isfinite(" + s + ") THEN " + s + " END")
}

// mayBeInfinite reports whether raw SQL of e can be NaN or infinite.
func (w *sqlWriter) mayBeInfinite(e Expr) bool {
	if e.Type() != engine.Double {
		return false
	}
	switch e := e.(type) {
	case *Column:
		return e.Stored.Kind == engine.Double && !w.facts.Finite
	case *Binary, *Negate:
		return true
	case *Conditional:
		return w.mayBeInfinite(e.Then) || w.mayBeInfinite(e.Else)
	case *Coalesce:
		return w.mayBeInfinite(e.Y)
	case *Call:
		return functions[e.Func].keepsInfinity && w.mayBeInfinite(e.X)
	}
	return false
}

func (w *sqlWriter) raw(e Expr) string {
	switch e := e.(type) {
	case *Literal:
		if e.Value.IsNull() {
			return "NULL"
		}
		return w.charge(literalSQL(e.Value))
	case *Column:
		return w.charge(readColumn(w.column(e.Path), e.Stored))
	case *Ref:
		return w.charge(w.ref(e))
	case *Not:
		return w.charge("(NOT " + w.finite(e.X) + ")")
	case *Negate:
		return w.charge(w.checked(e, "-"+w.integer(e.X)))
	case *Binary:
		return w.charge(w.binary(e))
	case *In:
		return w.charge(w.in(e))
	case *IsNull:
		return w.charge("(" + w.finite(e.X) + " IS NULL)")
	case *Matches:
		return w.charge("regexp_matches(" + w.finite(e.X) + ", " + engine.QuoteText(e.Pattern.String()) + ")")
	case *Conditional:
		return w.charge("CASE WHEN " + w.truth(e.If) + " THEN " + w.integer(e.Then) + " ELSE " + w.integer(e.Else) + " END")
	case *Coalesce:
		return w.charge("coalesce(" + w.finite(e.X) + ", " + w.integer(e.Y) + ")")
	case *Call:
		return w.charge(w.call(e))
	case *Convert:
		return w.charge("CAST(" + w.raw(e.X) + " AS " + engine.Scalar(e.Type()).DuckDB() + ")")
	}
	panic("plan: SQL of an unknown node")
}

// readColumn brings a stored value into the type that expressions have. A
// date becomes its midnight in UTC whatever the time zone of the session.
func readColumn(column string, stored engine.Type) string {
	switch stored.Kind {
	case engine.Decimal:
		return "CAST(" + column + " AS DOUBLE)"
	case engine.UUID:
		return "CAST(" + column + " AS VARCHAR)"
	case engine.Date:
		return "make_timestamptz(epoch_us(" + column + "))"
	}
	return column
}

func (w *sqlWriter) call(e *Call) string {
	f := functions[e.Func]
	x := ""
	if f.keepsInfinity {
		x = w.integer(e.X)
	} else {
		x = w.finite(e.X)
	}
	return f.sql(x, e.X.Type())
}

// integer writes an operand at its full width; DuckDB would give a small
// constant only 32 bits.
func (w *sqlWriter) integer(e Expr) string {
	s := w.raw(e)
	if _, ok := e.(*Literal); ok && (e.Type() == engine.BigInt || e.Type() == engine.HugeInt) {
		return "CAST(" + s + " AS " + engine.Scalar(e.Type()).DuckDB() + ")"
	}
	return s
}

// checked turns overflow of an integer operation into null.
func (w *sqlWriter) checked(e Expr, s string) string {
	if e.Type() == engine.Double {
		return "(" + s + ")"
	}
	return "TRY(" + s + ")"
}

func (w *sqlWriter) binary(e *Binary) string {
	infix := func(op string) string { return "(" + w.finite(e.L) + " " + op + " " + w.finite(e.R) + ")" }
	switch e.Op {
	case Equal:
		return infix("IS NOT DISTINCT FROM")
	case NotEqual:
		return infix("IS DISTINCT FROM")
	case And, Or:
		return infix(strings.ToUpper(string(e.Op)))
	case Concat:
		return infix("||")
	case Contains:
		return "contains(" + w.finite(e.L) + ", " + w.finite(e.R) + ")"
	case StartsWith:
		return "starts_with(" + w.finite(e.L) + ", " + w.finite(e.R) + ")"
	case EndsWith:
		return "ends_with(" + w.finite(e.L) + ", " + w.finite(e.R) + ")"
	case Div, Mod:
		right := w.integer(e.R)
		if w.mayBeInfinite(e.R) {
			right = w.finite(e.R)
		}
		return w.checked(e, w.integer(e.L)+" "+string(e.Op)+" "+right)
	case Add, Sub, Mul:
		return w.checked(e, w.integer(e.L)+" "+string(e.Op)+" "+w.integer(e.R))
	}
	return infix(string(e.Op))
}

func (w *sqlWriter) in(e *In) string {
	if len(e.List) == 0 {
		if e.WithNull {
			return "(" + w.finite(e.X) + " IS NULL)"
		}
		return "FALSE"
	}
	return "coalesce(" + w.membership(e) + ", " + strings.ToUpper(strconv.FormatBool(e.WithNull)) + ")"
}

// membership is null where the value is.
func (w *sqlWriter) membership(e *In) string {
	list := make([]string, len(e.List))
	for i, v := range e.List {
		list[i] = literalSQL(v)
	}
	return w.charge("(" + w.finite(e.X) + " IN (" + strings.Join(list, ", ") + "))")
}

// ValueSQL writes an expression over a relation named r, whose columns are
// named as Path.String says.
func ValueSQL(e Expr) (s string, err error) {
	w := recordWriter()
	err = w.try(func() { s = w.finite(e) })
	return s, err
}

// ConditionSQL writes a condition for a place where null counts as false,
// over the same relation as ValueSQL.
func ConditionSQL(e Expr) (s string, err error) {
	w := recordWriter()
	err = w.try(func() { s = w.truth(e) })
	return s, err
}

// ConditionOver is ConditionSQL with columns written by column.
func ConditionOver(e Expr, column func(engine.Path) string) (s string, err error) {
	w := recordWriter()
	w.column = column
	err = w.try(func() { s = w.truth(e) })
	return s, err
}
