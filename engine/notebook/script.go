package notebook

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Script writes the notebook as SQL that the DuckDB command line runs:
// parameters become variables, named cells views.
func Script(n *Notebook, opt Options) ([]byte, error) {
	values, err := n.bind(opt.Params)
	if err != nil {
		return nil, err
	}
	from, to, err := n.span(opt.Watermark, opt.Now)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "-- %s\nSET VARIABLE \"from\" = %s;\nSET VARIABLE \"to\" = %s;\n", n.File, sqlLiteral(from), sqlLiteral(to))
	for _, p := range n.Params {
		fmt.Fprintf(&b, "SET VARIABLE %s = %s;\n", engine.QuoteIdent(strings.ToLower(p.Name)), sqlLiteral(values[p.Name]))
	}
	for _, c := range n.Cells {
		if len(c.Given) > 0 && c.Kind != Markdown {
			fmt.Fprintf(&b, "-- a notebook runs this only if %s\n", joinedConditions(c.Given))
		}
		switch c.Kind {
		case Markdown:
			for line := range strings.SplitSeq(strings.Trim(c.Text, "\n"), "\n") {
				b.WriteString(strings.TrimRight("-- "+line, " ") + "\n")
			}
		case SQL, Check:
			// The semicolon stands on its own line: the query may end in a comment.
			query := strings.Trim(variables(statement(c.Text)), "\n")
			if c.Name != "" {
				name := engine.QuoteIdent(c.Name)
				fmt.Fprintf(&b, "CREATE OR REPLACE TEMP VIEW %s AS\n%s\n;\nFROM %s;\n", name, query, name)
			} else {
				fmt.Fprintf(&b, "%s\n;\n", query)
			}
			if c.Kind == Check && n.chooses(c) {
				fmt.Fprintf(&b, "SELECT count(*) = 0 AS \"check\" FROM (\n%s\n);\n", query)
			} else if c.Kind == Check {
				fmt.Fprintf(&b, "SELECT if(count(*) = 0, 'passed', error('the check on line %d found ' || count(*) || ' rows')) AS \"check\" FROM (\n%s\n);\n", c.Line, query)
			}
		}
		b.WriteString("\n")
	}
	return b.Bytes(), nil
}

// variables replaces $name by getvariable('name').
func variables(sql string) string {
	var b strings.Builder
	at := 0
	for _, t := range params(sql) {
		b.WriteString(sql[at:t.start] + "getvariable('" + strings.ToLower(t.text) + "')")
		at = t.end
	}
	return b.String() + sql[at:]
}

func sqlLiteral(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case time.Time:
		return "TIMESTAMPTZ '" + v.UTC().Format("2006-01-02 15:04:05.999999") + "+00'"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}
