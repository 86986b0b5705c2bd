// Package cage runs SQL that a person wrote: it reads the workspace and does
// nothing else.
//
// It decides by DuckDB's own parser. The one statement must be a SELECT, an
// EXPLAIN of one, or a look at the catalog (SHOW, DESCRIBE, SUMMARIZE). Every
// table in it must be of the catalog or defined by the query itself, and
// every function must stand on a list; what is not known is refused. It runs
// in a READ ONLY transaction on an instance that Harden has shut in before:
// either wall holds without the other. What a query computes and how it is
// shown is left to others.
package cage

import (
	"context"
	"database/sql"
	"strings"

	"tidemark.dev/tidemark/engine"
)

const op = "query"

// Statement is a query that may run.
type Statement struct {
	// SQL is the one statement, without the comments around it and what
	// follows its end. Its bytes stand where they stood in the query.
	SQL string
	// Body is what an EXPLAIN explains, else the same as SQL.
	Body string
	// Explain says that it is an EXPLAIN, Catalog that it is a SHOW, a
	// DESCRIBE or a SUMMARIZE.
	Explain, Catalog bool
	// Tables are the tables it names, without those it defines itself, as
	// they are written: "app_logs", "tidemark.objects".
	Tables []string
	// Parameters are the names of its parameters in their order: "service"
	// of $service, "1" of $1 and of the first ?.
	Parameters []string
	// Few is what its LIMIT says, where that is known before it runs and the
	// query asks the same when it is run again; else nil.
	Few *Few
}

// Check reads a query and refuses everything but a look at the workspace. The
// error carries line, column and the line itself. own says which functions the
// application has added; nil is none.
func Check(ctx context.Context, conn *sql.Conn, query string, own func(name string) bool) (*Statement, error) {
	st, w, err := walk(ctx, conn, query, own)
	if err != nil {
		return nil, err
	}
	if err := w.lookUp(ctx, conn); err != nil {
		return nil, err
	}
	return st, nil
}

// Read is Check for a query whose tables need not be there yet.
func Read(ctx context.Context, conn *sql.Conn, query string, own func(name string) bool) (*Statement, error) {
	st, _, err := walk(ctx, conn, query, own)
	return st, err
}

func walk(ctx context.Context, conn *sql.Conn, query string, own func(name string) bool) (*Statement, *walker, error) {
	src, err := read(query)
	if err != nil {
		return nil, nil, err
	}
	tree, err := parse(ctx, conn, src.body())
	if err != nil {
		return nil, nil, Explain(err, query)
	}
	if tree.Failed {
		return nil, nil, refuseTree(src, tree)
	}
	if len(tree.Statements) != 1 {
		return nil, nil, engine.Errorf(engine.Invalid, op, "there are %d statements", len(tree.Statements)).WithHint("run one SELECT at a time")
	}
	w := &walker{src: src, own: own}
	w.walk(tree.Statements[0].Node, nil, level{})
	if w.err != nil {
		return nil, nil, w.err
	}
	return &Statement{
		SQL: src.run, Body: src.body(), Explain: src.at > 0, Catalog: w.catalog,
		Tables: w.tableNames(), Parameters: tree.Statements[0].parameters(),
		Few: w.few(tree.Statements[0].Node),
	}, w, nil
}

// refuseTree says why a text is no SELECT.
func refuseTree(src *source, t *tree) error {
	text := src.body()
	if t.Kind == "parser" {
		e := pointAt(src.original, src.at+t.offset(text), "%s", clean(t.Message))
		if strings.HasPrefix(t.Message, "Max expression depth") || strings.HasPrefix(t.Message, "memory exhausted") {
			e.Err = errTooDeep
		}
		return e
	}
	words := tokens(text)
	first := strings.ToUpper(words[0].of(text))
	at := src.at + words[0].start
	switch {
	case strings.Contains(t.Message, "arameters"):
		return pointAt(src.original, at, "%s", strings.TrimSuffix(clean(t.Message), " yet"))
	case first == "WITH" && changing(text, words) != nil:
		verb := changing(text, words)
		return pointAt(src.original, src.at+verb.start, "only SELECT, EXPLAIN, SHOW, DESCRIBE and SUMMARIZE run here, not %s", strings.ToUpper(verb.of(text))).
			WithHint("a query reads the workspace and changes nothing")
	case selects[first] || first == "(" || strings.Contains(strings.ToUpper(text), "PIVOT"):
		return pointAt(src.original, at, "a PIVOT must name its values here").WithHint("write PIVOT t ON column IN (value, ...) USING ...")
	}
	return pointAt(src.original, at, "only SELECT, EXPLAIN, SHOW, DESCRIBE and SUMMARIZE run here, not %s", first).
		WithHint("a query reads the workspace and changes nothing")
}

// changing finds the word that makes more than a look of a WITH: a verb where
// a statement begins.
func changing(text string, words []token) *token {
	verbs := set("DELETE", "INSERT", "UPDATE", "MERGE")
	for i := 1; i < len(words); i++ {
		if before := words[i-1].of(text); (before == "(" || before == ")") && verbs[strings.ToUpper(words[i].of(text))] {
			return &words[i]
		}
	}
	return nil
}

var selects = set("SELECT", "WITH", "FROM", "VALUES", "TABLE", "PIVOT", "UNPIVOT")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
