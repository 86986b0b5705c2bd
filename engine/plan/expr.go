package plan

import (
	"regexp"

	"tidemark.dev/tidemark/engine"
)

// Expr is an expression whose operands fit: one of the node types of this
// package, made by its constructors only. Nodes are immutable.
type Expr interface {
	// Type is the kind of the values: bool, bigint, hugeint, double, varchar
	// or timestamp; unknown for nil; list, struct and map for columns that
	// can only be tested for null.
	Type() engine.TypeKind
	depth() int
}

// Op names an operator of a Binary.
type Op string

// The operators.
const (
	Equal      Op = "=="
	NotEqual   Op = "!="
	Less       Op = "<"
	AtMost     Op = "<="
	Greater    Op = ">"
	AtLeast    Op = ">="
	Add        Op = "+"
	Sub        Op = "-"
	Mul        Op = "*"
	Div        Op = "/"
	Mod        Op = "%"
	And        Op = "and"
	Or         Op = "or"
	Concat     Op = "concat"
	Contains   Op = "contains"
	StartsWith Op = "startsWith"
	EndsWith   Op = "endsWith"
)

// Literal is a constant.
type Literal struct {
	typed
	Value Value
}

// Column reads a path from a record.
type Column struct {
	typed
	Path engine.Path
	// Stored is the type that the column has in the table.
	Stored engine.Type
}

// RefKind says what a Ref refers to.
type RefKind uint8

// What a row of a finished window holds.
const (
	KeyRef RefKind = iota
	AggregateRef
	MeasureRef
	PastRef
)

// Ref reads a group key, an aggregate, a measure or a look back from the row
// of a window.
type Ref struct {
	typed
	To    RefKind
	Index int
	Name  string
}

// Not is three-valued negation.
type Not struct {
	typed
	X Expr
}

// Negate is the number with the other sign.
type Negate struct {
	typed
	X Expr
}

// Binary is an operator between two operands of one type.
type Binary struct {
	typed
	Op   Op
	L, R Expr
}

// In asks whether a value is one of a list of constants. WithNull says that
// nil is on the list.
type In struct {
	typed
	X        Expr
	List     []Value
	WithNull bool
}

// IsNull asks whether there is no value.
type IsNull struct {
	typed
	X Expr
}

// Matches asks whether an RE2 expression is found in a text.
type Matches struct {
	typed
	X       Expr
	Pattern *regexp.Regexp
}

// Conditional is Then where If is true, else Else.
type Conditional struct {
	typed
	If, Then, Else Expr
}

// Coalesce is X, or Y where X is null.
type Coalesce struct {
	typed
	X, Y Expr
}

// Call applies a scalar function; see Functions.
type Call struct {
	typed
	Func string
	X    Expr
}

// Convert widens a number, or gives nil a type.
type Convert struct {
	typed
	X Expr
}

// typed carries what all nodes have.
type typed struct {
	kind engine.TypeKind
	deep int
}

// Type is the kind of the node's values.
func (t typed) Type() engine.TypeKind { return t.kind }
func (t typed) depth() int            { return t.deep }

// MaxDepth bounds how deeply expressions nest; DuckDB's own limit, which
// counts casts too, is some ten times higher.
const MaxDepth = 100

// over makes the typed part of a node over its operands.
func over(kind engine.TypeKind, operands ...Expr) typed {
	deep := 0
	for _, x := range operands {
		deep = max(deep, x.depth())
	}
	return typed{kind, deep + 1}
}

// Nil is the constant null, whose type is settled by what it meets.
func Nil() Expr { return &Literal{typed: over(engine.Unknown)} }

// Operands lists the expressions directly below e.
func Operands(e Expr) []Expr {
	switch e := e.(type) {
	case *Not:
		return []Expr{e.X}
	case *Negate:
		return []Expr{e.X}
	case *Binary:
		return []Expr{e.L, e.R}
	case *In:
		return []Expr{e.X}
	case *IsNull:
		return []Expr{e.X}
	case *Matches:
		return []Expr{e.X}
	case *Conditional:
		return []Expr{e.If, e.Then, e.Else}
	case *Coalesce:
		return []Expr{e.X, e.Y}
	case *Call:
		return []Expr{e.X}
	case *Convert:
		return []Expr{e.X}
	}
	return nil
}

// Walk calls visit for e and everything below it, outermost first.
func Walk(e Expr, visit func(Expr)) {
	visit(e)
	for _, x := range Operands(e) {
		Walk(x, visit)
	}
}
