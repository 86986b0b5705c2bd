package rule

import (
	"errors"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// Whatever is written where an expression belongs compiles or is refused with
// its place; it never panics, and what compiles can be written as SQL or says
// that it is too large.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		`type == "request" && service != "probe"`, `errors * 1.0 / requests`, `count(level == "ERROR")`, `quantile(body.duration_ms, 0.95)`,
		`sum(body.status ?? 0) > -1.5e3`, `not (message matches "(?i)time ?out")`, `labels["region"] in ["eu", nil]`, `a?.b?.c`, `x ? y : z`,
		`let x = 1; x`, `any(tags, {# > 1})`, `body.status in 1..5`, `if a { 1 } else { 2 }`, `date("2026-01-01") <= day`, `"\u{1F600}" + 'a'`,
		`n > 2 * baseline(n, 28d, 7d, 3) && previous(n, 1h30m) ?? 0 < 5d`, "`raw`", `b"bytes"`, `1..`, `((((`, `!!!!true`, `-9223372036854775808`, `{a: 1}.a`, `$env["x"]`, `message | lower() | trim()`, "a //\n b", `status/(status/(status/(status)))`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := &plan.Plan{Dataset: shop.Name, Window: plan.Window{Size: 60e9}}
		for _, scope := range []scope{recordScope{dataset: shop}, windowScope{shop, p, true}, windowScope{shop, p, false}} {
			e, err := compile(text(s), scope)
			if err != nil {
				var at *engine.Error
				if !errors.As(err, &at) || at.Line < 1 || at.Kind != engine.Invalid {
					t.Fatalf("%q: %#v", s, err)
				}
				continue
			}
			if record, ok := scope.(recordScope); ok {
				_, _ = plan.ValueSQL(e)
				env := &plan.Env{Columns: make([]plan.Value, len(plan.Columns(e)))}
				plan.Compile(e, plan.Columns(e))(env)
				_ = record
			}
		}
		_ = p.Check()
	})
}

// A summary with any text in it renders or is refused.
func FuzzSummary(f *testing.F) {
	for _, s := range []string{"{{n}}", "{{percent(n)}} of {{n}}", "{{", "}}", "{{ {{n}} }}", "a{{\nn + }}", "{{service}}: 日本 {{nil}}"} {
		f.Add(s)
	}
	e, err := plan.NewAggregate(plan.Count, nil)
	if err != nil {
		f.Fatal(err)
	}
	p := &plan.Plan{}
	p.Measures = []plan.Measure{{Name: "n", Expr: p.AddAggregate(e)}}
	f.Fuzz(func(t *testing.T, s string) {
		summary, err := compileSummary(text(s), windowScope{shop, p, false})
		if err == nil {
			summary.Render(&plan.Env{Measures: []plan.Value{plan.Int(3)}})
		}
	})
}

// Overrides from the command line compile or are refused.
func FuzzOverride(f *testing.F) {
	r := errorsRule(f, "alarm: {datapoints: 1, of: 2}")
	for _, key := range append(overridable, "measures.n", "x") {
		f.Add(key, "3")
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		if _, err := r.With(map[string]string{key: value}); err != nil && engine.KindOf(err) != engine.Invalid {
			t.Fatalf("%s=%s: %v", key, value, err)
		}
	})
}
