package cage

import (
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Limits of the parsed query. DuckDB binds some forms again and again at
// every level, so that their cost doubles with each; it does not let itself
// be interrupted meanwhile.
const (
	maxTree      = 500 // levels of the tree: about 150 of an expression
	maxLambdas   = 12  // -> within ->
	maxSubquery  = 12  // subqueries within the expressions of one another
	maxStructure = 100 // brackets of a structure that a JSON function is given
)

// walker looks through a parsed query and refuses what it does not know.
type walker struct {
	src       *source
	tables    []table
	functions []function // that are on no list: to be looked up
	catalog   bool
	unsteady  bool // it calls a function that answers otherwise the next time
	own       func(name string) bool
	err       error
}

// table is a table that the query names and does not define.
type table struct {
	database, schema, name string
	at                     int
}

// function is a function that the query calls.
type function struct {
	name string
	at   int
}

// scope are the names that WITH has given to queries so far.
type scope struct {
	name  string // in lower case
	outer *scope
}

func (s *scope) has(name string) bool {
	name = strings.ToLower(name)
	for ; s != nil; s = s.outer {
		if s.name == name {
			return true
		}
	}
	return false
}

func (s *scope) with(name string) *scope { return &scope{strings.ToLower(name), s} }

// level is how deep the walk is.
type level struct{ tree, lambdas, subqueries int }

func (w *walker) walk(v any, sc *scope, at level) {
	if w.err != nil {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			w.walk(x, sc, at)
		}
	case map[string]any:
		if at.tree++; at.tree > maxTree {
			w.err = pointAt(w.src.original, w.place(v), "%w", errTooDeep)
			return
		}
		w.node(v, sc, at)
	}
}

func (w *walker) node(n map[string]any, sc *scope, at level) {
	sc = w.define(n, sc, at)
	kind := str(n, "type")
	if class := str(n, "class"); class != "" {
		at = w.expression(n, class, at)
	} else if kind != "" {
		w.relation(n, kind, sc)
	}
	for key, x := range n {
		switch {
		case key == "cte_map":
		case key == "value" && kind == "VALUE_CONSTANT":
		case kind == "TABLE_FUNCTION" && key == "function":
			f, _ := x.(map[string]any) // is no scalar: see tableFunction
			for _, argument := range f {
				w.walk(argument, sc, at)
			}
		case kind == "RECURSIVE_CTE_NODE" && key == "right":
			w.walk(x, sc.with(str(n, "cte_name")), at)
		default:
			w.walk(x, sc, at)
		}
	}
}

// define walks the queries of a WITH, each of which sees those before it.
func (w *walker) define(n map[string]any, sc *scope, at level) *scope {
	ctes, ok := n["cte_map"].(map[string]any)
	if !ok {
		return sc
	}
	entries, _ := ctes["map"].([]any)
	for _, e := range entries {
		e, _ := e.(map[string]any)
		w.walk(e["value"], sc, at)
		sc = sc.with(str(e, "key"))
	}
	return sc
}

// classes are the kinds of expression that may stand in a query.
var classes = set("CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "DEFAULT", "BETWEEN",
	"FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "WINDOW", "TYPE")

func (w *walker) expression(n map[string]any, class string, at level) level {
	switch class {
	case "FUNCTION", "WINDOW":
		w.call(n)
	case "COLUMN_REF":
		w.unsteady = w.unsteady || readsClock(n)
	case "LAMBDA":
		if at.lambdas++; at.lambdas > maxLambdas {
			w.refuse(n, "more than %d -> follow one another", maxLambdas).Hint = "write json_extract(value, '$.a.b.c') instead of value->'a'->'b'->'c'"
		}
	case "SUBQUERY":
		if at.subqueries++; at.subqueries > maxSubquery {
			w.refuse(n, "subqueries are nested more than %d deep", maxSubquery)
		}
	case "CAST":
		if mentionsVariant(n["cast_type"]) {
			w.refuse(n, "the type VARIANT cannot be used here").Hint = "use JSON"
		}
	default:
		if !classes[class] {
			w.refuse(n, "this form of expression (%s) cannot be used here", class)
		}
	}
	return at
}

// mentionsVariant looks for VARIANT in a type: in DuckDB 1.5 a deep value
// that is cast to it overflows the stack.
func mentionsVariant(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, mentionsVariant)
	case map[string]any:
		if str(v, "id") == "VARIANT" || strings.EqualFold(str(v, "name"), "VARIANT") {
			return true
		}
		for _, x := range v {
			if mentionsVariant(x) {
				return true
			}
		}
	}
	return false
}

func (w *walker) call(n map[string]any) {
	name := strings.ToLower(str(n, "function_name"))
	if exported, _ := n["export_state"].(bool); exported {
		w.refuse(n, "EXPORT_STATE cannot be used here")
	}
	if structureFunctions[name] && !shallow(n) {
		w.refuse(n, "the structure that %s is given must be written out, and not nested more than %d deep", name, maxStructure)
	}
	w.sized(n)
	w.unsteady = w.unsteady || unsteady[name] || !known().scalar[name]
	if !known().scalar[name] && (w.own == nil || !w.own(name)) {
		w.functions = append(w.functions, function{name, w.place(n)})
	}
}

// structureFunctions parse their second argument with a recursive parser.
var structureFunctions = set("json_transform", "json_transform_strict", "from_json", "from_json_strict")

// shallow reports whether the structure given to a JSON function is a
// literal that is not deep.
func shallow(n map[string]any) bool {
	arguments, _ := n["children"].([]any)
	if len(arguments) < 2 {
		return true
	}
	argument, _ := arguments[1].(map[string]any)
	value, _ := argument["value"].(map[string]any)
	text, ok := value["value"].(string)
	return ok && strings.Count(text, "[")+strings.Count(text, "{") <= maxStructure
}

// relations are the parts of a query that are no expressions and need no
// further look.
var relations = set("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE",
	"EMPTY", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "PIVOT",
	"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER",
	"ORDER_DEFAULT", "ASCENDING", "DESCENDING")

func (w *walker) relation(n map[string]any, kind string, sc *scope) {
	switch {
	case kind == "BASE_TABLE":
		w.table(n, sc)
	case kind == "TABLE_FUNCTION":
		w.tableFunction(n)
	case kind == "SHOW_REF":
		w.show(n)
	case !relations[kind] && !strings.HasSuffix(kind, "_TYPE_INFO"):
		w.refuse(n, "this form of query (%s) cannot be used here", kind)
	}
}

func (w *walker) table(n map[string]any, sc *scope) {
	t := table{str(n, "catalog_name"), str(n, "schema_name"), str(n, "table_name"), w.place(n)}
	recurring := t.database == "" && strings.EqualFold(t.schema, "recurring")
	if (t.database == "" && t.schema == "" || recurring) && sc.has(t.name) {
		return
	}
	w.tables = append(w.tables, t)
}

func (w *walker) tableFunction(n map[string]any) {
	f, _ := n["function"].(map[string]any)
	name := strings.ToLower(str(f, "function_name"))
	if !known().table[name] {
		w.refuse(n, "the table function %s cannot be used here", name)
	}
}

// shown are the lists that SHOW gives.
var shown = set("databases", "schemas", "tables", "variables", "__show_tables_expanded")

func (w *walker) show(n map[string]any) {
	w.catalog = true
	switch str(n, "show_type") {
	case "DESCRIBE", "SUMMARY", "SHOW_FROM":
		return
	}
	if name := strings.Trim(str(n, "table_name"), `"`); !shown[strings.ToLower(name)] {
		w.refuse(n, "SHOW %s is not known", name)
	}
}

func (w *walker) place(n map[string]any) int {
	at, _ := n["query_location"].(float64)
	if at > float64(len(w.src.body())) {
		at = 0
	}
	return w.src.at + int(at)
}

func (w *walker) refuse(n map[string]any, format string, args ...any) *engine.Error {
	e := pointAt(w.src.original, w.place(n), format, args...)
	if w.err == nil {
		e.Hint = "a query reads the datasets of the workspace: SHOW ALL TABLES lists them"
		w.err = e
	}
	return e
}

func (w *walker) tableNames() []string {
	var names []string
	for _, t := range w.tables {
		if name := t.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (t table) String() string {
	name := t.name
	if t.schema != "" {
		name = t.schema + "." + name
	}
	if t.database != "" {
		name = t.database + "." + name
	}
	return name
}

func str(n map[string]any, key string) string {
	s, _ := n[key].(string)
	return s
}
