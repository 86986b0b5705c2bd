package export

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

var grafanaParameters = append([]Parameter{
	{"datasource", "${TIDEMARK_LOKI}", "The UID of the Loki data source."},
	{"folder", "${TIDEMARK_FOLDER}", "The folder of the rules."},
}, lokiParameters...)

// grafana writes alert rules as Grafana provisions them from a file: the query
// counts breaching windows in Loki, an expression compares their number.
func grafana(rules []Rule, set Settings) ([]byte, [][]Difference, error) {
	var body strings.Builder
	streams := map[string]bool{}
	differences, err := each("grafana", rules, func(r *refuser, rule Rule) []Difference {
		if every(rule.Plan.Window)%(10*time.Second) != 0 {
			r.no("window of "+engine.FormatDuration(rule.Plan.Window.Size), "Grafana evaluates rules every 10 seconds, or a multiple of that", "use windows of a multiple of 10 seconds")
		}
		w := newLogRule(r, rule, set.value(grafanaParameters, "stream"))
		body.WriteString(w.grafanaGroup(set.value(grafanaParameters, "datasource"), set.value(grafanaParameters, "folder")))
		streams[w.stream] = true
		return append(w.differences(),
			Difference{"states", "where the query has no series the rule is Normal, and where it fails Error; there is no INSUFFICIENT_DATA"},
			Difference{"groups", "a group without records in the newest windows becomes stale, and with that Normal"})
	})
	if err != nil {
		return nil, nil, err
	}
	return []byte(logHeader("grafana", streams) + "# Grafana puts variables of its environment in: the UID of the Loki data source, and\n# the folder of the rules.\n" +
		"apiVersion: 1\ngroups:\n" + body.String()), differences, nil
}

func (w *logRule) grafanaGroup(datasource, folder string) string {
	var b strings.Builder
	line := func(depth int, format string, args ...any) {
		b.WriteString(strings.Repeat("  ", depth) + fmt.Sprintf(format, args...) + "\n")
	}
	line(1, "- orgId: 1")
	line(2, "name: %s", expanded("tidemark "+w.Name))
	line(2, "folder: %s", yamlPlain(folder))
	line(2, "interval: %s", promDuration(every(w.Plan.Window)))
	line(2, "rules:")
	line(3, "- uid: %s", grafanaUID(w.Name))
	line(4, "title: %s", expanded(w.Name))
	line(4, "condition: C")
	line(4, "data:")
	b.WriteString(grafanaQuery("A", datasource, w.reach(), w.checked(w.breaching())))
	shown := map[string]string{}
	summary := w.sentence.template(w.Plan, annotated, func(ref *plan.Ref, percent bool) string {
		if shown[ref.Name] == "" {
			shown[ref.Name] = "S" + strconv.Itoa(len(shown)+1)
			b.WriteString(grafanaQuery(shown[ref.Name], datasource, w.Plan.Window.Size, w.checked(w.at(0, "").value(ref))))
		}
		display := "humanize"
		if percent {
			display = "humanizePercentage"
		}
		return fmt.Sprintf("{{ with $values.%s }}{{ %s .Value }}{{ end }}", shown[ref.Name], display)
	})
	b.WriteString(grafanaThreshold(w.Datapoints))
	line(4, "noDataState: OK")
	line(4, "execErrState: Error")
	line(4, "for: 0s")
	line(4, "labels:")
	labels, _ := alertLabels(w.Rule)
	for _, l := range labels {
		line(5, "%s: %s", l[0], expanded(templateText(l[1])))
	}
	line(4, "annotations:")
	b.WriteString(w.sentence.remark("          "))
	if summary != "" {
		line(5, "summary: %s", yamlQuoted(summary))
	}
	if w.Runbook != "" {
		line(5, "runbook: %s", strconv.Quote(annotated(w.Runbook)))
	}
	line(5, "tidemark_hash: %s", strconv.Quote(w.Hash))
	line(4, "isPaused: false")
	return b.String()
}

// expanded is text in which Grafana looks for variables of its environment.
func expanded(s string) string { return strconv.Quote(strings.ReplaceAll(s, "$", "$$")) }

// annotated is text in an annotation, a template. Versions of Grafana differ in
// whether variables of the environment are put in, so there is no $ in it.
func annotated(s string) string {
	if !strings.Contains(s, "$") {
		return templateText(s)
	}
	return strings.NewReplacer("{", `{{ "{" }}`, "$", `{{ "$" }}`).Replace(s)
}

// unexpanded keeps Grafana from putting its own variables, such as
// $__interval, into the constants of a query.
func unexpanded(expr string) string {
	return strings.NewReplacer("$__", `\x24__`, "${", `\x24{`).Replace(expr)
}

func grafanaQuery(id, datasource string, reach time.Duration, expr string) string {
	return fmt.Sprintf(`          - refId: %s
            queryType: instant
            relativeTimeRange: {from: %d, to: 0}
            datasourceUid: %s
            model:
              refId: %s
              queryType: instant
              expr: %s
`, id, int(reach.Seconds()), yamlPlain(datasource), id, block(unexpanded(expr), "                "))
}

// grafanaThreshold asks for more than one window less.
func grafanaThreshold(datapoints int) string {
	return fmt.Sprintf(`          - refId: C
            datasourceUid: __expr__
            model:
              refId: C
              type: threshold
              expression: A
              datasource: {type: __expr__, uid: __expr__}
              conditions:
                - type: query
                  evaluator: {type: gt, params: [%d]}
                  operator: {type: and}
                  query: {params: [A]}
                  reducer: {type: last, params: []}
`, datapoints-1)
}

// maxUID is the longest identifier that Grafana takes.
const maxUID = 40

// grafanaUID is the rule's identifier: the same for the same name, so that a
// new version takes the place of the old one.
func grafanaUID(name string) string {
	uid := "tidemark-" + strings.ReplaceAll(promName(name), "__", "_")
	if len(uid) > maxUID || promName(name) != name {
		uid = uid[:min(len(uid), maxUID-9)] + "-" + nameHash(name)
	}
	return uid
}

// nameHash tells names apart that a system cannot, in eight letters.
func nameHash(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name)) //nolint:errcheck // a hash takes everything
	return hex.EncodeToString(h.Sum(nil))
}
