package export

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// checkRules reads rules as Prometheus does.
func checkRules(t *testing.T, data []byte) *rulefmt.RuleGroups {
	t.Helper()
	groups, errs := rulefmt.Parse(data, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.Default())
	for _, err := range errs {
		t.Errorf("%v\n%s", err, data)
	}
	return groups
}

// TestPrometheusReads gives everything that is written to Prometheus' own
// reader of rules, which checks PromQL and templates too.
func TestPrometheusReads(t *testing.T) {
	t.Parallel()
	var all []Rule
	for name, r := range demoRules(t) {
		a, err := Write("prometheus", []Rule{r}, Settings{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		checkRules(t, a.Data)
		all = append(all, r)
	}
	a, err := Write("prometheus", all, Settings{})
	if err != nil {
		t.Fatal(err)
	}
	if groups := checkRules(t, a.Data); len(groups.Groups) != len(all) {
		t.Errorf("%d groups for %d rules", len(groups.Groups), len(all))
	}
}

// TestPrometheusExpressions are the series that conditions become.
func TestPrometheusExpressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, want string }{
		{`where: 'service != "a" && not (level in ["x", "y"])'`, `{service!="a",level!~"x|y"}`},
		{`where: 'service == "a" || level == "b"'`, `increase(app_logs_records_total{service="a"}[1m]) or increase(app_logs_records_total{level="b"}[1m])`},
		{`where: 'not (service == "a" || level == "b")'`, `{service!="a",level!="b"}`},
		{`where: 'body.type contains "a.b"'`, `{body_type=~"(?s:.*)a\\.b(?s:.*)"}`},
		{`where: 'not (body.type startsWith "a")'`, `{body_type!~"a(?s:.*)",body_type!=""}`},
		{`where: 'body.status == nil'`, `{body_status=""}`},
		{`where: 'body.status in [500, 502]'`, `{body_status=~"500|502"}`},
		{"when: n / 0 > 1", "tidemark:small:n / ((tidemark:small:records * 0 + 0) != 0)"},
		{"group_by: [service]\nwhen: 'n > 3 && service != \"probe\"'", `tidemark:small:records{service!="probe"}`},
		{"alarm: {datapoints: 3, of: 5, missing: not_breaching}", "sum_over_time(tidemark:small:breach[270s]) >= 3"},
		{"window: {tumbling: 5m}\nalarm: {datapoints: 2, of: 3, missing: not_breaching}", "breach[750s]"},
		{"alarm: {datapoints: 1, of: 2, missing: breaching}", "absent_over_time(tidemark:small:breach[90s])"},
		{"group_by: [service]\nalarm: {missing: breaching}", `absent_over_time(tidemark:small:breach{service="payments"}[30s])`},
		{"when: n > previous(n, 2) + 5", "tidemark:small:n offset 2m + 5"},
		{"when: n > previous(n, 1d)", "tidemark:small:n offset 1d"},
		{"when: n > baseline(n, 1h)", "quantile_over_time(0.5, tidemark:small:n[3570s] offset 1m)"},
		{"when: n > baseline(n, 1h, 1m, 30)", "1"},
		{"when: n > baseline(n, 28d, 7d)", `quantile (0.5, (label_replace(tidemark:small:n offset 7d, "tidemark_back", "1", "", "") or `},
		{"measures: {n: sum(body.duration_ms)}", "sum (increase(app_logs_body_duration_ms_sum[1m])) and sum (increase(app_logs_body_duration_ms_count[1m])) > 0"},
	} {
		a, err := Write("prometheus", []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		checkRules(t, a.Data)
		if !strings.Contains(string(a.Data), c.want) {
			t.Errorf("%s: no %s in\n%s", c.lines, c.want, a.Data)
		}
	}
}

// TestPrometheusRefuses are the rules that no rule of Prometheus says.
func TestPrometheusRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, construct string }{
		{"where: body.status >= 500", "body.status >= 500"},
		{`where: 'message contains "timeout"'`, `message contains "timeout"`},
		{`where: 'lower(service) == "a"'`, `lower(service) == "a"`},
		{"group_by: [trace_id]", "group_by: trace_id"},
		{"alarm: {missing: ignore}", "missing: ignore"},
		{"recover_when: n < 1", "recover_when: n < 1"},
		{"window: {tumbling: 5s}", "window of 5s"},
		{"measures: {n: distinct(service)}", "distinct(service)"},
		{"measures: {n: max(body.duration_ms)}", "max(body.duration_ms)"},
		{"measures: {n: sum(body.duration_ms * 2)}", "sum(body.duration_ms * 2)"},
	} {
		_, err := Write("prometheus", []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		if refusal.Construct != c.construct || refusal.Rule != "small" || refusal.Target != "prometheus" || refusal.Why == "" || refusal.Instead == "" {
			t.Errorf("%s: %+v", c.lines, refusal)
		}
	}
}

// Absence is no alarm that other systems raise in time.
func TestExpectIsRefused(t *testing.T) {
	t.Parallel()
	r := parsed(t, "rule: small\ndataset: app_logs\nexpect: {within: 24h, by: \"06:00\"}\n")
	for _, target := range Targets() {
		_, err := Write(target, []Rule{r}, Settings{})
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Construct != "expect" || refusal.Target != target {
			t.Errorf("%s: %v", target, err)
		}
	}
}
