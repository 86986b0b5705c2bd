package export

import (
	"errors"
	"strings"
	"testing"
)

// TestCloudWatchExpressions are the patterns and the metric math that rules
// become.
func TestCloudWatchExpressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, want string }{
		{`where: 'service == "a" && body.status >= 500'`, `{ ($.svc = "a") && ($.status >= 500) }`},
		{`where: 'service != "a"'`, `{ ($.svc != "a") || ($.svc NOT EXISTS) || ($.svc IS NULL) }`},
		{`where: 'trace_id contains "time out"'`, `{ $.trace_id = "*time out*" }`},
		{`where: 'labels.region == "eu"'`, `{ $.region = "eu" }`},
		{`where: 'not (body.type startsWith "a")'`, `{ $.type != "a*" }`},
		{`where: 'body.status in [500, 502]'`, `{ ($.status = 500) || ($.status = 502) }`},
		{`where: 'body.status not in [500, 502]'`, `{ ((($.status != 500)) && (($.status != 502))) || ($.status NOT EXISTS) || ($.status IS NULL) }`},
		{`where: 'body.status != nil'`, `{ ($.status >= 0) || ($.status < 0) }`},
		{"when: n > 10", `"Expression": "IF(m1 > 10, 1, 0)"`},
		{"measures: {n: count(), e: 'count(level == \"ERROR\")'}\nwhen: e * 1.0 / n > 0.05 && n > 30", `IF(((FILL(m2, 0) / m1) > 0.05) AND (m1 > 30), 1, 0)`},
		{"measures: {n: 'count(level == \"ERROR\")'}\nwhen: not (n < 3 || n > 5)", `IF((FILL(m2, 0) >= 3) AND (FILL(m2, 0) <= 5), 1, 0) * (m1 > 0)`},
		{"measures: {n: 'quantile(body.duration_ms, 0.995)'}\nwhen: n > 3", `"Stat": "p99.5"`},
		{"measures: {n: 'quantile(body.duration_ms, 0.95)'}\nwhen: n > 3", `"MetricValue": "$.duration_ms"`},
		{"group_by: [service]", `"Value": "$.svc"`},
		{"group_by: [service]\nwhen: 'n > 3 && service != \"checkout\"'", "TidemarkSmallPayments"},
		{"alarm: {datapoints: 2, of: 3, missing: breaching}", `"TreatMissingData": "breaching"`},
	} {
		r := small(t, strings.Split(c.lines, "\n")...)
		a, err := Write("cloudformation", []Rule{r}, Settings{})
		if err != nil {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		// Inside JSON quotes are escaped.
		got := strings.ReplaceAll(string(a.Data), `\"`, `"`)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: no %s in\n%s", c.lines, c.want, got)
		}
		if strings.Contains(c.want, "Payments") && strings.Contains(string(a.Data), "TidemarkSmallCheckout") {
			t.Errorf("%s: there is an alarm for a group that never breaches", c.lines)
		}
	}
}

// TestCloudWatchRefuses are the rules that no alarm of CloudWatch says.
func TestCloudWatchRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lines, construct string }{
		{`where: 'lower(service) == "a"'`, `lower(service) == "a"`},
		{`where: 'service matches "a+"'`, `service matches "a+"`},
		{`where: 'message contains "a"'`, "message"},
		{`where: 'service == "a*"'`, `service == "a*"`},
		{"measures: {n: distinct(service)}", "distinct(service)"},
		{"measures: {n: sum(body.duration_ms * 2)}", "sum(body.duration_ms * 2)"},
		{"window: {tumbling: 90s}", "window of 1m30s"},
		{"window: {tumbling: 5m}\nalarm: {datapoints: 1, of: 300}", "300 windows of 5m"},
		{"when: n % 2 == 0", "n % 2"},
	} {
		_, err := Write("cloudformation", []Rule{small(t, strings.Split(c.lines, "\n")...)}, Settings{})
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: %v", c.lines, err)
			continue
		}
		if refusal.Construct != c.construct || refusal.Why == "" || refusal.Instead == "" {
			t.Errorf("%s: %+v", c.lines, refusal)
		}
	}
}

// TestCheckers are what other linters let pass.
func TestCheckers(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"": true, `{ $.a = "x" }`: true, `{ ($.a.b = 3) && ($.c[0] IS NULL) || $.d NOT EXISTS }`: true, `{ $.a <= -1.5e3 }`: true,
		`$.a = "x"`: false, `{ a = "x" }`: false, `{ $.a = "x" && }`: false, `{ ($.a = "x" }`: false, `{ $.a < "x" }`: false,
		`{ $.a == 1 }`: false, `{ $.a EXISTS }`: false, `{ $.a = "x\"y" }`: false, `{ $.a = 1 } x`: false, `{ }`: false,
	} {
		if err := checkPattern(s); (err == nil) != ok {
			t.Errorf("pattern %s: %v", s, err)
		}
	}
	ids := map[string]bool{"m1": true, "m2": true}
	for s, ok := range map[string]bool{
		"m1": true, "IF(FILL(m1, 0) / m2 > 0.05 AND m2 > 30, 1, 0)": true, "-(m1 + 2) * ABS(m2)": true,
		"m3": false, "IF(m1, 1)": false, "m1 +": false, "(m1": false, "NOW()": false, "m1 m2": false, "": false, "m1 > ": false,
	} {
		if err := checkMath(s, ids); (err == nil) != ok {
			t.Errorf("metric math %s: %v", s, err)
		}
	}
	for _, c := range []struct {
		seconds, periods int
		ok               bool
	}{{60, 1440, true}, {60, 1441, false}, {3600, 168, true}, {3600, 169, false}, {90, 1, false}, {10, 3, true}, {45, 1, false}, {0, 1, false}} {
		if err := checkPeriod(c.seconds, c.periods); (err == nil) != c.ok {
			t.Errorf("%d periods of %d s: %v", c.periods, c.seconds, err)
		}
	}
	dimension := [][2]string{{"service", "$.service"}}
	for _, c := range []struct {
		pattern    string
		dimensions [][2]string
		hasDefault bool
		ok         bool
	}{
		{`{ $.a = 1 }`, dimension, false, true},
		{`{ $.a = 1 }`, nil, true, true},
		{`{ $.a = 1 }`, dimension, true, false},
		{"", dimension, false, false},
		{`{ $.a = 1 }`, [][2]string{{"service", "service"}}, false, false},
		{`{ $.a = 1 }`, append(append(dimension, dimension...), append(dimension, dimension...)...), false, false},
	} {
		if err := checkTransformation(c.pattern, c.dimensions, c.hasDefault); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	metric := cwQuery{id: "m1", metric: "m", stat: "Sum", period: 60}
	for _, c := range []struct {
		datapoints, periods int
		ok                  bool
	}{{3, 5, true}, {5, 5, true}, {6, 5, false}, {0, 5, false}} {
		a := cwAlarm{queries: []cwQuery{metric, {id: "e", expression: "m1"}}, datapoints: c.datapoints, periods: c.periods}
		if err := a.check(); (err == nil) != c.ok {
			t.Errorf("%d of %d: %v", c.datapoints, c.periods, err)
		}
	}
}

func FuzzCheckPattern(f *testing.F) {
	f.Add(`{ ($.a = "x") && ($.b >= 1) || $.c NOT EXISTS }`)
	f.Fuzz(func(t *testing.T, s string) {
		if checkPattern(s) == nil && s != "" && !strings.HasPrefix(s, "{") {
			t.Errorf("%q passes", s)
		}
	})
}

func FuzzCheckMath(f *testing.F) {
	f.Add(`IF((FILL(m1, 0) / m2 > 0.05) AND (m2 > 30), 1, 0)`)
	f.Fuzz(func(t *testing.T, s string) {
		if checkMath(s, map[string]bool{"m1": true}) == nil && strings.TrimSpace(s) == "" {
			t.Errorf("%q passes", s)
		}
	})
}
