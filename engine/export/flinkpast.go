package export

import (
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// maxLags bounds how many windows back a job looks.
const maxLags = 24

// past is the value of a measure in the window that ended so long before. The
// row before is not always the window before, as there is none without records;
// so each row that may be it is asked when it ended.
func (w *flinkRule) past(i int) string {
	x := w.Plan.Pasts[i]
	if x.Func == plan.Baseline {
		w.no(w.Plan.PastName(i), "Flink SQL has no median over the windows before", noBaseline)
	}
	if w.Plan.Window.Kind == plan.Session {
		return quoted(lagName("value", x.Measure, x.Back))
	}
	back := int(distance(w.Plan, x) / every(w.Plan.Window))
	if back > maxLags {
		w.no(w.Plan.PastName(i), fmt.Sprintf("each of the %d rows before is asked for its end, and more than %d become too many", back, maxLags), "look back less far, or export to prometheus")
	}
	var b strings.Builder
	b.WriteString("(CASE")
	for n := 1; n <= back; n++ {
		fmt.Fprintf(&b, " WHEN %s = window_end - %s THEN %s", quoted(lagName("end", x.Measure, n)), flinkInterval(distance(w.Plan, x)), quoted(lagName("value", x.Measure, n)))
	}
	return b.String() + " END)"
}

func lagName(what string, measure, n int) string {
	return fmt.Sprintf("%s_%d_%d_before", what, measure+1, n)
}

// lookingBack computes the measures first, then what lies before each window,
// and then whether it breaches.
func (w *flinkRule) lookingBack(columns []string) string {
	partition := ""
	if len(w.Plan.Keys) > 0 {
		partition = "PARTITION BY " + strings.Join(w.keys(), ", ") + " "
	}
	over := " OVER (" + partition + "ORDER BY window_time)"
	var lags []string
	seen := map[string]bool{}
	add := func(name, sql string) {
		if !seen[name] {
			seen[name] = true
			lags = append(lags, sql+over+" AS "+quoted(name))
		}
	}
	for _, x := range w.Plan.Pasts {
		measure := quoted(w.Plan.Measures[x.Measure].Name)
		if w.Plan.Window.Kind == plan.Session {
			add(lagName("value", x.Measure, x.Back), fmt.Sprintf("LAG(%s, %d)", measure, x.Back))
			continue
		}
		for n := 1; n <= int(distance(w.Plan, x)/every(w.Plan.Window)); n++ {
			add(lagName("end", x.Measure, n), fmt.Sprintf("LAG(window_end, %d)", n))
			add(lagName("value", x.Measure, n), fmt.Sprintf("LAG(%s, %d)", measure, n))
		}
	}
	names := append(w.keys(), "window_start", "window_end", "window_time", "`records`")
	for i, m := range w.Plan.Measures {
		if w.read[i] {
			names = append(names, quoted(m.Name))
		}
	}
	judged := w.exprs
	judged.measured = true
	return fmt.Sprintf("CREATE TEMPORARY VIEW %s AS\nSELECT\n  %s\nFROM %s;\n\n", w.table("measured"), strings.Join(columns, ",\n  "), w.table("counted")) +
		fmt.Sprintf("CREATE TEMPORARY VIEW %s AS\nSELECT %s,\n  %s AS `breaching`\nFROM (\n  SELECT *,\n    %s\n  FROM %s\n);\n\n",
			w.table("windows"), strings.Join(names, ", "), judged.value(w.Plan.When), strings.Join(lags, ",\n    "), w.table("measured"))
}
