package export

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

var update = flag.Bool("update", false, "rewrite golden files")

// shop is the dataset of the sample rules.
var shop = engine.Dataset{Name: "app_logs", Body: engine.StructOf(
	engine.Field{Name: "type", Type: engine.Scalar(engine.Varchar)},
	engine.Field{Name: "status", Type: engine.Scalar(engine.BigInt)},
	engine.Field{Name: "duration_ms", Type: engine.Scalar(engine.Double)},
)}

// shopSource is how its records lie, as samples/shop/tidemark.yaml says.
var shopSource = Source{
	Mapping: engine.Mapping{
		EventTime: []engine.Path{{"ts"}},
		Envelope:  map[string][]engine.Path{"service": {{"svc"}}, "level": {{"severity"}}, "message": {{"msg"}}, "trace_id": {{"trace_id"}}, "span_id": {{"span_id"}}},
		Labels:    []engine.Path{{"region"}, {"use_case"}},
	},
	Body:       shop.Body,
	Transforms: []Transform{{"mask_pii", []engine.Path{{"message"}, {"body", "email"}, {"body", "client_ip"}}}},
	Strategy:   "max_lateness", Lateness: 10 * time.Minute, Idle: time.Minute, MaxFuture: 5 * time.Minute,
}

// demoRules are the rules of the sample workspace, by file name.
func demoRules(t testing.TB) map[string]Rule {
	t.Helper()
	files, err := filepath.Glob("../../samples/shop/rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample rules: %v", err)
	}
	rules := map[string]Rule{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rules[strings.TrimSuffix(filepath.Base(f), ".yaml")] = parsed(t, string(src))
	}
	return rules
}

// parsed is a rule from its text, with two groups known. All its dataset may
// differ in from shop is the name.
func parsed(t testing.TB, src string) Rule {
	t.Helper()
	spec, err := workspace.DecodeRule("rule.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	of := shop
	of.Name = spec.Dataset.Value
	r, err := rule.Compile(spec, of)
	if err != nil {
		t.Fatal(err)
	}
	out := Rule{
		Name: r.Name, Hash: "0123456789ab", When: spec.When.Value, Recover: spec.RecoverWhen.Value, Expects: spec.Expect != nil, Severity: spec.Severity.Value, Labels: spec.Labels,
		Runbook: spec.Runbook.Value, Plan: r.Plan,
		Datapoints: r.Alarm.Datapoints, Of: r.Alarm.Of, Missing: Missing(r.Alarm.Missing),
	}
	out.Source = shopSource
	r.Summary.Each(func(text string, e plan.Expr, percent bool) {
		out.Summary = append(out.Summary, Phrase{text, e, percent})
	})
	for _, name := range []string{"checkout", "payments"} {
		var group []plan.Value
		for range r.Plan.Keys {
			group = append(group, plan.Text(name))
		}
		if len(group) > 0 {
			out.Groups = append(out.Groups, group)
		}
	}
	return out
}

// small is a rule with some keys of its own.
func small(t testing.TB, lines ...string) Rule {
	t.Helper()
	src := "rule: small\ndataset: app_logs\n"
	has := func(key string) bool {
		for _, l := range lines {
			if strings.HasPrefix(l, key+":") {
				return true
			}
		}
		return false
	}
	if !has("window") {
		src += "window: {tumbling: 1m}\n"
	}
	if !has("measures") {
		src += "measures: {n: count()}\n"
	}
	if !has("when") {
		src += "when: n > 10\n"
	}
	return parsed(t, src+strings.Join(lines, "\n")+"\n")
}
