package tester

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/schema"
)

func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/conformance/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		report := runFile(t, f, nil)
		for _, r := range report.Tests {
			for _, failure := range r.Failures {
				t.Errorf("%s:%d: %s: %+v", f, r.Line, r.Name, failure)
			}
		}
	}
}

func runFile(t *testing.T, file string, s Surroundings) *Report {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return runText(t, file, string(src), s)
}

func runText(t *testing.T, name, src string, s Surroundings) *Report {
	t.Helper()
	tests, err := workspace.DecodeTests(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	report := &Report{}
	if err := report.Run(context.Background(), name, tests, s); err != nil {
		t.Fatal(err)
	}
	return report
}

// Each of these must fail, and say where and in what.
func TestDifferences(t *testing.T) {
	const head = "tests:\n  - name: x\n    window: {tumbling: 10s}\n    group_by: [k]\n    measures: {n: count(), all: list(v)}\n    steps:\n      - {events: [{t: 1, k: a, v: 1}, {t: 2, k: a, v: 2}]}\n      - {watermark: 10}\n"
	for _, c := range []struct{ step, want string }{
		{"{expect_panes: []}", "9:10: 1 pane fired that the test does not expect"},
		{"{expect_panes: [{values: {n: 3}}]}", "9:25: this pane did not fire; the nearest differs in n (2, not 3)"},
		{"{expect_panes: [{values: {all: [1, 3]}}]}", "differs in all ([1, 2], not [1, 3])"},
		{"{expect_panes: [{values: {all: [1, 2, 2]}}]}", "differs in all"},
		{"{expect_panes: [{timing: late}]}", "differs in timing (on_time, not late)"},
		{"{expect_panes: [{index: 1}]}", "differs in index (0, not 1)"},
		{"{expect_panes: [{final: false}]}", "differs in final (true, not false)"},
		{"{expect_panes: [{retraction: true}]}", "differs in retraction (false, not true)"},
		{"{expect_panes: [{key: {k: b}}]}", "differs in k (a, not b)"},
		{"{expect_panes: [{window: [0, 11]}]}", "differs in window ([0, 10], not [0, 11])"},
		{"{expect_panes: [{}, {}]}", "this pane did not fire"},
		{"{expect_dropped: 1}", "9:26: 0 events were dropped, not 1"},
		{"{expect_alarms: [{key: {k: a}, state: ALARM}]}", "there is no alarm"},
		{"{watermark: 9}", "9:21: move the watermark: it cannot go back"},
	} {
		report := runText(t, "x.yaml", head+"      - "+c.step+"\n", nil)
		if report.Failed != 1 {
			t.Errorf("%s passes", c.step)
			continue
		}
		f := report.Tests[0].Failures[0]
		got := strings.TrimPrefix(engineError(f).Error(), "x.yaml:")
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", c.step, got, c.want)
		}
	}
}

func engineError(f Failure) error {
	return &engine.Error{File: f.File, Line: f.Line, Column: f.Column, Err: errors.New(f.Message)}
}

// Matching is as good as it can be: a pane that only one expectation fits is
// left for it.
func TestMatching(t *testing.T) {
	report := runText(t, "x.yaml", `tests:
  - name: x
    window: {tumbling: 10s}
    measures: {n: count()}
    steps:
      - {events: [{t: 1}, {t: 11}, {t: 12}]}
      - {watermark: 20}
      - {expect_panes: [{}, {values: {n: 1}}]}
`, nil)
	if report.Failed != 0 {
		t.Errorf("%+v", report.Tests)
	}
}

type shop struct{ spec rule.Spec }

func (s shop) RuleSpec(engine.Text) (rule.Spec, error) { return s.spec, nil }
func (shop) Settings(string) workspace.Dataset {
	var c workspace.Config
	return c.Dataset("app_logs")
}
func (shop) Body(string) engine.Type { return engine.Type{Kind: engine.Struct} }
func (shop) Mapping(string) (engine.Mapping, error) {
	return engine.Mapping{EventTime: []engine.Path{{"ts"}}, Envelope: schema.DefaultEnvelope()}, nil
}

func TestRule(t *testing.T) {
	spec, err := workspace.DecodeRule("rules/errors.yaml", []byte(`rule: errors
dataset: app_logs
group_by: [service]
window: {tumbling: 1m}
measures: {requests: count(), errors: 'count(level == "ERROR")'}
when: errors * 10 > requests
alarm: {datapoints: 2, of: 3, missing: not_breaching}
`))
	if err != nil {
		t.Fatal(err)
	}
	report := runText(t, "x.yaml", `tests:
  - name: two bad minutes raise the alarm, and a late success takes it back
    rule: errors
    steps:
      - events:
          - {ts: "2026-01-01T00:00:10Z", svc: a, severity: ERROR}
          - {ts: "2026-01-01T00:01:10Z", svc: a, severity: ERROR}
          - {ts: "2026-01-01T00:01:10Z", svc: b, severity: INFO}
      - {watermark: "2026-01-01T00:01:00Z"}
      - expect_panes: [{key: {service: a}, values: {requests: 1, errors: 1}}]
      - expect_alarms: []
      - {watermark: "2026-01-01T00:02:00Z"}
      - expect_alarms: [{key: {service: a}, state: ALARM}, {key: {service: b}, state: OK}]
      - {events: [{ts: "2026-01-01T00:01:15Z", svc: a, severity: INFO, n: 1}]}
      - expect_alarms: [{key: {service: a}, state: ALARM}]
      - events:
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
          - {ts: "2026-01-01T00:01:15Z", svc: a}
      - expect_alarms: [{key: {service: a}, state: OK}]
  - name: silence recovers
    rule: errors
    steps:
      - events: [{ts: "2026-01-01T00:00:10Z", svc: a, level: ERROR}, {ts: "2026-01-01T00:01:10Z", svc: a, level: ERROR}]
      - {watermark: "2026-01-01T00:02:00Z"}
      - expect_alarms: [{key: {service: a}, state: ALARM}]
      - {watermark: "2026-01-01T01:00:00Z"}
      - expect_alarms: [{key: {service: a}, state: OK}]
`, shop{spec})
	for _, r := range report.Tests {
		if !r.Passed {
			t.Errorf("%s: %+v", r.Name, r.Failures)
		}
	}
}
