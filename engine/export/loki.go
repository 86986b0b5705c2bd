package export

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"tidemark.dev/tidemark/engine/plan"
)

// loki writes a group with one alert for every rule.
func loki(rules []Rule, set Settings) ([]byte, [][]Difference, error) {
	var body strings.Builder
	streams := map[string]bool{}
	differences, err := each("loki", rules, func(r *refuser, rule Rule) []Difference {
		w := newLogRule(r, rule, set.value(lokiParameters, "stream"))
		body.WriteString(w.lokiGroup())
		streams[w.stream] = true
		return append(w.differences(), Difference{"states", "there is no INSUFFICIENT_DATA: an alert fires or does not"})
	})
	if err != nil {
		return nil, nil, err
	}
	return []byte(logHeader("loki", streams) + "groups:\n" + body.String()), differences, nil
}

// logHeader says what is read.
func logHeader(target string, streams map[string]bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by tidemark rules export --target %s; PARITY.md says how it differs.\n", target)
	b.WriteString("# It reads these streams, whose lines are the records as JSON. Where yours have\n# other labels, put those in their place:\n")
	for _, s := range sortedKeys(streams) {
		fmt.Fprintf(&b, "#   %s\n", s)
	}
	return b.String()
}

func (w *logRule) lokiGroup() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    interval: %s\n    rules:\n", strconv.Quote("tidemark "+w.Name), promDuration(every(w.Plan.Window)))
	expr := w.checked(fmt.Sprintf("(%s) >= %d", w.breaching(), w.Datapoints))
	fmt.Fprintf(&b, "      - alert: %s\n        expr: %s\n        labels:\n", strconv.Quote(w.Name), block(expr, "          "))
	labels, _ := alertLabels(w.Rule)
	for _, l := range labels {
		fmt.Fprintf(&b, "          %s: %s\n", l[0], strconv.Quote(templateText(l[1])))
	}
	b.WriteString("        annotations:\n" + w.sentence.remark("          "))
	if s := w.sentence.template(w.Plan, templateText, w.asked); s != "" {
		fmt.Fprintf(&b, "          summary: %s\n", yamlQuoted(s))
	}
	if w.Runbook != "" {
		fmt.Fprintf(&b, "          runbook: %s\n", strconv.Quote(templateText(w.Runbook)))
	}
	fmt.Fprintf(&b, "          tidemark_hash: %s\n", strconv.Quote(w.Hash))
	return b.String()
}

// asked is a measure of the alert's group in a template, which asks Loki.
func (w *logRule) asked(ref *plan.Ref, percent bool) string {
	filters := make([]string, len(w.Plan.Keys))
	args := ""
	for i, k := range w.Plan.Keys {
		filters[i] = promLabel(k.Path) + "=\x00"
		args += " $labels." + promLabel(k.Path)
	}
	query := w.at(0, strings.Join(filters, " and ")).value(ref)
	order := ""
	for range strings.Count(query, "\x00") / max(1, len(w.Plan.Keys)) {
		order += args
	}
	query = strings.NewReplacer("\n", " ", "%", "%%", "`", `\x60`, "\x00", "%q").Replace(query)
	display := "humanize"
	if percent {
		display = "humanizePercentage"
	}
	return fmt.Sprintf("{{ with printf `%s`%s | query }}{{ . | first | value | %s }}{{ end }}", query, order, display)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
