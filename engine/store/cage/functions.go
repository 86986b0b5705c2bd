package cage

import (
	_ "embed"
	"strings"
	"sync"
)

// functionsText lists every function and every system view of the DuckDB that
// is built in, and says which may be used. A test fails when DuckDB has one
// that is not listed.
//
//go:embed functions.txt
var functionsText string

// lists are the functions that DuckDB brings.
type lists struct {
	// scalar may be called in an expression, table in FROM.
	scalar, table map[string]bool
	// refused are all others: what reads files, takes pointers, runs text as
	// SQL, changes settings, waits, or crashes on what it is given.
	refused map[string]bool
	// hidden are system views that tell more than the workspace.
	hidden map[string]bool
	// instead says what to use in place of a refused function.
	instead map[string]string
}

var known = sync.OnceValue(func() *lists { return readLists(functionsText) })

// readLists reads sections of names; "name = text" says what to use instead.
func readLists(text string) *lists {
	l := &lists{
		scalar: map[string]bool{}, table: map[string]bool{}, refused: map[string]bool{},
		hidden: map[string]bool{}, instead: map[string]string{},
	}
	sections := map[string]map[string]bool{
		"[scalar]": l.scalar, "[table]": l.table, "[refused]": l.refused, "[hidden]": l.hidden,
	}
	into := l.refused
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if section, ok := sections[line]; ok {
			into = section
			continue
		}
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if name, instead, ok := strings.Cut(line, " = "); ok && !strings.Contains(name, " ") {
			l.instead[name] = instead
			line = name
		}
		for _, name := range strings.Fields(line) {
			into[name] = true
		}
	}
	return l
}

// Brought reports whether DuckDB brings a function of this name, of whatever
// kind. Names are in lower case.
func Brought(function string) bool {
	return Allowed(function) || known().refused[function]
}

// Allowed reports whether a query may call a function that DuckDB brings, in
// an expression or in FROM.
func Allowed(function string) bool { return known().scalar[function] || known().table[function] }
