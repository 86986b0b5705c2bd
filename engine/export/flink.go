package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var flinkParameters = []Parameter{
	{"source", "'connector' = 'kinesis', 'stream.arn' = '${TIDEMARK_RECORDS_ARN}', 'aws.region' = '${TIDEMARK_REGION}', 'source.init.position' = 'LATEST'", "Where the records come from: options of a connector. DATASET stands for the dataset's name."},
	{"sink", "'connector' = 'kinesis', 'stream.arn' = '${TIDEMARK_ALARMS_ARN}', 'aws.region' = '${TIDEMARK_REGION}'", "Where windows and alarms go: options of a connector. TABLE stands for the table's name."},
}

// flink writes one job: the datasets decoded as Tidemark does it, and for each
// rule its windows and its alarms.
func flink(rules []Rule, set Settings) ([]byte, [][]Difference, error) {
	sources := map[string]string{}
	idle := ""
	var views, inserts strings.Builder
	differences, err := each("flink", rules, func(r *refuser, rule Rule) []Difference {
		w := newFlinkRule(r, rule, set)
		if sources[rule.Plan.Dataset] == "" {
			s := &flinkSource{refuser: r, Source: rule.Source, dataset: rule.Plan.Dataset, transformed: set.Transformed}
			sources[rule.Plan.Dataset] = s.tables(flinkOptions(set.value(flinkParameters, "source"), "DATASET", rule.Plan.Dataset))
		}
		idle = fmt.Sprintf("%d ms", rule.Source.Idle.Milliseconds())
		views.WriteString(w.views(set.value(flinkParameters, "sink")))
		inserts.WriteString(w.inserts())
		return w.differences()
	})
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	b.WriteString("-- Written by tidemark rules export --target flink; PARITY.md says how it differs.\n" +
		"-- Runs with Flink 2.2 and its SQL client; put in what stands in ${...}.\n\n" +
		"SET 'execution.runtime-mode' = 'streaming';\nSET 'table.local-time-zone' = 'UTC';\nSET 'table.exec.source.idle-timeout' = '" + idle + "';\n")
	for _, name := range sortedKeys(sources) {
		b.WriteString("\n" + sources[name])
	}
	b.WriteString(views.String() + "\nEXECUTE STATEMENT SET BEGIN\n" + inserts.String() + "END;\n")
	return []byte(b.String()), differences, nil
}

// flinkOptions writes a connector's options one a line.
func flinkOptions(options, placeholder, name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(options, placeholder, name), "', '", "',\n  '")
}

// flinkRule is one rule on its way to Flink.
type flinkRule struct {
	*refuser
	Rule
	exprs flinkExpr
	// read marks the measures that are exported.
	read     []bool
	sentence sentence
	set      Settings
}

func newFlinkRule(r *refuser, rule Rule, set Settings) *flinkRule {
	w := &flinkRule{refuser: r, Rule: rule, set: set}
	w.checkWindow()
	w.checkSource()
	w.exprs = flinkExpr{refuser: r, plan: rule.Plan}
	w.exprs.aggregate = func(i int) string {
		w.exprs.flinkParts(i, rule.Plan.Aggregates[i]) // refuses what has none
		return flinkFinish(i, rule.Plan.Aggregates[i])
	}
	w.exprs.past = w.past
	if rule.Plan.Where != nil {
		w.exprs.value(rule.Plan.Where)
	}
	for _, k := range rule.Plan.Keys {
		w.exprs.value(k.Column)
	}
	w.exprs.value(rule.Plan.When)
	w.sentence = newSentence(r, rule, func(ref *plan.Ref) { w.exprs.typeOf(ref); w.exprs.value(ref) })
	w.read = w.sentence.and(rule.Plan, rule.Plan.When)
	return w
}

func (w *flinkRule) checkWindow() {
	window := w.Plan.Window
	switch {
	case window.Zone != nil:
		w.no("time_zone: "+window.Zone.String(), "the windows of one job are cut in one time zone, and this one's is UTC", "leave time_zone out")
	case window.Offset != 0:
		w.no("offset: "+engine.FormatDuration(window.Offset), "Flink 2.2 loses records at the edges of windows that have an offset", "leave offset out")
	case window.Kind == plan.Hopping && window.Size%window.Every != 0:
		w.no("window: {hopping: …}", "Flink wants the size to be a multiple of the step", "use a size that is a multiple of every")
	case window.Size%1e6 != 0 || window.Every%1e6 != 0 || window.Gap%1e6 != 0:
		w.no("window of "+engine.FormatDuration(window.Size), "event time in Flink SQL has milliseconds", "use windows of whole milliseconds")
	case w.Missing == MissingIsBreaching || w.Missing == MissingIsIgnored:
		w.no("missing: "+string(w.Missing), "Flink SQL says nothing of a window without records, so nobody can tell that it is missing", "use missing: not_breaching, or export to prometheus or cloudformation")
	}
}

func (w *flinkRule) checkSource() {
	s := w.Source
	s.plain(w.refuser)
	if len(s.Transforms) > 0 && !w.set.Transformed {
		names := make([]string, len(s.Transforms))
		for i, t := range s.Transforms {
			names[i] = t.Name
		}
		w.no("transforms: ["+strings.Join(names, ", ")+"]", "Flink cannot run the plugins of the dataset", "run them before: export to connect, and let Flink read what comes out of it with --transformed")
	}
}

func (w *flinkRule) table(part string) string { return quoted(w.Name + "_" + part) }

// windowSQL cuts the records into windows.
func (w *flinkRule) windowSQL(relation string) string {
	window := w.Plan.Window
	at := ", DESCRIPTOR(`event_time`), "
	switch window.Kind {
	case plan.Hopping:
		return "HOP(TABLE " + relation + at + flinkInterval(window.Every) + ", " + flinkInterval(window.Size) + ")"
	case plan.Cumulate:
		return "CUMULATE(TABLE " + relation + at + flinkInterval(window.Every) + ", " + flinkInterval(window.Size) + ")"
	case plan.Session:
		by := ""
		switch keys := w.keys(); {
		case w.sessionKeyed():
			by = " PARTITION BY (" + quoted(sessionKey) + ")"
		case len(keys) > 0:
			by = " PARTITION BY (" + keys[0] + ")"
		}
		return "SESSION(TABLE " + relation + by + at + flinkInterval(window.Gap) + ")"
	}
	return "TUMBLE(TABLE " + relation + at + flinkInterval(window.Size) + ")"
}

// sessionKey is a column that says which group a record is of. Flink takes
// only the first of several partition keys through a view.
const sessionKey = "#session"

func (w *flinkRule) sessionKeyed() bool {
	return w.Plan.Window.Kind == plan.Session && len(w.Plan.Keys) > 1
}

// sessionOf is the value of sessionKey.
func (w *flinkRule) sessionOf() string {
	parts := make([]string, len(w.Plan.Keys))
	for i, k := range w.Plan.Keys {
		parts[i] = "CAST(" + w.exprs.value(k.Column) + " AS STRING)"
	}
	return "JSON_ARRAY(" + strings.Join(parts, ", ") + " NULL ON NULL)"
}

func (w *flinkRule) keys() (names []string) {
	for _, k := range w.Plan.Keys {
		names = append(names, quoted(k.Name))
	}
	return names
}

// views are what becomes of the records: those that count, the windows, and
// the states.
func (w *flinkRule) views(sink string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n-- Rule %s, version %s: %s\n", w.Name, w.Hash, oneLine(w.When))
	b.WriteString(w.counted())
	b.WriteString(w.windows())
	b.WriteString(w.states())
	fmt.Fprintf(&b, "CREATE TABLE %s (\n  %s\n) WITH (\n  %s,\n  'format' = 'json'\n);\n\n", w.table("panes"),
		strings.Join(append(append(w.keyTypes(), "`window_start` TIMESTAMP(3)", "`window_end` TIMESTAMP(3)", "`records` BIGINT"), append(w.measureTypes(), "`breaching` BOOLEAN")...), ",\n  "),
		flinkOptions(sink, "TABLE", w.Name+"_panes"))
	fmt.Fprintf(&b, "CREATE TABLE %s (\n  %s\n) WITH (\n  %s,\n  'format' = 'json'\n);\n", w.table("alarms"),
		strings.Join(append(append([]string{"`rule` STRING", "`version` STRING"}, w.keyTypes()...), "`at` TIMESTAMP(3)", "`state` STRING", "`breaching` BIGINT", "`severity` STRING", "`summary` STRING"), ",\n  "),
		flinkOptions(sink, "TABLE", w.Name+"_alarms"))
	return b.String()
}

func (w *flinkRule) keyTypes() (list []string) {
	for _, k := range w.Plan.Keys {
		list = append(list, quoted(k.Name)+" "+w.exprs.typeOf(k.Column))
	}
	return list
}

func (w *flinkRule) measureTypes() (list []string) {
	for i, m := range w.Plan.Measures {
		if w.read[i] {
			list = append(list, quoted(m.Name)+" "+w.exprs.typeOf(m.Expr))
		}
	}
	return list
}

// aggregated marks the aggregates that exported measures need.
func (w *flinkRule) aggregated() []int {
	var list []int
	all := aggregatesOf(w.Plan, w.read)
	for i, a := range w.Plan.Aggregates {
		if slices.Contains(all, a) {
			list = append(list, i)
		}
	}
	return list
}

// counted computes the aggregates of windows. Keys are computed before, as
// a window is of columns.
func (w *flinkRule) counted() string {
	input := w.table("records")
	columns := []string{"*"}
	for _, k := range w.Plan.Keys {
		if name := quoted(k.Name); name != w.exprs.value(k.Column) {
			columns = append(columns, w.exprs.value(k.Column)+" AS "+name)
		}
	}
	if w.sessionKeyed() {
		columns = append(columns, w.sessionOf()+" AS "+quoted(sessionKey))
	}
	where := ""
	if w.Plan.Where != nil {
		where = "\nWHERE " + w.exprs.value(w.Plan.Where)
	}
	var inner, outer []string
	for _, i := range w.aggregated() {
		for j, p := range w.exprs.flinkParts(i, w.Plan.Aggregates[i]) {
			inner = append(inner, p.sql+" AS "+quoted(p.name))
			out := quoted(p.name)
			if w.Plan.Aggregates[i].Func == plan.Quantile && j == 0 {
				out = flinkRank(out, w.Plan.Aggregates[i]) + " AS " + out
			}
			outer = append(outer, out)
		}
	}
	by := append(w.keys(), "window_start", "window_end", "window_time")
	all := append(slices.Clone(by), "`records`")
	return fmt.Sprintf("CREATE TEMPORARY VIEW %s AS\nSELECT %s\nFROM %s%s;\n\n", input, strings.Join(columns, ", "), quoted(w.Plan.Dataset), where) +
		fmt.Sprintf("CREATE TEMPORARY VIEW %s AS\nSELECT %s\nFROM (\n  SELECT %s\n  FROM TABLE(%s)\n  GROUP BY %s\n);\n\n", w.table("counted"),
			strings.Join(append(all, outer...), ", "),
			strings.Join(append(append(w.grouped(by), "COUNT(*) AS `records`"), inner...), ",\n    "), w.windowSQL(input), strings.Join(w.grouping(by), ", "))
}

// grouping is what records are grouped by: a session by what it is a partition
// of, else it would not be known to be over.
func (w *flinkRule) grouping(by []string) []string {
	if !w.sessionKeyed() {
		return by
	}
	return append([]string{quoted(sessionKey)}, by[len(w.Plan.Keys):]...)
}

// grouped are the columns of a group.
func (w *flinkRule) grouped(by []string) []string {
	columns := slices.Clone(by)
	if w.sessionKeyed() {
		for i, name := range w.keys() { // all records of the group have it
			columns[i] = "MAX(" + name + ") AS " + name
		}
	}
	return columns
}

// windows computes the measures, and whether a window breaches.
func (w *flinkRule) windows() string {
	columns := append(w.keys(), "window_start", "window_end", "window_time", "`records`")
	for i, m := range w.Plan.Measures {
		if w.read[i] {
			columns = append(columns, w.exprs.value(m.Expr)+" AS "+quoted(m.Name))
		}
	}
	if len(w.Plan.Pasts) > 0 {
		return w.lookingBack(columns)
	}
	columns = append(columns, w.exprs.value(w.Plan.When)+" AS `breaching`")
	return fmt.Sprintf("CREATE TEMPORARY VIEW %s AS\nSELECT\n  %s\nFROM %s;\n\n", w.table("windows"), strings.Join(columns, ",\n  "), w.table("counted"))
}

// states counts the breaching windows among the newest, for each window with
// records.
func (w *flinkRule) states() string {
	partition := ""
	if len(w.Plan.Keys) > 0 {
		partition = "PARTITION BY " + strings.Join(w.keys(), ", ") + " "
	}
	over := "RANGE BETWEEN " + flinkInterval(time.Duration(w.Of-1)*every(w.Plan.Window)) + " PRECEDING AND CURRENT ROW"
	if w.Plan.Window.Kind == plan.Session {
		over = fmt.Sprintf("ROWS BETWEEN %d PRECEDING AND CURRENT ROW", w.Of-1)
	}
	return fmt.Sprintf(`CREATE TEMPORARY VIEW %s AS
SELECT *, CASE WHEN breaching_windows >= %d THEN 'ALARM' ELSE 'OK' END AS state
FROM (
  SELECT *, SUM(CASE WHEN `+"`breaching`"+` THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END) OVER (%sORDER BY window_time %s) AS breaching_windows
  FROM %s
);

`, w.table("states"), w.Datapoints, partition, over, w.table("windows"))
}

// inserts writes the windows, and the states where they change.
func (w *flinkRule) inserts() string {
	columns := append(w.keys(), "window_start", "window_end", "`records`")
	for i, m := range w.Plan.Measures {
		if w.read[i] {
			columns = append(columns, quoted(m.Name))
		}
	}
	partition := ""
	if len(w.Plan.Keys) > 0 {
		partition = "PARTITION BY " + strings.Join(w.keys(), ", ") + " "
	}
	told := append([]string{flinkText(w.Name), flinkText(w.Hash)}, w.keys()...)
	told = append(told, "window_end", "state", "breaching_windows", flinkText(w.Severity), w.summary())
	return fmt.Sprintf("INSERT INTO %s\nSELECT %s, `breaching`\nFROM %s;\n", w.table("panes"), strings.Join(columns, ", "), w.table("windows")) +
		fmt.Sprintf("INSERT INTO %s\nSELECT %s\nFROM (SELECT *, LAG(state) OVER (%sORDER BY window_time) AS state_before FROM %s)\nWHERE state_before IS NULL OR state_before <> state;\n",
			w.table("alarms"), strings.Join(told, ", "), partition, w.table("states"))
}

// summary is the sentence about an alarm as text.
func (w *flinkRule) summary() string {
	parts := []string{"''"}
	for i, p := range w.sentence.phrases {
		ref, ok := p.Expr.(*plan.Ref)
		switch {
		case p.Expr == nil:
			parts = append(parts, flinkText(p.Text))
		case !ok || w.sentence.dropped[i] != "":
			parts = append(parts, "'?'")
		default:
			value, after := quoted(ref.Name), ""
			if ref.To == plan.KeyRef {
				value = quoted(w.Plan.Keys[ref.Index].Name)
			}
			if p.Percent {
				value, after = "ROUND("+value+" * 100, 1)", " || ' %'"
			}
			parts = append(parts, "COALESCE(CAST("+value+" AS STRING)"+after+", '?')")
		}
	}
	return strings.Join(parts, " || ")
}

func (w *flinkRule) differences() []Difference {
	list := []Difference{
		{"late records", "a record that comes when the watermark has passed the end of its windows is not counted; no window is corrected"},
		{"silence", "nothing is said of a window without records; an alarm of a group that falls silent ends when it has records again"},
		{"states", "the state before the first window is not known, so the first OK of a group is told; there is no INSUFFICIENT_DATA"},
		{"records", "they come as JSON objects; a value that Flink can convert to the type of its column is converted, one that it cannot is null, and what is no object is left out"},
		{"event time", "it has milliseconds, and so have the ends of windows"},
		{"watermark", "it follows the newest record of all shards together, and a window is shown a millisecond before the watermark is at its end"},
	}
	list = append(list, streamDifferences(w.Rule)...)
	if w.Plan.Window.Kind == plan.Session {
		list = append(list, Difference{"session", "a record that comes exactly the gap after the one before it is still of the same session"})
	}
	for _, i := range w.aggregated() {
		switch a := w.Plan.Aggregates[i]; a.Func {
		case plan.Quantile:
			list = append(list, Difference{"quantile", "it is the same, but Flink keeps a number for every record of a window until that is shown"})
		case plan.First, plan.Last:
			list = append(list, Difference{string(a.Func), "it goes by the order in which records come, not by when they happened"})
		}
	}
	list = append(list, pastDifferences(w.Plan, false)...)
	if w.matches() {
		list = append(list, Difference{"matches", "Flink's regular expressions are Java's; those of a rule are RE2's, and nearly all mean the same"})
	}
	return append(list, w.sentence.differences()...)
}

// matches reports whether the rule has a regular expression.
func (w *flinkRule) matches() (found bool) {
	look := func(e plan.Expr) {
		if e != nil {
			plan.Walk(e, func(x plan.Expr) {
				_, is := x.(*plan.Matches)
				found = found || is
			})
		}
	}
	look(w.Plan.Where)
	look(w.Plan.When)
	for _, a := range w.Plan.Aggregates {
		look(a.Arg)
	}
	return found
}
