// Package schema gives records their types. It owns the lattice, inference
// from raw JSON lines, the evolution of a dataset's type from one version to
// the next, and the one pass that checks a line against the type and rewrites
// it for loading.
//
// It works on bytes and types alone: what is stored, and when, is store's
// business; which records make up a micro-batch is pipeline's.
package schema

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// MaxPaths is how many paths of a dataset become columns by themselves where
// its mapping does not say; what is found beyond stays in rest until somebody
// promotes it.
const MaxPaths = 1000

// MaxPath is how long the name of a path may be, in bytes, to become a column
// by itself: a query names it many times.
const MaxPath = 2000

// MaxMembers is how many members an object inside of a record gets by itself.
const MaxMembers = 256

// Limit is how many paths a dataset types by itself.
func Limit(m engine.Mapping) int {
	if m.MaxPaths > 0 {
		return m.MaxPaths
	}
	return MaxPaths
}

// Change is one difference between two versions of a dataset's type.
type Change struct {
	Path string `json:"path"`
	Op   string `json:"op"` // add | resolve | widen | retype
	From string `json:"from,omitempty"`
	To   string `json:"to"`
}

// Major reports whether readers of the old version may break.
func (c Change) Major() bool { return c.Op == "retype" }

// String writes the change the way schema history shows it.
func (c Change) String() string {
	switch c.Op {
	case "add":
		return fmt.Sprintf("+ %s %s", c.Path, c.To)
	default:
		return fmt.Sprintf("~ %s %s -> %s", c.Path, c.From, c.To)
	}
}

// Conflict is a value that its path's type cannot hold.
type Conflict struct {
	Path    string
	Want    string // the type the path has
	Got     string // the shape that came
	Example string // the raw value, cut to 200 bytes
}

// pathOf extends a dotted path.
func pathOf(parent, name string) string {
	if parent == "" {
		return engine.Ident(name)
	}
	return parent + "." + engine.Ident(name)
}

// fold is how DuckDB compares names: without regard to ASCII case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// Leaves counts the paths of t that hold values.
func Leaves(t engine.Type) int {
	switch t.Kind {
	case engine.Unknown:
		return 0
	case engine.List, engine.Map:
		return max(1, Leaves(*t.Elem))
	case engine.Struct:
		n := 0
		for _, f := range t.Fields {
			n += Leaves(f.Type)
		}
		return n
	}
	return 1
}
