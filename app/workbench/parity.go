package workbench

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/export/parity"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// ParityTargets are the targets that can be replayed.
var ParityTargets = []string{"cloudformation", "connect", "flink", "prometheus", "terraform"}

// ParityOptions say what is replayed, and on what.
type ParityOptions struct {
	From, To time.Time
	// Flink is the folder of a Flink, for that target.
	Flink string
}

// notReplayed says why the other targets have no replay.
var notReplayed = map[string]string{
	"loki":        "Loki's engine is no library, and what its counts say depends on streams and limits that an archive does not tell",
	"grafana":     "its query is LogQL, and Loki's engine is no library",
	"eventbridge": "a pattern looks at one record and has no windows to compare",
}

// Parity compares a rule with its exported copy; the JSON is what rules
// parity prints.
type Parity struct {
	// Windows counts pairs of group and window, from a group's first window
	// with records on; Agree those in which both are in alarm, or neither.
	Windows int64           `json:"windows"`
	Agree   int64           `json:"agree"`
	Differ  []ParityDiffers `json:"differ"`
	// From and To bound what was compared; Ours and Theirs are the stays in
	// alarm.
	From   *time.Time `json:"-"`
	To     *time.Time `json:"-"`
	Ours   []Stay     `json:"-"`
	Theirs []Stay     `json:"-"`
}

// String is the outcome in a few words.
func (p *Parity) String() string {
	if len(p.Differ) == 0 {
		return fmt.Sprintf("all %d windows agree", p.Windows)
	}
	first := p.Differ[0]
	return fmt.Sprintf("%d of %d windows agree; the first that does not ends at %s: %s", p.Agree, p.Windows, first.At.Format(time.RFC3339), first.Why)
}

// ParityDiffers is a window after which the two differ.
type ParityDiffers struct {
	// At is the end of the window.
	At     time.Time  `json:"at"`
	Key    rule.Group `json:"key"`
	Ours   rule.State `json:"ours"`
	Theirs rule.State `json:"theirs"`
	Why    string     `json:"why"`
}

// Parity replays what is stored with the target's own evaluator and compares.
func (b *Workbench) Parity(ctx context.Context, name, target string, opt ParityOptions) (*Parity, error) {
	if err := replayable(target, opt); err != nil {
		return nil, err
	}
	p := &paritying{bench: b, flinkHome: opt.Flink, cut: !opt.From.IsZero()}
	set, release, err := p.settings(target)
	if err != nil {
		return nil, err
	}
	defer release()
	exported, err := b.export(ctx, []string{name}, target, set)
	if err != nil {
		return nil, err
	}
	r, err := b.findRule(name)
	if err != nil {
		return nil, err
	}
	if w := r.Plan.Window; w.Kind != plan.Tumbling || w.Zone != nil {
		e := engine.Errorf(engine.Invalid, "parity "+r.Name, "only tumbling windows in UTC can be replayed")
		return nil, e.WithHint("compare the alarms that the copy raises with tidemark rules backtest %s", r.Name)
	}
	report, err := rule.Backtest(ctx, b.Store, b.Store, r, rule.BacktestOptions{From: opt.From, To: opt.To, Datapoints: true})
	if err != nil || report.From == nil {
		return &Parity{Differ: []ParityDiffers{}}, err
	}
	p.rule, p.exported, p.report = r, exported, report
	return p.run(ctx)
}

func replayable(target string, opt ParityOptions) error {
	switch {
	case notReplayed[target] != "":
		e := engine.Errorf(engine.Inexpressible, "parity", "copies for %s cannot be replayed here: %s", target, notReplayed[target])
		return e.WithHint("once the copy runs, hold what it did against the rule: tidemark rules compare RULE --with FILE")
	case !slices.Contains(ParityTargets, target):
		e := engine.Errorf(engine.Invalid, "parity", "the copies of target %q cannot be replayed", target)
		return e.WithHint("write --target %s", strings.Join(ParityTargets, ", "))
	case target == "flink" && opt.Flink == "":
		e := engine.Errorf(engine.Unavailable, "parity", "%w on this machine that is known", parity.ErrNoFlink)
		return e.WithHint("name its folder with --flink DIR or in TIDEMARK_FLINK; make flink installs one into .tools/flink")
	}
	return nil
}

// settings are those of artefacts that are replayed. What comes out of the
// database has been through policies and plugins. Release lets go of what they
// name.
func (p *paritying) settings(target string) (set export.Settings, release func(), err error) {
	release = func() {}
	switch target {
	case "connect":
		return export.Settings{Transformed: true, Values: map[string]string{
			"input": parity.ConnectInput, "alarms": parity.ConnectOutput, "panes": parity.ConnectOutput, "state": "memory: {}",
		}}, release, nil
	case "flink":
		if p.folder, err = os.MkdirTemp(p.bench.Current().TempDir(), "parity-*"); err != nil {
			return set, release, err
		}
		source, sink := parity.FlinkFolder(p.folder)
		return export.Settings{Transformed: true, Values: map[string]string{"source": source, "sink": sink}}, func() { os.RemoveAll(p.folder) }, nil
	}
	return set, release, nil
}

// paritying is one comparison.
type paritying struct {
	bench    *Workbench
	rule     *rule.Rule
	exported *Exported
	report   *rule.Report
	// first and end bound the slots; the copy starts at earliest, where the
	// rule's run-up to first begins.
	earliest, first, end int64
	delivered            string
	// cut says that there are records before the first slot.
	cut bool
	// flinkHome is where Flink lies, folder where it reads and writes.
	flinkHome, folder string
	// said is what a job told that reads the records itself; nil of others.
	said *said
}

func (p *paritying) run(ctx context.Context) (*Parity, error) {
	w := p.rule.Plan.Window
	p.first = w.Index(*p.report.From)
	p.earliest, p.end = p.first, p.first
	if p.cut {
		oldest, err := p.oldest(ctx)
		if err != nil {
			return nil, err
		}
		p.earliest = min(p.first, max(w.Index(p.rule.RunUp(*p.report.From)), w.Index(oldest)))
	}
	for _, d := range p.report.Datapoints {
		p.end = max(p.end, w.Index(d.Start)+1)
	}
	firing, err := p.fired(ctx)
	if err != nil {
		return nil, err
	}
	moved, err := p.moved(ctx)
	if err != nil {
		return nil, err
	}
	return p.compare(firing, moved), nil
}

// oldest is the event time of the first record there is.
func (p *paritying) oldest(ctx context.Context) (time.Time, error) {
	from, _, err := p.bench.spanOf(ctx, p.rule.Plan.Dataset)
	return from, err
}

// fired tells in which slots the copy was in alarm, by group.
func (p *paritying) fired(ctx context.Context) (map[string]map[int64]bool, error) {
	switch p.exported.Target {
	case "connect":
		return p.connect(ctx)
	case "flink":
		return p.flink(ctx)
	case "cloudformation", "terraform":
		return p.cloudWatch(ctx)
	}
	storage, err := p.scraped(ctx)
	if err != nil {
		return nil, err
	}
	w := p.rule.Plan.Window
	firing := map[string]map[int64]bool{}
	var at []time.Time
	for slot := p.earliest; slot < p.end; slot++ {
		at = append(at, w.End(slot))
	}
	labels := p.labels()
	return firing, parity.Prometheus(ctx, p.exported.Data, storage, at, func(t time.Time, l map[string]string) {
		key := ""
		for _, name := range labels {
			key += fmt.Sprintf("%q,", l[name])
		}
		if firing[key] == nil {
			firing[key] = map[int64]bool{}
		}
		firing[key][w.Index(t)-1] = true
	})
}

// labels are the names that the rule's keys have as labels.
func (p *paritying) labels() (names []string) {
	s, err := export.ScrapedFor(p.exported.Rules[0])
	if err != nil { // it has been exported
		panic(fmt.Sprintf("workbench: %v", err))
	}
	for i := range p.rule.Plan.Keys {
		names = append(names, s.Labels[i].Name)
	}
	return names
}

// keyOf names a group as the labels of its alert do.
func (p *paritying) keyOf(values []plan.Value) (key string) {
	for _, v := range values {
		s := ""
		if !v.IsNull() {
			s = v.String()
		}
		key += fmt.Sprintf("%q,", s)
	}
	return key
}

func (p *paritying) compare(firing map[string]map[int64]bool, moved map[string]map[int64]int64) *Parity {
	w := p.rule.Plan.Window
	to := w.Start(p.end)
	out := &Parity{Differ: []ParityDiffers{}, From: p.report.From, To: &to}
	for _, e := range p.report.Episodes {
		out.Ours = append(out.Ours, Stay{e.Key, e.Start, e.End})
	}
	started := map[string]bool{}
	for _, d := range p.report.Datapoints {
		values := make([]plan.Value, len(p.rule.Plan.Keys))
		for i, k := range p.rule.Plan.Keys {
			values[i] = d.Key[k.Name]
		}
		key := p.keyOf(values)
		if started[key] {
			continue
		}
		started[key] = true
		out.Theirs = append(out.Theirs, p.stays(d.Key, firing[key])...)
		states := p.states(key)
		ours := rule.InsufficientData
		for slot := p.first; slot < p.end; slot++ {
			if s, changes := states[slot]; changes {
				ours = s
			}
			if slot < w.Index(d.Start) {
				continue // the group had no records yet
			}
			out.Windows++
			fires := firing[key][slot]
			if fires == (ours == rule.Alarming) {
				out.Agree++
				continue
			}
			theirs := rule.OK
			if fires {
				theirs = rule.Alarming
			}
			out.Differ = append(out.Differ, ParityDiffers{w.End(slot), d.Key, ours, theirs, p.why(key, moved[key], slot)})
		}
	}
	slices.SortStableFunc(out.Differ, func(a, b ParityDiffers) int { return a.At.Compare(b.At) })
	return out
}

// stays are the slots in which the copy was in alarm, joined.
func (p *paritying) stays(key rule.Group, firing map[int64]bool) (list []Stay) {
	w := p.rule.Plan.Window
	for slot := p.first; slot < p.end; slot++ {
		switch {
		case !firing[slot]:
		case slot > p.first && firing[slot-1]:
			end := w.End(slot + 1)
			list[len(list)-1].End = &end
		default:
			end := w.End(slot + 1)
			list = append(list, Stay{key, w.End(slot), &end})
		}
	}
	return list
}

// states are the changes of a group's state by slot.
func (p *paritying) states(key string) map[int64]rule.State {
	out := map[int64]rule.State{}
	for _, t := range p.report.Transitions {
		values := make([]plan.Value, len(p.rule.Plan.Keys))
		for i, k := range p.rule.Plan.Keys {
			values[i] = t.Key[k.Name]
		}
		if p.keyOf(values) == key {
			out[p.rule.Plan.Window.Index(t.At)-1] = t.To
		}
	}
	return out
}

// why looks for records that the target counted in another window than they
// happened in, among those that decide.
func (p *paritying) why(key string, moved map[int64]int64, slot int64) string {
	if p.said != nil {
		return p.whySaid(key, moved, slot)
	}
	var missed, extra int64
	for s := slot - int64(p.rule.Alarm.Of) + 1; s <= slot; s++ {
		missed += max(0, moved[s])
		extra += max(0, -moved[s])
	}
	switch {
	case missed > 0 && extra > 0:
		return fmt.Sprintf("of the windows that decide, %d records came late and were counted later, and %d late records of other windows were counted here", missed, extra)
	case missed > 0:
		return fmt.Sprintf("%d records of the windows that decide came late and were counted later", missed)
	case extra > 0:
		return fmt.Sprintf("%d late records of earlier windows were counted in the windows that decide", extra)
	}
	if p.exported.Target != "prometheus" {
		return "periods slide every minute, and the state there may be one that came between the ends of windows"
	}
	return "increase() extrapolates between scrapes and misses the first count of a new series; and no older window stands in for a missing one"
}
