package workbench

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/tester"
	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/schema"
)

// Moment names a time of one group of a rule.
type Moment struct {
	RuleChoice
	Key map[string]string `json:"key,omitempty" doc:"The values of group_by as text; absent means the only group."`
	At  time.Time         `json:"at"`
}

// Explain says why a rule was in alarm at some time, or was not.
func (b *Workbench) Explain(ctx context.Context, m Moment) (rule.Explanation, error) {
	t, key, err := b.moment(ctx, m)
	if err != nil {
		return rule.Explanation{}, err
	}
	return t.Rule.Explain(t.Report, key, m.At.UTC()), nil
}

func (b *Workbench) moment(ctx context.Context, m Moment) (Backtested, rule.Group, error) {
	t, err := b.RunBacktest(ctx, BacktestRun{RuleChoice: m.RuleChoice})
	if err != nil {
		return t, nil, err
	}
	key, err := t.Rule.GroupOf(t.Report, m.Key)
	return t, key, err
}

// MadeTest is a test that a moment became.
type MadeTest struct {
	File string `json:"file"`
	Text string `json:"text"`
	// Records are its events.
	Records int `json:"records"`
}

// maxTestRecords bounds the events of a test that is made.
const maxTestRecords = 2000

// MakeTest writes a test with the records that an alarm looked at some time,
// what its windows showed and the state they come to. It is run before it is
// given: a test that does not pass is none. save puts it into tests/.
func (b *Workbench) MakeTest(ctx context.Context, m Moment, save bool) (MadeTest, error) {
	t, key, err := b.moment(ctx, m)
	if err != nil {
		return MadeTest{}, err
	}
	r, op := t.Rule, "make a test of "+t.Rule.Name
	if r.Plan.Window.Kind == plan.Session || len(r.Expected) > 0 {
		return MadeTest{}, engine.Errorf(engine.Invalid, op, "sessions and listed groups have no windows of fixed number before a moment").WithHint("write the test by hand: docs/testing.md")
	}
	points := lookedAt(t, key, m.At)
	if len(points) == 0 {
		return MadeTest{}, engine.Errorf(engine.NotFound, op, "no window with records had ended by then").WithHint("choose a later time")
	}
	events, err := b.rawRecords(ctx, r, key, points)
	if err != nil {
		return MadeTest{}, fmt.Errorf("%s: %w", op, err)
	}
	made := MadeTest{Records: len(events)}
	made.File = path.Join("tests", r.Name+"_"+m.At.UTC().Format("20060102T150405")+".yaml")
	made.Text = testText(r, key, m.At.UTC(), points, events)
	if err := b.passes(ctx, made, op); err != nil {
		return MadeTest{}, err
	}
	if save {
		_, err = workspace.NewFiles(b.Current().Root).Write(made.File, []byte(made.Text), "")
	}
	return made, err
}

// lookedAt are the windows that the alarm looked at, oldest first.
func lookedAt(t Backtested, key rule.Group, at time.Time) (points []rule.Datapoint) {
	for _, d := range t.Report.Datapoints {
		if sameGroup(d.Key, key) && !d.End.After(at) {
			points = append(points, d)
		}
	}
	slices.SortFunc(points, func(a, b rule.Datapoint) int { return a.End.Compare(b.End) })
	return points[max(0, len(points)-t.Rule.Alarm.Slots()):]
}

// rawRecords rebuilds the records of windows as their source had them, with
// the members that the rule reads.
func (b *Workbench) rawRecords(ctx context.Context, r *rule.Rule, key rule.Group, points []rule.Datapoint) ([]map[string]any, error) {
	mapping, err := surroundings{b}.Mapping(r.Plan.Dataset)
	if err != nil {
		return nil, err
	}
	var columns []string
	var into []engine.Path
	for _, p := range r.Plan.Columns() {
		at := rawPath(mapping, p)
		if at == nil {
			continue // _late and the like come by themselves
		}
		column := "to_json(" + p.SQL() + ")"
		if p[0] == "event_time" {
			column = "strftime(event_time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
		}
		columns, into = append(columns, column), append(into, at)
	}
	where := []string{}
	for _, k := range r.Plan.Keys {
		where = append(where, "to_json("+k.Path.SQL()+") IS NOT DISTINCT FROM "+engine.QuoteText(jsonOf(key[k.Name]))+"::JSON")
	}
	if len(where) == 0 {
		where = []string{"true"}
	}
	from, to := points[0].Start, points[len(points)-1].End
	for _, p := range points {
		if p.Start.Before(from) {
			from = p.Start
		}
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + engine.QuoteIdent(r.Plan.Dataset) + fmt.Sprintf(" WHERE event_time >= make_timestamptz(%d) AND event_time < make_timestamptz(%d) AND ", from.UnixMicro(), to.UnixMicro()) +
		strings.Join(where, " AND ") + fmt.Sprintf(" ORDER BY _seq LIMIT %d", maxTestRecords+1)
	return b.rawRows(ctx, query, into)
}

func (b *Workbench) rawRows(ctx context.Context, query string, into []engine.Path) (events []map[string]any, err error) {
	rows, err := b.Store.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cells, targets := make([]any, len(into)), make([]any, len(into))
	for i := range cells {
		targets[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		event := map[string]any{}
		for i, c := range cells {
			put(event, into[i], c)
		}
		events = append(events, event)
	}
	if len(events) > maxTestRecords {
		return nil, engine.Errorf(engine.Invalid, "", "its windows hold more than %d records", maxTestRecords).WithHint("a test of so many is hard to read: write a smaller one by hand")
	}
	return events, rows.Err()
}

// rawPath is where a column's value stood in the raw record; nil if nowhere.
func rawPath(m engine.Mapping, p engine.Path) engine.Path {
	switch {
	case p[0] == "event_time" && len(m.EventTime) > 0:
		return m.EventTime[0]
	case p[0] == "body", p[0] == "labels":
		return p[1:]
	}
	if from, ok := m.Envelope[p[0]]; ok && len(from) > 0 {
		return from[0]
	}
	if from := schema.DefaultEnvelope()[p[0]]; len(from) > 0 {
		return from[0]
	}
	return nil
}

func put(event map[string]any, p engine.Path, v any) {
	if v == nil {
		return
	}
	for _, name := range p[:len(p)-1] {
		next, ok := event[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			event[name] = next
		}
		event = next
	}
	event[p[len(p)-1]] = v
}

func jsonOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // values always marshal
		return "null"
	}
	return string(text)
}

// testText writes the test. JSON is YAML, too.
func testText(r *rule.Rule, key rule.Group, at time.Time, points []rule.Datapoint, events []map[string]any) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("tests:")
	line("  - name: %s", jsonOf(r.Name+" at "+at.Format(time.RFC3339)))
	line("    rule: %s", jsonOf(r.Name))
	line("    late: {allowed: forever, mode: update}")
	line("    steps:")
	line("      - events:")
	for _, e := range events {
		line("          - %s", jsonOf(e))
	}
	line("      - {watermark: %s}", jsonOf(points[len(points)-1].End))
	line("      - expect_panes:")
	for _, p := range points {
		line("          - %s", jsonOf(map[string]any{"window": []time.Time{p.Start, p.End}, "key": p.Key, "values": stable(p, r)}))
	}
	line("      - expect_alarms: [%s]", jsonOf(map[string]any{"key": key, "state": r.StateAfter(points)}))
	return b.String()
}

// stable are the measures of a window that a test can write.
func stable(p rule.Datapoint, r *rule.Rule) map[string]any {
	out := map[string]any{}
	for _, m := range r.Plan.Measures {
		v := p.Values[m.Name]
		if f, ok := v.Float(); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
			continue
		}
		out[m.Name] = v
	}
	return out
}

// passes runs a test that was made.
func (b *Workbench) passes(ctx context.Context, made MadeTest, op string) error {
	file, err := workspace.DecodeTests(made.File, []byte(made.Text))
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	report := &tester.Report{}
	if err := report.Run(ctx, made.File, file, surroundings{b}); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if report.Failed > 0 {
		why := "it does not pass"
		if f := report.Tests[0].Failures; len(f) > 0 {
			why += ": " + f[0].Message
		}
		return engine.Errorf(engine.Invalid, op, "%s", why).
			WithHint("its records look different by themselves (plugins or types that came later have a part in them): write the test by hand")
	}
	return nil
}
