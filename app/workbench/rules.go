package workbench

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
	"tidemark.dev/tidemark/engine/window"
)

// RuleInfo is one rule of the workspace; the JSON is what rules list prints.
type RuleInfo struct {
	Name     string `json:"name"`
	File     string `json:"file"`
	Dataset  string `json:"dataset"`
	Severity string `json:"severity"`
	// State is ok, invalid, or unchecked while its dataset has no data.
	State string `json:"state"`
	When  string `json:"when"`
	Alarm string `json:"alarm"`
	// Live is where its live evaluation stands; nil if there was none.
	Live *store.RuleStanding `json:"live,omitempty"`

	// err is why it cannot be evaluated; names is what it names and is not there.
	err, names error
}

// Rules reads and checks every rule of the workspace, or the given files.
func (b *Workbench) Rules(ctx context.Context, files []string) []RuleInfo {
	if len(files) == 0 {
		files = b.Current().Rules
	}
	out := make([]RuleInfo, 0, len(files))
	seen := map[string]string{}
	live, err := b.Store.Standings(ctx)
	if err != nil {
		slog.Warn("how alarms stand could not be read", "error", err)
	}
	for _, f := range files {
		info := RuleInfo{File: f, State: "ok"}
		r, spec, err := b.compile(f)
		info.Name, info.Dataset = spec.Rule.Value, spec.Dataset.Value
		info.Severity, info.When = spec.Severity.Value, spec.When.Value
		switch other, twice := seen[info.Name]; {
		case err == nil && twice:
			err = spec.Rule.At(0, "the rule %s is also in %s", info.Name, other).WithHint("give one of them another name")
		case r != nil:
			info.Alarm = r.Alarm.String()
		}
		seen[info.Name] = f
		if st, ok := live[info.Name]; ok && err == nil {
			info.Live = &st
		}
		switch {
		case errors.Is(err, errNoData):
			info.State = "unchecked"
		case err != nil:
			info.State, info.err = "invalid", err
		}
		info.names = b.ruleNames(spec)
		out = append(out, info)
	}
	return out
}

// Err is what is wrong with the rule. One that is ok can be evaluated all the
// same.
func (r RuleInfo) Err() error { return errors.Join(r.err, r.names) }

// errNoData says that a rule cannot be checked before its dataset exists.
var errNoData = errors.New("its dataset has no data yet")

func (b *Workbench) compile(file string) (*rule.Rule, rule.Spec, error) {
	spec, err := b.Current().ReadRule(b.relative(file))
	if err != nil {
		return nil, spec, err
	}
	r, err := b.compileSpec(spec)
	return r, spec, err
}

func (b *Workbench) compileSpec(spec rule.Spec) (*rule.Rule, error) {
	ds, err := b.Store.Dataset(spec.Dataset.Value)
	if err != nil {
		if spec.Dataset.Value != "" && b.Expects(spec.Dataset.Value) {
			return nil, errNoData
		}
		var known *engine.Error
		if errors.As(err, &known) && spec.Dataset.Value == "" {
			return nil, spec.Place("dataset").At(0, "the rule has no dataset").WithHint("add dataset: with its name; %s", known.Hint)
		}
		if errors.As(err, &known) {
			return nil, spec.Dataset.At(0, "%w", known.Err).WithHint("%s", known.Hint)
		}
		return nil, err
	}
	return rule.Compile(spec, ds)
}

// Expects reports whether some source or setting names the dataset.
func (b *Workbench) Expects(dataset string) bool {
	for _, s := range b.Current().Config.Sources {
		if s.Value.Dataset == dataset {
			return true
		}
	}
	for _, d := range b.Current().Config.Datasets {
		if d.Key.Value == dataset {
			return true
		}
	}
	return false
}

// FilledBy says what brings a dataset its first records.
func (b *Workbench) FilledBy(dataset string) string {
	live := ""
	for _, s := range b.Current().Config.Sources {
		switch {
		case s.Value.Dataset != dataset:
		case s.Value.Bounded():
			return "run tidemark pull"
		case live == "":
			live = "run tidemark tail " + s.Key.Value
		}
	}
	return cmp.Or(live, "run tidemark pull")
}

// relative makes a path relative to the workspace where it lies in it.
func (b *Workbench) relative(file string) string {
	if filepath.IsAbs(file) {
		if rel, err := filepath.Rel(b.Current().Root, file); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return file
}

// Backtest runs a rule, named by itself or by its file, over what is stored.
func (b *Workbench) Backtest(ctx context.Context, name string, opt rule.BacktestOptions) (*rule.Report, *rule.Rule, error) {
	r, err := b.findRule(name)
	if err != nil {
		return nil, nil, err
	}
	return b.run1(ctx, r, opt)
}

// BacktestAsArrived runs a rule over what is stored in the order of arrival, as
// a live evaluation would have seen it.
func (b *Workbench) BacktestAsArrived(ctx context.Context, name string, opt rule.BacktestOptions) (*rule.Report, *rule.Rule, error) {
	r, err := b.findRule(name)
	if err != nil {
		return nil, nil, err
	}
	report, err := rule.BacktestAsArrived(ctx, b.Store, b.Store, r, opt, b.arrival(r))
	return b.scored(ctx, report, r, err)
}

// arrival is how the records of a rule's dataset move its watermark, and what
// late ones do.
func (b *Workbench) arrival(r *rule.Rule) plan.Arrival {
	w := b.Current().Config.Dataset(r.Plan.Dataset).Watermark
	late := b.lateUpdates(r)
	a := plan.Arrival{Lateness: w.Lateness, MaxFuture: w.MaxFuture, Quantile: 1, Allowed: late.Allowed, Never: late.Never}
	switch w.Strategy {
	case window.Median:
		a.Quantile = 0.5
	case window.Percentile:
		a.Quantile = w.P
	}
	a.Forever = late.Allowed == window.Forever
	return a
}

// BacktestSource runs a rule that stands in a notebook.
func (b *Workbench) BacktestSource(ctx context.Context, file string, firstLine int, src []byte, opt rule.BacktestOptions) (*rule.Report, *rule.Rule, error) {
	spec, err := workspace.DecodeRuleAt(file, firstLine, src)
	if err != nil {
		return nil, nil, err
	}
	r, err := b.compileSpec(spec)
	if errors.Is(err, errNoData) {
		return nil, nil, engine.Errorf(engine.NotFound, "backtest "+spec.Rule.Value, "dataset %s has no data yet", spec.Dataset.Value).WithHint("%s first", b.FilledBy(spec.Dataset.Value))
	}
	if err != nil {
		return nil, nil, err
	}
	return b.run1(ctx, r, opt)
}

func (b *Workbench) run1(ctx context.Context, r *rule.Rule, opt rule.BacktestOptions) (*rule.Report, *rule.Rule, error) {
	report, err := rule.Backtest(ctx, b.Store, b.Store, r, opt)
	return b.scored(ctx, report, r, err)
}

func (b *Workbench) findRule(name string) (*rule.Rule, error) {
	var names []string
	for _, f := range b.Current().Rules {
		r, spec, err := b.compile(f)
		if spec.Rule.Value != name && f != b.relative(name) {
			names = append(names, spec.Rule.Value)
			continue
		}
		if errors.Is(err, errNoData) {
			return nil, engine.Errorf(engine.NotFound, "backtest "+name, "dataset %s has no data yet", spec.Dataset.Value).WithHint("%s first", b.FilledBy(spec.Dataset.Value))
		}
		return r, err
	}
	err := engine.Errorf(engine.NotFound, "backtest "+name, "there is no rule %s", name)
	if near := engine.Nearest(name, names); near != "" {
		return nil, err.WithHint("did you mean %s?", near)
	}
	return nil, err.WithHint("tidemark rules list shows the rules there are")
}
