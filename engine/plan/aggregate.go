package plan

import (
	"strings"

	"tidemark.dev/tidemark/engine"
)

// AggregateFunc names an aggregate.
type AggregateFunc string

// The aggregates.
const (
	Count    AggregateFunc = "count"
	Sum      AggregateFunc = "sum"
	Avg      AggregateFunc = "avg"
	Min      AggregateFunc = "min"
	Max      AggregateFunc = "max"
	Quantile AggregateFunc = "quantile"
	Distinct AggregateFunc = "distinct"
	First    AggregateFunc = "first"
	Last     AggregateFunc = "last"
	Collect  AggregateFunc = "list"
)

// Aggregates lists the names that NewAggregate knows.
func Aggregates() []string {
	return []string{"avg", "count", "distinct", "first", "last", "list", "max", "min", "quantile", "sum"}
}

// Aggregate turns the records of a window into one value.
//
// SQL and an Accumulator both end in the same few parts (a sum and a count,
// a bucket, a value), which Finish turns into the value, so that what is left
// to the last digit of a division is done in one place.
type Aggregate struct {
	Func AggregateFunc
	// Arg is what is aggregated; nil for count().
	Arg Expr
	// At is the q of a quantile.
	At   Fraction
	kind engine.TypeKind
}

// Type is the kind of the value.
func (a *Aggregate) Type() engine.TypeKind { return a.kind }

// eventTime is what first and last go by.
var eventTime = engine.Path{"event_time"}

// NewAggregate applies an aggregate to its arguments.
func NewAggregate(f AggregateFunc, args []Expr) (*Aggregate, error) {
	switch {
	case f == Count && len(args) == 0:
		return &Aggregate{Func: Count, kind: engine.BigInt}, nil
	case f == Quantile:
		return newQuantile(args)
	case len(args) != 1 && f == Count:
		return nil, invalid("count takes nothing or one condition, not %d arguments", len(args)).
			WithHint(`write count() or count(level == "ERROR")`)
	case len(args) != 1:
		return nil, invalid("%s takes one argument, not %d", f, len(args)).WithHint("write %s(body.duration_ms)", f)
	}
	x := args[0]
	if isNil(x) || opaque(x) {
		return nil, wants(string(f), "a single value", x)
	}
	kind := x.Type()
	switch f {
	case Count:
		if kind != engine.Bool {
			return nil, invalid("count wants a condition, not %s", TypeName(kind)).
				WithHint("to count where it is present, write count(x != nil); for different values, distinct(x)")
		}
		kind = engine.BigInt
	case Sum, Avg:
		if kind == engine.Bool {
			return nil, invalid("%s wants a number, not true or false", f).WithHint("count(CONDITION) counts where it is true")
		}
		if !numeric(x) {
			return nil, wants(string(f), "a number", x)
		}
		if f == Avg {
			kind = engine.Double
		} else if kind == engine.BigInt {
			kind = engine.HugeInt
		}
	case Min, Max:
		if kind == engine.Bool {
			return nil, invalid("true and false have no order").WithHint("count(CONDITION) counts where it is true")
		}
	case Distinct:
		kind = engine.BigInt
	case Collect:
		kind = engine.List
	}
	return &Aggregate{Func: f, Arg: x, kind: kind}, nil
}

func newQuantile(args []Expr) (*Aggregate, error) {
	if len(args) != 2 {
		return nil, invalid("quantile takes a number and a fraction").WithHint("write quantile(body.duration_ms, 0.95)")
	}
	if !numeric(args[0]) {
		return nil, wants("quantile", "a number", args[0])
	}
	q, ok := args[1].(*Literal)
	if !ok || !numeric(q) {
		return nil, invalid("the second argument of quantile must be written as a number").WithHint("write quantile(body.duration_ms, 0.95)")
	}
	f, _ := q.Value.Float()
	at, ok := NewFraction(f)
	if !ok {
		e := invalid("%s is no fraction between 0 and 1 of at most %d decimals", q.Value, maxFractionDigits)
		if f > 1 && f <= 100 {
			return nil, e.WithHint("write %v for the %vth percentile", f/100, f)
		}
		return nil, e.WithHint("write quantile(body.duration_ms, 0.95)")
	}
	return &Aggregate{Func: Quantile, Arg: widen(args[0], engine.Double), At: at, kind: engine.Double}, nil
}

// Finish turns parts into the value, and tells whether a sum is null because
// something too large for it came along.
func (a *Aggregate) Finish(parts []Value) (v Value, overflow bool) {
	v = parts[0]
	switch a.Func {
	case Sum:
		switch {
		case a.guarded() && parts[1].n > 0:
			return Null, true
		case a.Arg.Type() == engine.Double && !v.IsNull():
			return Double(intToDouble(v) / sumFactor), false
		}
	case Avg:
		switch count := float64(parts[1].n); {
		case a.guarded() && parts[2].n > 0:
			return Null, true
		case v.IsNull():
			return Null, false
		case a.Arg.Type() == engine.Double:
			return Double(intToDouble(v) / (count * sumFactor)), false
		default:
			return Double(intToDouble(v) / count), false
		}
	case Quantile:
		if !v.IsNull() {
			return Double(BucketValue(int32(v.n))), false
		}
	}
	return v, false
}

// guarded reports whether a sum has to look out for values that are too
// large: bigints cannot overflow 128 bits.
func (a *Aggregate) guarded() bool { return a.Arg.Type() != engine.BigInt }

// parts is the number of columns that SQL and accumulators end in.
func (a *Aggregate) parts() int {
	n := 1
	if a.Func == Avg {
		n++
	}
	if (a.Func == Sum || a.Func == Avg) && a.guarded() {
		n++
	}
	return n
}

// Columns lists the paths that computing the aggregate reads.
func (a *Aggregate) Columns() []engine.Path {
	var paths []engine.Path
	if a.Arg != nil {
		paths = append(paths, Columns(a.Arg)...)
	}
	if a.Func == First || a.Func == Last || a.Func == Collect {
		paths = append(paths, eventTime)
	}
	return paths
}

// Columns lists the paths that an expression reads from a record, with
// repetitions.
func Columns(e Expr) (paths []engine.Path) {
	Walk(e, func(x Expr) {
		if c, ok := x.(*Column); ok {
			paths = append(paths, c.Path)
		}
	})
	return paths
}

// same reports whether two aggregates compute the same.
func (a *Aggregate) same(b *Aggregate) bool {
	if a.Func != b.Func || a.At != b.At || (a.Arg == nil) != (b.Arg == nil) {
		return false
	}
	return a.Arg == nil || fingerprint(a.Arg) == fingerprint(b.Arg)
}

// fingerprint is a text that two expressions share only if they mean the same.
func fingerprint(e Expr) string {
	w := &sqlWriter{column: func(p engine.Path) string { return engine.QuoteIdent(p.String()) }, ref: func(r *Ref) string { return engine.QuoteIdent(r.Name) }}
	var b strings.Builder
	if w.try(func() { b.WriteString(w.finite(e)) }) != nil {
		return ""
	}
	return b.String()
}
