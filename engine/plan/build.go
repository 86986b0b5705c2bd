package plan

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tidemark.dev/tidemark/engine"
)

// invalid is an error about an expression; whoever parsed it adds the place.
func invalid(format string, args ...any) *engine.Error {
	return engine.Errorf(engine.Invalid, "", format, args...)
}

// limited refuses what nests too deeply.
func limited(e Expr) (Expr, error) {
	if e.depth() > MaxDepth {
		return nil, invalid("the expression nests more than %d levels deep", MaxDepth).
			WithHint("split it into several measures, or use `in [...]` for a long chain of ||")
	}
	return e, nil
}

// NewLiteral is a constant. Text must be UTF-8 without zero bytes, and a time
// must lie in the years 1 to 9999, which is what RFC 3339 can write.
func NewLiteral(v Value) (Expr, error) {
	kinds := map[valueKind]engine.TypeKind{
		boolValue: engine.Bool, intValue: engine.BigInt, doubleValue: engine.Double,
		textValue: engine.Varchar, timeValue: engine.Timestamp,
	}
	if v.kind == nullValue {
		return Nil(), nil
	}
	if v.kind == textValue && (!utf8.ValidString(v.text()) || strings.ContainsRune(v.text(), 0)) {
		return nil, invalid("the text is not UTF-8, or holds a zero byte").WithHint("write text that a record can hold")
	}
	if v.kind == timeValue && (v.n < minTime.UnixMicro() || v.n >= maxTime.UnixMicro()) {
		return nil, invalid("the time is out of range").WithHint("write a time in the years 1 to 9999")
	}
	kind := kinds[v.kind]
	if v.huge() {
		kind = engine.HugeInt
	}
	return &Literal{typed: over(kind), Value: v}, nil
}

var (
	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// NewColumn reads a path whose place and type come from Dataset.Resolve.
func NewColumn(path engine.Path, t engine.Type) (Expr, error) {
	kind := t.Kind
	switch kind {
	case engine.Decimal:
		kind = engine.Double
	case engine.UUID:
		kind = engine.Varchar
	case engine.Date:
		kind = engine.Timestamp
	case engine.JSON:
		return nil, invalid("%s is JSON: its records do not agree on a type", path).
			WithHint("settle it first: tidemark schema set DATASET %s TYPE", path)
	}
	if !t.Known() {
		return nil, invalid("%s has no type yet: only nulls and empty values have been seen", path).
			WithHint("settle it first: tidemark schema set DATASET %s TYPE", path)
	}
	return &Column{typed: over(kind), Path: path, Stored: t}, nil
}

// NewRef reads from the row of a window.
func NewRef(to RefKind, index int, name string, kind engine.TypeKind) Expr {
	return &Ref{typed: over(kind), To: to, Index: index, Name: name}
}

// NewNot negates a condition.
func NewNot(x Expr) (Expr, error) {
	if x.Type() != engine.Bool {
		return nil, wants("not", "a condition", x)
	}
	return limited(&Not{over(engine.Bool, x), x})
}

// NewNegate changes a number's sign.
func NewNegate(x Expr) (Expr, error) {
	if lit, ok := x.(*Literal); ok && lit.Type() == engine.BigInt {
		return NewLiteral(BigInt(lit.Value.bigInt().Neg(lit.Value.bigInt())))
	}
	if lit, ok := x.(*Literal); ok && lit.Type() == engine.Double {
		return NewLiteral(Double(-lit.Value.double()))
	}
	if !numeric(x) {
		return nil, wants("-", "a number", x)
	}
	return limited(&Negate{over(x.Type(), x), x})
}

// NewBinary applies an operator.
func NewBinary(op Op, l, r Expr) (Expr, error) {
	switch op {
	case And, Or:
		return logic(op, l, r)
	case Equal, NotEqual:
		return equality(op, l, r)
	case Less, AtMost, Greater, AtLeast:
		return ordering(op, l, r)
	case Contains, StartsWith, EndsWith:
		return textual(op, l, r)
	case Add:
		if l.Type() == engine.Varchar && r.Type() == engine.Varchar {
			return limited(&Binary{over(engine.Varchar, l, r), Concat, l, r})
		}
	}
	return arithmetic(op, l, r)
}

func logic(op Op, l, r Expr) (Expr, error) {
	for _, x := range []Expr{l, r} {
		if x.Type() != engine.Bool {
			return nil, wants(string(op), "a condition", x)
		}
	}
	return limited(&Binary{over(engine.Bool, l, r), op, l, r})
}

func equality(op Op, l, r Expr) (e Expr, err error) {
	switch {
	case isNil(r):
		e = &IsNull{over(engine.Bool, l), l}
	case isNil(l):
		e = &IsNull{over(engine.Bool, r), r}
	default:
		if l, r, err = unify(string(op), l, r); err != nil {
			return nil, err
		}
		return limited(&Binary{over(engine.Bool, l, r), op, l, r})
	}
	if op == NotEqual {
		return NewNot(e)
	}
	return limited(e)
}

func ordering(op Op, l, r Expr) (Expr, error) {
	if isNil(l) || isNil(r) {
		return nil, invalid("%s with nil is never true", op).WithHint("test for null with == nil or != nil")
	}
	if l.Type() == engine.Bool && r.Type() == engine.Bool {
		return nil, invalid("true and false have no order").WithHint("use == or !=")
	}
	l, r, err := unify(string(op), l, r)
	if err != nil {
		return nil, err
	}
	return limited(&Binary{over(engine.Bool, l, r), op, l, r})
}

func textual(op Op, l, r Expr) (Expr, error) {
	for _, x := range []Expr{l, r} {
		if x.Type() != engine.Varchar {
			return nil, wants(string(op), "text", x)
		}
	}
	return limited(&Binary{over(engine.Bool, l, r), op, l, r})
}

func arithmetic(op Op, l, r Expr) (Expr, error) {
	for _, x := range []Expr{l, r} {
		if x.Type() == engine.Timestamp {
			return nil, invalid("times cannot be added, subtracted or the like").
				WithHint("count in seconds with epoch(x): epoch(arrival_time) - epoch(event_time) > 60")
		}
		if !numeric(x) {
			return nil, wants(string(op), "a number", x)
		}
	}
	l, r, err := unify(string(op), l, r)
	if err != nil {
		return nil, err
	}
	if op == Div {
		l, r = widen(l, engine.Double), widen(r, engine.Double)
	}
	return limited(&Binary{over(l.Type(), l, r), op, l, r})
}

// NewIn asks whether x is one of constants; the list holds Literals only.
func NewIn(x Expr, list []Expr) (Expr, error) {
	if isNil(x) || opaque(x) {
		return nil, wants("in", "a value", x)
	}
	in := &In{}
	for _, item := range list {
		if isNil(item) {
			in.WithNull = true
			continue
		}
		left, _, err := unify("in", x, item)
		if err != nil {
			return nil, err
		}
		x = left
	}
	for _, item := range list {
		if !isNil(item) {
			in.List = append(in.List, convertValue(item.(*Literal).Value, x.Type()))
		}
	}
	in.typed, in.X = over(engine.Bool, x), x
	return limited(in)
}

// NewMatches looks for an RE2 expression.
func NewMatches(x Expr, pattern string) (Expr, error) {
	if x.Type() != engine.Varchar {
		return nil, wants("matches", "text", x)
	}
	if _, err := NewLiteral(Text(pattern)); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, invalid("%w", err).WithHint("write an RE2 expression, as in Go: (?i)time ?out")
	}
	return limited(&Matches{over(engine.Bool, x), x, re})
}

// NewConditional chooses between two values of one type.
func NewConditional(cond, then, otherwise Expr) (Expr, error) {
	if cond.Type() != engine.Bool {
		return nil, wants("?:", "a condition before the question mark", cond)
	}
	then, otherwise, err := unify("?:", then, otherwise)
	if err != nil {
		return nil, err
	}
	return limited(&Conditional{over(then.Type(), cond, then, otherwise), cond, then, otherwise})
}

// NewCoalesce replaces nulls.
func NewCoalesce(x, y Expr) (Expr, error) {
	x, y, err := unify("??", x, y)
	if err != nil {
		return nil, err
	}
	return limited(&Coalesce{over(x.Type(), x, y), x, y})
}

// unify gives two operands one type: the wider of two numbers, the other's
// type for nil.
func unify(op string, l, r Expr) (Expr, Expr, error) {
	switch {
	case isNil(l) && isNil(r):
		return nil, nil, invalid("nil on both sides of %s has no type", op).WithHint("write a value on one side")
	case opaque(l):
		return nil, nil, wants(op, "a single value", l)
	case opaque(r):
		return nil, nil, wants(op, "a single value", r)
	case isNil(l):
		return &Convert{over(r.Type(), l), l}, r, nil
	case isNil(r):
		return l, &Convert{over(l.Type(), r), r}, nil
	case l.Type() == r.Type():
		return l, r, nil
	case numeric(l) && numeric(r):
		kind := max(l.Type(), r.Type()) // bigint < hugeint < double
		return widen(l, kind), widen(r, kind), nil
	}
	e := invalid("%s between %s and %s", op, TypeName(l.Type()), TypeName(r.Type()))
	return nil, nil, e.WithHint("%s", unifyHint(l, r))
}

func unifyHint(l, r Expr) string {
	for _, pair := range [][2]Expr{{l, r}, {r, l}} {
		lit, ok := pair[0].(*Literal)
		switch {
		case !ok:
			continue
		case lit.Type() == engine.Varchar && pair[1].Type() == engine.Timestamp:
			return `write the time as date("2026-01-31T12:00:00Z")`
		case lit.Type() == engine.Varchar && numeric(pair[1]):
			return "write the number without quotes"
		case numeric(pair[0]) && pair[1].Type() == engine.Varchar && !constant(pair[1]):
			return `the column holds text: write the number in quotes`
		case pair[1].Type() == engine.Bool:
			return "the column is true or false"
		}
	}
	return "use values of one type"
}

func constant(x Expr) bool {
	_, ok := x.(*Literal)
	return ok
}

// widen converts a number; a constant is converted here and now.
func widen(x Expr, kind engine.TypeKind) Expr {
	if x.Type() == kind {
		return x
	}
	if lit, ok := x.(*Literal); ok {
		return &Literal{typed: over(kind), Value: convertValue(lit.Value, kind)}
	}
	return &Convert{over(kind, x), x}
}

func isNil(x Expr) bool { return x.Type() == engine.Unknown }

func numeric(x Expr) bool {
	return x.Type() == engine.BigInt || x.Type() == engine.HugeInt || x.Type() == engine.Double
}

// opaque values can only be tested for null.
func opaque(x Expr) bool {
	return x.Type() == engine.List || x.Type() == engine.Struct || x.Type() == engine.Map
}

func wants(op, what string, have Expr) error {
	e := invalid("%s wants %s, not %s", op, what, TypeName(have.Type()))
	switch {
	case isNil(have):
		return e.WithHint("test for null with == nil or != nil")
	case have.Type() == engine.List:
		return e.WithHint("lists can only be tested with == nil")
	case opaque(have):
		return e.WithHint("name one of its members, or test it for null with == nil")
	case what == "a number" && have.Type() == engine.Bool:
		return e.WithHint("write CONDITION ? 1 : 0 to make it a number")
	case what == "a number" && have.Type() == engine.Varchar:
		return e.WithHint("if the text is always a number, change the path's type: tidemark schema set")
	case strings.HasPrefix(what, "a condition"):
		return e.WithHint("compare it with something, as in x > 0")
	}
	return e.WithHint("use a value of that type")
}

// TypeName names a type for people.
func TypeName(k engine.TypeKind) string {
	switch k {
	case engine.Unknown:
		return "nil"
	case engine.Bool:
		return "true or false"
	case engine.BigInt, engine.HugeInt:
		return "an integer"
	case engine.Double:
		return "a number"
	case engine.Varchar:
		return "text"
	case engine.Timestamp:
		return "a time"
	}
	return "a " + k.String()
}
