package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/explore"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// RuleChoice names a rule of the workspace, or brings its text, saved or not.
type RuleChoice struct {
	Name string `json:"name,omitempty" doc:"Of a rule in rules/."`
	File string `json:"file,omitempty" doc:"The file that text is of, for errors."`
	Text string `json:"text,omitempty" doc:"The rule as it stands in the editor, instead of name."`
	// Line is where text begins in file.
	Line int `json:"line,omitempty" minimum:"0" doc:"The line of file that text begins on; a rule in a notebook begins further down."`
}

// source gives the rule's text.
func (b *Workbench) source(c RuleChoice) (file string, line int, text []byte, err error) {
	if c.Text != "" {
		file = c.File
		if file == "" {
			file = "rule"
		}
		return file, max(c.Line, 1), []byte(c.Text), nil
	}
	var names []string
	for _, f := range b.Current().Rules {
		src, err := os.ReadFile(b.Workspace.Path(f))
		if err != nil {
			continue // it was removed just now
		}
		spec, _ := workspace.DecodeRule(f, src)
		if spec.Rule.Value == c.Name && c.Name != "" || f == c.File && c.Name == "" {
			return f, 1, src, nil
		}
		names = append(names, spec.Rule.Value)
	}
	e := engine.Errorf(engine.NotFound, "find a rule", "there is no rule %s", c.Name)
	if near := engine.Nearest(c.Name, names); near != "" {
		return "", 0, nil, e.WithHint("did you mean %s?", near)
	}
	return "", 0, nil, e.WithHint("the rules are: %s", strings.Join(names, ", "))
}

// Rule finds and compiles a rule.
func (b *Workbench) Rule(c RuleChoice) (*rule.Rule, error) {
	file, line, text, err := b.source(c)
	if err != nil {
		return nil, err
	}
	return b.compileText(file, line, text)
}

func (b *Workbench) compileText(file string, line int, text []byte) (*rule.Rule, error) {
	spec, err := workspace.DecodeRuleAt(file, line, text)
	if err != nil {
		return nil, err
	}
	r, err := b.compileSpec(spec)
	if errors.Is(err, errNoData) {
		e := spec.Dataset.At(0, "dataset %s has no data yet", spec.Dataset.Value).WithHint("%s first", b.FilledBy(spec.Dataset.Value))
		e.Kind = engine.NotFound
		return nil, e
	}
	return r, err
}

// RuleCheck is what is known of a rule without running it.
type RuleCheck struct {
	Rule     string   `json:"rule"`
	Dataset  string   `json:"dataset"`
	SQL      string   `json:"sql"`
	Measures []string `json:"measures"`
	// Types are also there while something else in the rule is wrong.
	Types   []rule.MeasureType `json:"types" doc:"What each measure gives that is right, and the line that its name stands in."`
	Watched []string           `json:"watched" doc:"The measures that when reads."`
	GroupBy []string           `json:"group_by"`
	Window  string             `json:"window" doc:"Its size, such as 5m."`
	Alarm   string             `json:"alarm" doc:"Such as: 3 of 5, missing is not_breaching."`
	RuleFilters
	// Err holds all problems.
	Err error `json:"-"`
}

// RuleFilters are a rule's where as the filters of a list of records.
type RuleFilters struct {
	Where []PathFilter `json:"where" doc:"What the rule's where says as filters."`
	More  bool         `json:"where_more" doc:"Whether it asks for more than the filters say."`
}

func ruleFilters(r *rule.Rule) RuleFilters {
	out := RuleFilters{Where: []PathFilter{}}
	list, whole := r.Conditions()
	for _, c := range list {
		f := PathFilter{Path: c.Path.Short(), Op: c.Op, Value: c.Values}
		if len(c.Values) == 1 {
			f.Value = c.Values[0]
		}
		if len(c.Values) == 1 && c.Values[0].IsNull() {
			f.Op, f.Value = map[string]string{"=": "!exists", "!=": "exists"}[c.Op], nil
		}
		out.Where = append(out.Where, f)
	}
	out.More = !whole
	return out
}

// CheckRule reads a rule; what it can tell of a broken one, it tells.
func (b *Workbench) CheckRule(c RuleChoice) RuleCheck {
	out := RuleCheck{Measures: []string{}, Types: []rule.MeasureType{}, Watched: []string{}, GroupBy: []string{}, RuleFilters: RuleFilters{Where: []PathFilter{}}}
	file, line, text, err := b.source(c)
	if err != nil {
		out.Err = err
		return out
	}
	spec, _ := workspace.DecodeRuleAt(file, line, text)
	out.Rule, out.Dataset = spec.Rule.Value, spec.Dataset.Value
	for _, m := range spec.Measures {
		out.Measures = append(out.Measures, m.Key.Value)
	}
	if ds, err := b.Store.Dataset(spec.Dataset.Value); err == nil {
		out.Types = rule.Types(spec, ds)
	}
	r, err := b.compileText(file, line, text)
	if err != nil {
		out.Err = err
		return out
	}
	for _, w := range r.Watched {
		out.Watched = append(out.Watched, w.Name)
	}
	for _, k := range r.Plan.Keys {
		out.GroupBy = append(out.GroupBy, k.Name)
	}
	out.RuleFilters = ruleFilters(r)
	out.SQL, out.Alarm, out.Window = r.SQL(), r.Alarm.String(), r.Plan.Window.String()
	out.Err = b.ruleNames(spec)
	return out
}

// BacktestRun says what to run a rule over.
type BacktestRun struct {
	RuleChoice
	From       *time.Time        `json:"from,omitempty"`
	To         *time.Time        `json:"to,omitempty" doc:"Absent: the newest record whose clock does not run ahead."`
	Set        map[string]string `json:"set,omitempty" doc:"Keys of the rule with other values: alarm.datapoints, window.tumbling, when, measures.NAME."`
	AsArrived  bool              `json:"as_arrived,omitempty" doc:"Replay records in the order they arrived, and say what late ones changed."`
	Datapoints *bool             `json:"datapoints,omitempty" doc:"Whether every window is in the answer; they are unless this is false."`
}

// Backtested is a report with the rule that gave it.
type Backtested struct {
	Report  *rule.Report
	Rule    *rule.Rule
	Seconds float64
	// Scanned says that records were read for it.
	Scanned bool
}

// RunBacktest runs a rule over what is stored; the same rule over the same
// data is answered from memory.
func (b *Workbench) RunBacktest(ctx context.Context, run BacktestRun) (Backtested, error) {
	began := time.Now()
	file, line, text, err := b.source(run.RuleChoice)
	if err != nil {
		return Backtested{}, err
	}
	opt := b.rangeOf(ctx, run, file, line, text)
	opt.Set, opt.Datapoints = run.Set, run.Datapoints == nil || *run.Datapoints
	set, err := json.Marshal(run.Set)
	if err != nil {
		return Backtested{}, err
	}
	key := quoted(file, fmt.Sprint(line), string(text), string(set), opt.From.String(), opt.To.String(), fmt.Sprint(opt.Datapoints), fmt.Sprint(run.AsArrived))
	scanned := false
	out, err := cachedIn(b, &b.backtests, key, func() (Backtested, error) {
		r, err := b.compileText(file, line, text)
		if err != nil {
			return Backtested{}, err
		}
		if r, err = r.With(opt.Set); err != nil {
			return Backtested{}, err
		}
		opt := opt
		opt.Set = nil
		if run.AsArrived {
			scanned = true
			report, err := rule.BacktestAsArrived(ctx, b.Store, b.Store, r, opt, b.arrival(r))
			return Backtested{Report: report, Rule: r}, err
		}
		report, read, err := b.tryOut(ctx, r, opt)
		scanned = read
		return Backtested{Report: report, Rule: r}, err
	})
	if err == nil {
		// Labels change without the data: what is in memory has none.
		out.Report, out.Rule, err = b.scored(ctx, out.Report, out.Rule, nil)
	}
	out.Scanned = scanned
	out.Seconds = time.Since(began).Seconds()
	return out, err
}

// tryOut runs a rule over the windows that are kept of the last ones, where only
// what is asked of them has changed, else over the records.
func (b *Workbench) tryOut(ctx context.Context, r *rule.Rule, opt rule.BacktestOptions) (report *rule.Report, scanned bool, err error) {
	key, err := r.SeriesKey(opt)
	if err != nil {
		return nil, false, err
	}
	revision := b.Store.Revision()
	if kept, ok := b.series.get(revision, key); ok {
		report, fits, err := kept.(*rule.Series).Backtest(r, opt)
		if fits || err != nil {
			return report, false, err
		}
	}
	report, series, err := rule.BacktestSeries(ctx, b.Store, b.Store, r, opt)
	if series != nil && err == nil {
		b.series.put(revision, key, series)
	}
	return report, true, err
}

// RuleWindow names one window of one group of a rule.
type RuleWindow struct {
	RuleChoice
	Key   map[string]any `json:"key,omitempty" doc:"The values of group_by, as a backtest gives them."`
	Start time.Time      `json:"start"`
	End   time.Time      `json:"end"`
}

// RuleRows composes the query for the records that a window counted.
func (b *Workbench) RuleRows(w RuleWindow) (ComposedQuery, error) {
	var out ComposedQuery
	r, err := b.Rule(w.RuleChoice)
	if err != nil {
		return out, err
	}
	ds, err := b.Store.Dataset(r.Plan.Dataset)
	if err != nil {
		return out, err
	}
	q := explore.Question{Dataset: ds, From: w.Start, To: w.End}
	for _, k := range r.Plan.Keys {
		v, ok := w.Key[k.Name]
		if !ok {
			continue
		}
		q.Filters = append(q.Filters, explore.Filter{Path: k.Path.String(), Op: "=", Value: v})
	}
	for name := range w.Key {
		if !slices.ContainsFunc(r.Plan.Keys, func(k plan.Key) bool { return k.Name == name }) {
			return out, engine.Errorf(engine.Invalid, "show the records of "+r.Name, "the rule does not group by %s", name).
				WithHint("give values for what stands in group_by")
		}
	}
	s, err := explore.Select(q)
	if err != nil {
		return out, err
	}
	if r.Plan.Where != nil {
		condition, err := plan.ConditionOver(r.Plan.Where, func(p engine.Path) string { return p.Short() })
		if err != nil {
			return out, err
		}
		s.And(condition)
	}
	rows := s.Rows(0, time.Time{})
	return ComposedQuery{rows.SQL, rows.Params}, nil
}

// AlarmEpisode is one stay in alarm of one group of a rule.
type AlarmEpisode struct {
	Rule        string         `json:"rule"`
	File        string         `json:"file"`
	Dataset     string         `json:"dataset"`
	Key         map[string]any `json:"key"`
	Start       time.Time      `json:"start"`
	End         *time.Time     `json:"end" doc:"Null while it lasts."`
	Until       *time.Time     `json:"until" doc:"Where the group's last window ends, of an alarm that lasts: nothing is known after it."`
	Severity    string         `json:"severity"`
	Summary     string         `json:"summary,omitempty" doc:"The rule's sentence about the window that raised it."`
	Description string         `json:"description"`
	Runbook     string         `json:"runbook,omitempty"`
	RuleFilters
}

// Alarms lists when the valid rules would have been in alarm, by backtests
// over all that is stored, so that a range in the middle sees the alarms that
// began before it. A zero time is no bound.
func (b *Workbench) Alarms(ctx context.Context, from, to time.Time, dataset string) ([]AlarmEpisode, error) {
	out := []AlarmEpisode{}
	for _, info := range b.Rules(ctx, nil) {
		if info.State != "ok" || dataset != "" && info.Dataset != dataset {
			continue
		}
		episodes, err := b.alarmsOf(ctx, info)
		if engine.KindOf(err) == engine.Canceled {
			return out, err
		}
		for _, e := range episodes { // of one that fails rules list tells why
			if !to.IsZero() && !e.Start.Before(to) || !from.IsZero() && e.End != nil && !e.End.After(from) {
				continue
			}
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b AlarmEpisode) int { return a.Start.Compare(b.Start) })
	return out, nil
}

func (t Backtested) alarm(info RuleInfo, e rule.Episode) AlarmEpisode {
	out := AlarmEpisode{
		Rule: info.Name, File: info.File, Dataset: info.Dataset, Severity: info.Severity,
		Key: map[string]any{}, Start: e.Start, End: e.End, Runbook: t.Rule.Spec.Runbook.Value,
		RuleFilters: ruleFilters(t.Rule),
	}
	for k, v := range e.Key {
		out.Key[k] = v
	}
	out.Description = info.Name
	if len(e.Key) > 0 {
		out.Description += " (" + pairs(e.Key) + ")"
	}
	if len(e.Peak) > 0 {
		var peaks []string
		for name, v := range e.Peak {
			text := v.String()
			if f, ok := v.Float(); ok {
				text = strconv.FormatFloat(math.Round(f*1000)/1000, 'f', -1, 64)
			}
			peaks = append(peaks, name+" "+text)
		}
		slices.Sort(peaks)
		out.Description += ": at worst " + strings.Join(peaks, ", ")
	}
	out.Summary = t.Sentence(e)
	if e.End == nil {
		out.Until = t.known(e)
	}
	return out
}

// known is where the last window of an episode's group ends; nil when the
// report has no windows.
func (t Backtested) known(e rule.Episode) (until *time.Time) {
	for _, d := range t.Report.Datapoints {
		if sameGroup(d.Key, e.Key) && (until == nil || d.End.After(*until)) {
			until = &d.End
		}
	}
	return until
}

// Sentence is what the rule says of the window that began an episode; "" when
// the report has no windows.
func (t Backtested) Sentence(e rule.Episode) string {
	for _, d := range t.Report.Datapoints {
		if d.End.Equal(e.Start) && sameGroup(d.Key, e.Key) {
			return t.Rule.Sentence(d)
		}
	}
	return ""
}

func sameGroup(a, b rule.Group) bool {
	for name, v := range a {
		if !v.Equal(b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}
