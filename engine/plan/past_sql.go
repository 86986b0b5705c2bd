package plan

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// pastSQL writes a look back over the windows of the statement that SQL
// builds, which have their measures by name and "#start" and "#end" in
// microseconds.
func (p *Plan) pastSQL(x Past) string {
	m := engine.QuoteIdent(p.Measures[x.Measure].Name)
	var keys []string
	for _, k := range p.Keys {
		keys = append(keys, engine.QuoteIdent(k.Name))
	}
	if x.Every > 0 {
		keys = append(keys, fmt.Sprintf(`"#end" %% %d`, x.Every.Microseconds()))
	}
	part := ""
	if len(keys) > 0 {
		part = "PARTITION BY " + strings.Join(keys, ", ") + " "
	}
	session := p.Window.Kind == Session
	if x.Func == Previous && session {
		return fmt.Sprintf(`lag(%s, %d) OVER (%sORDER BY "#end")`, m, x.Back, part)
	}
	if x.Func == Previous {
		back := x.Ago.Microseconds() + int64(x.Back)*p.Window.Slot().Microseconds()
		return fmt.Sprintf(`max(%s) OVER (%sORDER BY "#end" RANGE BETWEEN %d PRECEDING AND %d PRECEDING)`, m, part, back, back)
	}
	over := fmt.Sprintf(`(%sORDER BY "#end" RANGE BETWEEN %d PRECEDING AND ("#end" - "#start") PRECEDING)`, part, x.Ago.Microseconds())
	if session {
		over = fmt.Sprintf(`(%sORDER BY "#start" RANGE BETWEEN %d PRECEDING AND 1 PRECEDING)`, part, x.Ago.Microseconds())
	}
	s := "quantile_disc(" + m + ", 0.5) OVER " + over
	if x.Least > 1 {
		s = fmt.Sprintf("CASE WHEN count(%s) OVER %s >= %d THEN %s END", m, over, x.Least, s)
	}
	return s
}

// judged puts what when looks back at beside the windows, and what it says.
func (p *Plan) judged(w *sqlWriter, windows string) string {
	pasts := make([]string, len(p.Pasts))
	for i, x := range p.Pasts {
		pasts[i] = w.charge(p.pastSQL(x)) + " AS " + engine.QuoteIdent(p.PastName(i))
	}
	w.ref = func(r *Ref) string { return engine.QuoteIdent(r.Name) }
	return "SELECT * EXCLUDE (\"#start\", \"#end\"),\n       " + w.finite(p.When) + " AS breaching\nFROM (\n" +
		indent("SELECT *,\n       "+strings.Join(pasts, ",\n       ")+"\nFROM (\n"+indent(windows)+"\n)") + "\n)"
}
