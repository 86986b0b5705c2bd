package export

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// queryOffset is how far behind the clock rules are evaluated, so that
// scrapes and remote writes of the newest minute have come.
const queryOffset = "1m"

// prometheus writes one group of rules for every rule: what is counted, the
// measures, whether the window breaches, and the alert over the newest
// windows. Recording whether a window breaches is what keeps gaps gaps: a
// subquery would repeat the newest value across them.
func prometheus(rules []Rule) ([]byte, [][]Difference, error) {
	var body strings.Builder
	needs := map[string][]string{}
	differences, err := each("prometheus", rules, func(r *refuser, rule Rule) []Difference {
		w := newPromRule(r, rule)
		body.WriteString(w.group())
		w.needs(needs)
		return w.differences()
	})
	if err != nil {
		return nil, nil, err
	}
	return []byte(promHeader(needs) + "groups:\n" + body.String()), differences, nil
}

// promHeader says what the scraped programs must expose.
func promHeader(needs map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Written by tidemark rules export --target prometheus; PARITY.md says how it differs.\n" +
		"# It reads these metrics, which the programs that write the records must expose:\n")
	names := make([]string, 0, len(needs))
	for n := range needs {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		labels := needs[n]
		sort.Strings(labels)
		fmt.Fprintf(&b, "#   %s{%s}\n", n, strings.Join(slices.Compact(labels), ","))
	}
	return b.String()
}

// needs adds the metrics that the rule reads, with their labels.
func (w *promRule) needs(all map[string][]string) {
	labels := func(metric string, conditions ...[]conjunction) {
		all[metric] = append(all[metric], []string{}...)
		for _, k := range w.Plan.Keys {
			all[metric] = append(all[metric], promLabel(k.Path))
		}
		for _, c := range conditions {
			for _, p := range fields(c) {
				all[metric] = append(all[metric], promLabel(p))
			}
		}
	}
	labels(w.counter(), w.where)
	for _, a := range aggregatesOf(w.Plan, w.read) {
		switch {
		case a.Func == plan.Count && a.Arg != nil:
			labels(w.counter(), alternatives(w.refuser, a.Arg, true))
		case a.Func == plan.Quantile:
			labels(w.histogram(a)+"_bucket", w.where)
			all[w.histogram(a)+"_bucket"] = append(all[w.histogram(a)+"_bucket"], "le")
		case a.Func == plan.Sum, a.Func == plan.Avg:
			labels(w.histogram(a)+"_sum", w.where)
			labels(w.histogram(a)+"_count", w.where)
		}
	}
}

// group writes the rule's group.
func (w *promRule) group() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    interval: %s\n    query_offset: %s\n    rules:\n",
		strconv.Quote("tidemark "+w.Name), promDuration(every(w.Plan.Window)), queryOffset)
	record := func(name, expr string) {
		fmt.Fprintf(&b, "      - record: %s\n        expr: %s\n", name, block(expr, "          "))
	}
	record(w.series("records"), w.sum(w.by, w.counter(), w.where)+" > 0")
	for i, m := range w.Plan.Measures {
		if w.read[i] && numeric(m.Expr) {
			record(w.measured(i), w.exprs.value(m.Expr))
		}
	}
	record(w.series("breach"), w.breach())
	fmt.Fprintf(&b, "      - alert: %s\n        expr: %s\n", strconv.Quote(w.Name), block(w.alarm(), "          "))
	b.WriteString("        labels:\n")
	labels, _ := alertLabels(w.Rule)
	for _, l := range labels {
		fmt.Fprintf(&b, "          %s: %s\n", l[0], strconv.Quote(templateText(l[1])))
	}
	b.WriteString("        annotations:\n")
	b.WriteString(w.sentence.remark("          "))
	if s := w.summary(); s != "" {
		fmt.Fprintf(&b, "          summary: %s\n", yamlQuoted(s))
	}
	if w.Runbook != "" {
		fmt.Fprintf(&b, "          runbook: %s\n", strconv.Quote(templateText(w.Runbook)))
	}
	fmt.Fprintf(&b, "          tidemark_hash: %s\n", strconv.Quote(w.Hash))
	return b.String()
}

func numeric(e plan.Expr) bool {
	k := e.Type()
	return k == engine.BigInt || k == engine.HugeInt || k == engine.Double
}

// block writes an expression as YAML: plain on its line, or as a block.
func block(s, indent string) string {
	return "|-\n" + indent + strings.ReplaceAll(s, "\n", "\n"+indent)
}

// summary is the summary as a template of Prometheus, which asks for the
// recorded measures of the alert's group.
func (w *promRule) summary() string {
	return w.sentence.template(w.Plan, templateText, func(ref *plan.Ref, percent bool) string { return w.lookup(ref, percent) })
}

func (w *promRule) lookup(ref *plan.Ref, percent bool) string {
	format, args := w.measured(ref.Index), ""
	for i, k := range w.Plan.Keys {
		separator := ","
		if i == 0 {
			separator = "{"
		}
		format += separator + promLabel(k.Path) + "=%q"
		args += " $labels." + promLabel(k.Path)
	}
	if len(w.Plan.Keys) > 0 {
		format += "}"
	}
	display := "humanize"
	if percent {
		display = "humanizePercentage"
	}
	return fmt.Sprintf("{{ with printf `%s`%s | query }}{{ . | first | value | %s }}{{ end }}", format, args, display)
}
