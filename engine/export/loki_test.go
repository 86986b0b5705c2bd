package export

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// The rule file of Loki's ruler. Its expressions go through the grammar of
// Loki's editor in the page's tests, which read the golden files.
type lokiFile struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Rules    []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// lokiExpressions are the queries that parts of rules become.
var lokiExpressions = []struct{ lines, want string }{
	{`where: 'service != "a" && not (level in ["x", "y"])'`, `| service!="a" and level!~"x|y" |`},
	{`where: 'service == "a" || level == "b"'`, `| (service="a") or (level="b") |`},
	{`where: 'not (service == "a" || level == "b")'`, `| service!="a" and level!="b" |`},
	{`where: 'trace_id contains "a.b"'`, `| trace_id=~"(?s:.*)a\\.b(?s:.*)" |`},
	{`where: 'not (trace_id startsWith "a")'`, `| trace_id!~"a(?s:.*)" and trace_id!="" |`},
	{`where: 'body.status == nil'`, `| body_status="" |`},
	{`where: 'body.status >= 500'`, `| body_status!="" and body_status >= 500 |`},
	{`where: 'body.status in [500, 502]'`, `| body_status!="" and (body_status == 500 or body_status == 502) |`},
	{`where: 'body.status != 500 && service == "a"'`, `| (body_status="" or body_status != 500) and service="a" |`},
	{`where: 'labels.region == "eu"'`, `| json labels_region="region" | labels_region="eu" |`},
	{"when: n / 0 > 1", `/ ((sum by () (count_over_time({dataset="app_logs"} [1m])) * 0 + 0) != 0)`},
	{"group_by: [service]\nwhen: 'n > 3 && service != \"probe\"'", `| service!="probe" |`},
	{"alarm: {datapoints: 2, of: 3, missing: not_breaching}", `[1m] offset 2m`},
	{"window: {hopping: {size: 10m, every: 5m}}\nalarm: {datapoints: 2, of: 2}", `[10m] offset 5m`},
	{"alarm: {missing: breaching}", "absent_over_time({dataset=\"app_logs\"} [1m]) * 1"},
	{"group_by: [service]\nalarm: {missing: breaching}", `label_replace(sum (absent_over_time({dataset="app_logs"} | json service="svc" | service="payments" | __error__="" [1m])), "service", "payments", "", "") * 1`},
	{"measures: {n: sum(body.duration_ms)}", `sum by () (sum_over_time({dataset="app_logs"} | json body_duration_ms="duration_ms" | body_duration_ms!="" | __error__="" | unwrap body_duration_ms | __error__="" [1m]))`},
	{"group_by: [service]\nmeasures: {n: 'max(body.duration_ms)'}", `max_over_time(`},
	{"measures: {n: distinct(service)}", `count by () (sum by (service) (count_over_time(`},
	{"measures: {n: last(body.duration_ms)}", `last_over_time(`},
	{"when: n > previous(n, 2)", `> (sum by () (count_over_time({dataset="app_logs"} [1m] offset 2m)))`},
	{"when: n > previous(n, 1d)\nalarm: {datapoints: 2, of: 2}", `[1m] offset 1441m`},
	{"measures: {n: count(), m: -n}\nwhen: m < -3", `0 - `},
}

func TestLokiExpressions(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	all.WriteString("groups:\n")
	for _, c := range lokiExpressions {
		a, err := Write("loki", []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		var file lokiFile
		if err := yaml.UnmarshalWithOptions(a.Data, &file, yaml.Strict()); err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		if !strings.Contains(file.Groups[0].Rules[0].Expr, c.want) {
			t.Errorf("%s: no %s in\n%s", c.lines, c.want, a.Data)
		}
		_, group, _ := strings.Cut(string(a.Data), "groups:\n")
		all.WriteString(group)
	}
	compare(t, "loki.expressions.golden", []byte(all.String()))
}

// TestLokiFile reads every sample rule as Loki's ruler and Grafana do.
func TestLokiFile(t *testing.T) {
	t.Parallel()
	for name, r := range demoRules(t) {
		a, err := Write("loki", []Rule{r}, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		var file lokiFile
		if err := yaml.UnmarshalWithOptions(a.Data, &file, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		alert := file.Groups[0].Rules[0]
		if _, err := time.ParseDuration(file.Groups[0].Interval); err != nil || alert.Alert != r.Name || alert.Annotations["tidemark_hash"] != r.Hash || alert.Labels["tidemark_rule"] != r.Name {
			t.Errorf("%s: %+v, %v", name, alert, err)
		}
	}
}

func TestLokiRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, construct string }{
		{`where: 'message contains "timeout"'`, "message"},
		{`where: 'lower(service) == "a"'`, `lower(service) == "a"`},
		{"group_by: [trace_id]", "group_by: trace_id"},
		{"alarm: {missing: ignore}", "missing: ignore"},
		{"alarm: {datapoints: 3, of: 11}", "3 of 11 windows"},
		{"when: abs(n) > 3", "abs(n)"},
		{"measures: {n: max(service)}\nwhen: n != nil", "max(service)"},
		{"measures: {n: sum(body.duration_ms * 2)}", "sum(body.duration_ms * 2)"},
		{"window: {session: {gap: 5m}}", "window: {session: …}"},
	} {
		for _, target := range []string{"loki", "grafana"} {
			_, err := Write(target, []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Construct != c.construct || refusal.Target != target || refusal.Why == "" || refusal.Instead == "" {
				t.Errorf("%s: %+v (%v)", c.lines, refusal, err)
			}
		}
	}
}

// grafanaFile is what Grafana's provisioning takes of alert rules.
type grafanaFile struct {
	APIVersion int `yaml:"apiVersion"`
	Groups     []struct {
		OrgID    int    `yaml:"orgId"`
		Name     string `yaml:"name"`
		Folder   string `yaml:"folder"`
		Interval string `yaml:"interval"`
		Rules    []struct {
			UID, Title, Condition, For string
			NoDataState                string `yaml:"noDataState"`
			ExecErrState               string `yaml:"execErrState"`
			IsPaused                   bool   `yaml:"isPaused"`
			Labels, Annotations        map[string]string
			Data                       []struct {
				RefID             string         `yaml:"refId"`
				QueryType         string         `yaml:"queryType"`
				DatasourceUID     string         `yaml:"datasourceUid"`
				RelativeTimeRange map[string]int `yaml:"relativeTimeRange"`
				Model             map[string]any
			}
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func TestGrafanaFile(t *testing.T) {
	t.Parallel()
	for name, r := range demoRules(t) {
		a, err := Write("grafana", []Rule{r}, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		var file grafanaFile
		if err := yaml.UnmarshalWithOptions(a.Data, &file, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		g := file.Groups[0]
		rule := g.Rules[0]
		d, err := time.ParseDuration(g.Interval)
		if err != nil || d%(10*time.Second) != 0 || g.Folder == "" || len(rule.UID) > maxUID || rule.NoDataState != "OK" {
			t.Errorf("%s: %+v", name, g)
		}
		known := map[string]bool{}
		for _, q := range rule.Data {
			if known[q.RefID] || q.DatasourceUID == "" || q.Model["refId"] != q.RefID {
				t.Errorf("%s: query %+v", name, q)
			}
			known[q.RefID] = true
		}
		if !known[rule.Condition] {
			t.Errorf("%s: no query %s", name, rule.Condition)
		}
	}
}

func TestGrafanaUID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"a_b", "tidemark-a_b"},
		{"a b", "tidemark-a_b-feb45b2c"},
		{strings.Repeat("long_", 20), ""},
	} {
		got := grafanaUID(c.name)
		if len(got) > maxUID || c.want != "" && got[:12] != c.want[:12] || got == grafanaUID(c.name+"x") {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

// A summary that shows what the target cannot tell costs that value, not the
// rule, and the artefact says so.
func TestSummaryDropsWhatCannotBeTold(t *testing.T) {
	t.Parallel()
	r := small(t, "measures: {n: count(), who: distinct(service), at: 'first(body.type)'}", `summary: "{{n}} from {{who}} at {{at}}"`)
	for _, c := range []struct{ target, shown, dropped string }{
		{"prometheus", "small:n", "the value of who is a ?"},
		{"loki", "count_over_time", "the value of at is a ?"},
		{"grafana", "$values.S1", "the value of at is a ?"},
	} {
		a, err := Write(c.target, []Rule{r}, Settings{})
		if err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		if s := string(a.Data); !strings.Contains(s, c.shown) || !strings.Contains(s, "# "+c.dropped) || !strings.Contains(s, " at ?'") {
			t.Errorf("%s: %s", c.target, s)
		}
		if !strings.Contains(string(Document(a, []Rule{r})), c.dropped) {
			t.Errorf("%s: PARITY.md does not say that %s", c.target, c.dropped)
		}
	}
}
