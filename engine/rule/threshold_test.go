package rule

import (
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

func TestThresholds(t *testing.T) {
	for when, want := range map[string]string{
		"rate > 0.5":                           "rate > 0.5",
		"n >= 10 && (5 > errors || rate != 1)": "n >= 10, errors < 5, rate != 1",
		"n > errors":                           "",
		"!(n > 3)":                             "",
		"n + 1 > 3":                            "",
		"n > 3 and rate < 2 * 0.1":             "n > 3",
		`service == "a" && n == 7`:             "n == 7",
		"errors == nil || rate <= -1":          "rate <= -1",
		"n in [1, 2]":                          "",
	} {
		r, err := errorsRule(t, "").With(map[string]string{"when": when})
		if err != nil {
			t.Errorf("%s: %v", when, err)
			continue
		}
		var got []string
		for _, h := range r.Thresholds() {
			got = append(got, fmt.Sprintf("%s %s %s", h.Measure, h.Op, h.Value))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
}

func TestCompileMeasure(t *testing.T) {
	at := engine.Text{Value: `count(level == "ERROR") * 1.0 / count()`, File: "d.yaml", Line: 4, Column: 10}
	p, err := CompileMeasure("rate", at, engine.Text{Value: `type == "request"`}, shop, plan.Window{Size: 60e9}, []engine.Text{{Value: "service"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SQL(); err != nil || len(p.Measures) != 1 || len(p.Keys) != 1 || len(p.Aggregates) != 2 || p.Where == nil {
		t.Errorf("%+v %v", p, err)
	}
	at.Value = "cuont()"
	if _, err := CompileMeasure("rate", at, engine.Text{}, shop, plan.Window{Size: 60e9}, nil); err == nil || !strings.HasPrefix(err.Error(), "d.yaml:4:10") {
		t.Error(err)
	}
}
