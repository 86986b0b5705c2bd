package plan

import (
	"cmp"
	"maps"
	"math"
	"math/big"
	"slices"

	"tidemark.dev/tidemark/engine"
)

// Accumulator gathers the records of one window for one aggregate. It is used
// by one goroutine.
type Accumulator interface {
	// Add takes one record in.
	Add(env *Env)
	// Merge takes in all records of another accumulator of the same
	// aggregate, which must not be used afterwards.
	Merge(other Accumulator)
	// Parts is what Finish wants.
	Parts() []Value
}

// NewAccumulator makes accumulators whose records hold the given columns;
// they must include Columns of the aggregate.
func (a *Aggregate) NewAccumulator(columns []engine.Path) func() Accumulator {
	if a.Func == Count && a.Arg == nil {
		return func() Accumulator { return &counter{counts: func(*Env) bool { return true }} }
	}
	arg := Compile(a.Arg, columns)
	switch a.Func {
	case Count:
		return func() Accumulator { return &counter{counts: func(e *Env) bool { return arg(e).True() }} }
	case Sum, Avg:
		return func() Accumulator { return &summer{of: a, arg: arg} }
	case Min, Max:
		sign := map[AggregateFunc]int{Min: -1, Max: 1}[a.Func]
		return func() Accumulator { return &extreme{sign: sign, arg: arg} }
	case Quantile:
		return func() Accumulator { return &sketch{at: a.At, arg: arg, counts: map[int32]int64{}} }
	case Distinct:
		return func() Accumulator { return &set{arg: arg, seen: map[string]struct{}{}} }
	}
	at := Compile(&Column{typed: over(engine.Timestamp), Path: eventTime, Stored: engine.Scalar(engine.Timestamp)}, columns)
	if a.Func == Collect {
		return func() Accumulator { return &collection{arg: arg, at: at} }
	}
	sign := map[AggregateFunc]int{First: -1, Last: 1}[a.Func]
	return func() Accumulator { return &end{sign: sign, arg: arg, at: at} }
}

// counter counts records.
type counter struct {
	counts func(*Env) bool
	n      int64
}

func (c *counter) Add(env *Env) {
	if c.counts(env) {
		c.n++
	}
}
func (c *counter) Merge(o Accumulator) { c.n += o.(*counter).n }
func (c *counter) Parts() []Value      { return []Value{Int(c.n)} }

// summer adds up integers, or doubles of a fixed scale.
type summer struct {
	of              *Aggregate
	arg             Evaluator
	sum             big.Int
	count, exceeded int64
}

func (s *summer) Add(env *Env) {
	v := s.arg(env)
	switch {
	case v.IsNull():
		return
	case v.kind == doubleValue && math.Abs(v.double()) >= SumLimit, v.huge() && v.big().CmpAbs(sumLimitBig) >= 0:
		s.exceeded++
		return
	case v.kind == doubleValue:
		s.sum.Add(&s.sum, scaled(v.double()))
	default:
		s.sum.Add(&s.sum, v.bigInt())
	}
	s.count++
}

func (s *summer) Merge(o Accumulator) {
	other := o.(*summer)
	s.sum.Add(&s.sum, &other.sum)
	s.count += other.count
	s.exceeded += other.exceeded
}

func (s *summer) Parts() []Value {
	parts := []Value{Null}
	if s.count > 0 {
		parts[0] = BigInt(&s.sum)
	}
	if s.of.Func == Avg {
		parts = append(parts, Int(s.count))
	}
	if s.of.guarded() {
		parts = append(parts, Int(s.exceeded))
	}
	return parts
}

// extreme keeps the smallest or largest value.
type extreme struct {
	sign int
	arg  Evaluator
	best Value
}

func (x *extreme) Add(env *Env) { x.take(x.arg(env)) }

func (x *extreme) take(v Value) {
	if !v.IsNull() && (x.best.IsNull() || Compare(v, x.best)*x.sign > 0) {
		x.best = v
	}
}
func (x *extreme) Merge(o Accumulator) { x.take(o.(*extreme).best) }
func (x *extreme) Parts() []Value      { return []Value{x.best} }

// sketch counts values by logarithmic bucket.
type sketch struct {
	at     Fraction
	arg    Evaluator
	counts map[int32]int64
	n      int64
}

func (s *sketch) Add(env *Env) {
	if v := s.arg(env); !v.IsNull() {
		s.counts[Bucket(v.double())]++
		s.n++
	}
}

func (s *sketch) Merge(o Accumulator) {
	other := o.(*sketch)
	for b, n := range other.counts {
		s.counts[b] += n
	}
	s.n += other.n
}

func (s *sketch) Parts() []Value {
	if s.n == 0 {
		return []Value{Null}
	}
	rank, below := s.at.rank(s.n), int64(0)
	for _, b := range slices.Sorted(maps.Keys(s.counts)) {
		if below += s.counts[b]; below >= rank {
			return []Value{Int(int64(b))}
		}
	}
	panic("plan: a rank beyond the number of values")
}

// set counts different values.
type set struct {
	arg  Evaluator
	seen map[string]struct{}
}

func (s *set) Add(env *Env) {
	if v := s.arg(env); !v.IsNull() {
		s.seen[v.String()] = struct{}{}
	}
}

func (s *set) Merge(o Accumulator) {
	for v := range o.(*set).seen {
		s.seen[v] = struct{}{}
	}
}
func (s *set) Parts() []Value { return []Value{Int(int64(len(s.seen)))} }

// end keeps the value of the earliest or latest record, by event time; of
// several at that instant, the smallest or largest value, so that the order
// of arrival plays no part.
type end struct {
	sign     int
	arg, at  Evaluator
	best, on Value
}

func (e *end) Add(env *Env) { e.take(e.arg(env), e.at(env)) }

func (e *end) take(v, at Value) {
	if v.IsNull() || at.IsNull() {
		return
	}
	by := Compare(at, e.on) * e.sign
	if e.best.IsNull() || by > 0 || by == 0 && Compare(v, e.best)*e.sign > 0 {
		e.best, e.on = v, at
	}
}
func (e *end) Merge(o Accumulator) { e.take(o.(*end).best, o.(*end).on) }
func (e *end) Parts() []Value      { return []Value{e.best} }

// collection keeps all values, by event time and then by value, so that the
// order of arrival plays no part.
type collection struct {
	arg, at Evaluator
	items   []struct{ at, v Value }
}

func (c *collection) Add(env *Env) {
	if v := c.arg(env); !v.IsNull() {
		c.items = append(c.items, struct{ at, v Value }{c.at(env), v})
	}
}

func (c *collection) Merge(o Accumulator) { c.items = append(c.items, o.(*collection).items...) }

func (c *collection) Parts() []Value {
	if len(c.items) == 0 {
		return []Value{Null}
	}
	slices.SortStableFunc(c.items, func(a, b struct{ at, v Value }) int {
		return cmp.Or(Compare(a.at, b.at), Compare(a.v, b.v))
	})
	list := make([]Value, len(c.items))
	for i, item := range c.items {
		list[i] = item.v
	}
	return []Value{List(list)}
}
