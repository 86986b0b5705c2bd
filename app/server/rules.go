package server

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// RuleListed is a rule of the workspace.
type RuleListed struct {
	workbench.RuleInfo
	Problems []Problem `json:"problems"`
}

// RuleChecked is what is known of a rule without running it.
type RuleChecked struct {
	workbench.RuleCheck
	Problems []Problem `json:"problems"`
}

// BacktestReply is what a rule would have done.
type BacktestReply struct {
	Rule        string               `json:"rule"`
	Dataset     string               `json:"dataset"`
	From        *time.Time           `json:"from"`
	To          *time.Time           `json:"to"`
	Windows     int64                `json:"windows"`
	Records     int64                `json:"records"`
	Late        int64                `json:"late"`
	Overflows   int64                `json:"overflows"`
	Episodes    []BacktestEpisode    `json:"episodes"`
	Transitions []BacktestTransition `json:"transitions"`
	Datapoints  []BacktestDatapoint  `json:"datapoints"`
	Seconds     float64              `json:"seconds"`
	Scanned     bool                 `json:"scanned" doc:"Whether records were read; another threshold is tried on the windows that are kept."`
	Measures    []string             `json:"measures"`
	Watched     []string             `json:"watched"`
	GroupBy     []string             `json:"group_by"`
	Thresholds  []BacktestThreshold  `json:"thresholds"`
	SQL         string               `json:"sql"`
	AsArrived   *BacktestArrived     `json:"as_arrived" doc:"What late records changed; null unless it was asked for."`
	Score       *BacktestScore       `json:"score" doc:"Against the incidents that the rule names; null if it names none."`
}

// BacktestArrived is what late records changed.
type BacktestArrived struct {
	Watermark *time.Time           `json:"watermark"`
	Late      int64                `json:"late" doc:"Records that came after their window was shown, once for each window."`
	Dropped   int64                `json:"dropped" doc:"Late records that came too late to change anything."`
	Revised   []BacktestTransition `json:"revised" doc:"Changes of state that late records made."`
	Changed   []BacktestChanged    `json:"changed" doc:"Windows that were shown as something else than they are; the first 1000."`
	Changes   int                  `json:"changes" doc:"How many there are."`
	Final     []BacktestEpisode    `json:"final" doc:"Episodes with all records."`
	Gone      []BacktestEpisode    `json:"gone" doc:"Episodes that only the live evaluation had."`
	Came      []BacktestEpisode    `json:"came" doc:"Episodes that it did not have."`
}

// BacktestChanged is a window that late records changed.
type BacktestChanged struct {
	Start           time.Time      `json:"start"`
	End             time.Time      `json:"end"`
	Key             map[string]any `json:"key"`
	OnTime          map[string]any `json:"on_time" doc:"Null if the window was not shown."`
	Values          map[string]any `json:"values"`
	OnTimeBreaching *bool          `json:"on_time_breaching"`
	Breaching       *bool          `json:"breaching"`
}

// BacktestScore holds episodes against incidents that are known.
type BacktestScore struct {
	Incidents   int               `json:"incidents"`
	Found       int               `json:"found"`
	True        int               `json:"true" doc:"Episodes that overlap an incident."`
	False       int               `json:"false"`
	Unjudged    int               `json:"unjudged" doc:"Episodes that nobody has labelled, where the rule lists no incidents."`
	Precision   *float64          `json:"precision"`
	Recall      *float64          `json:"recall"`
	Delay       *float64          `json:"delay_seconds" doc:"How long after its beginning an incident was found, in the middle."`
	Missed      []rule.Missed     `json:"missed"`
	FalseAlarms []BacktestEpisode `json:"false_alarms"`
}

// RuleOutcome is what those on call would have had of a rule.
type RuleOutcome struct {
	Episodes int            `json:"episodes"`
	Seconds  float64        `json:"seconds" doc:"Spent in ALARM, all groups together."`
	Night    int            `json:"night" doc:"Episodes that began between 22:00 and 06:00."`
	PerWeek  float64        `json:"per_week"`
	Score    *BacktestScore `json:"score"`
}

// RuleComparison is what another version of a rule would have done.
type RuleComparison struct {
	A    RuleOutcome       `json:"a"`
	B    RuleOutcome       `json:"b"`
	Gone []BacktestEpisode `json:"gone" doc:"Episodes of a that none of b overlaps."`
	Came []BacktestEpisode `json:"came"`
	Kept int               `json:"kept"`
	Both []RulePair        `json:"both" doc:"Episodes of b, each with the first of a that it overlaps."`
	// Differ holds the first of Differing windows.
	Windows   int64         `json:"windows" doc:"Windows that either has; zero unless they were asked for."`
	Differing int           `json:"differing" doc:"How many of them are judged differently."`
	Differ    []RuleDiffers `json:"differ" doc:"The first thousand of those, in the order of time."`
}

// RulePair is an episode as two versions of a rule have it.
type RulePair struct {
	A BacktestEpisode `json:"a"`
	B BacktestEpisode `json:"b"`
}

// RuleDiffers is a window that two versions of a rule judge differently.
type RuleDiffers struct {
	Start time.Time      `json:"start"`
	End   time.Time      `json:"end"`
	Key   map[string]any `json:"key"`
	A     *RuleJudged    `json:"a" doc:"Null if this version has no such window."`
	B     *RuleJudged    `json:"b"`
}

// RuleJudged is what a version of a rule takes a window for.
type RuleJudged struct {
	Values    map[string]any `json:"values"`
	Breaching *bool          `json:"breaching" doc:"Null for a missing datapoint."`
}

// RuleAdvice is what a rule's own history says about its settings.
type RuleAdvice struct {
	Rule      string        `json:"rule"`
	From      *time.Time    `json:"from"`
	To        *time.Time    `json:"to"`
	Verdict   string        `json:"verdict" enum:"fires,never,always"`
	Notes     []string      `json:"notes"`
	Breaching float64       `json:"breaching" doc:"The part of slots that breach."`
	Missing   float64       `json:"missing" doc:"The part of slots without a datapoint."`
	Now       RuleOutcome   `json:"now"`
	Labelled  bool          `json:"labelled" doc:"Whether incidents are known."`
	Suggested *RuleAttempt  `json:"suggested"`
	Tried     []RuleAttempt `json:"tried"`
	Trends    []RuleTrend   `json:"trends"`
}

// RuleAttempt is the rule with other settings.
type RuleAttempt struct {
	Set         map[string]string `json:"set"`
	Outcome     RuleOutcome       `json:"outcome"`
	FalseAlarms *float64          `json:"false_alarm_rate"`
	Misses      *float64          `json:"miss_rate"`
}

// RuleTrend is a measure that moves towards a threshold.
type RuleTrend struct {
	Key     map[string]any `json:"key"`
	Measure string         `json:"measure"`
	Limit   float64        `json:"limit"`
	Now     float64        `json:"now"`
	PerDay  float64        `json:"per_day"`
	Reaches time.Time      `json:"reaches"`
	Days    int            `json:"days"`
}

// BacktestEpisode is one stay in alarm.
type BacktestEpisode struct {
	Key   map[string]any `json:"key"`
	Start time.Time      `json:"start"`
	End   *time.Time     `json:"end" doc:"Null while it lasts."`
	Peak  map[string]any `json:"peak"`
	// Summary needs the datapoints.
	Summary string `json:"summary,omitempty" doc:"The rule's sentence about the window that raised it."`
}

// BacktestTransition is a change of state.
type BacktestTransition struct {
	At     time.Time      `json:"at"`
	Key    map[string]any `json:"key"`
	From   string         `json:"from" enum:"OK,ALARM,INSUFFICIENT_DATA"`
	To     string         `json:"to" enum:"OK,ALARM,INSUFFICIENT_DATA"`
	Reason string         `json:"reason"`
}

// BacktestDatapoint is one window of one group.
type BacktestDatapoint struct {
	Start     time.Time      `json:"start"`
	End       time.Time      `json:"end"`
	Key       map[string]any `json:"key"`
	Values    map[string]any `json:"values"`
	Breaching *bool          `json:"breaching" doc:"Null for a missing datapoint."`
}

// BacktestThreshold is a constant that a measure is compared with.
type BacktestThreshold struct {
	Measure string `json:"measure"`
	Op      string `json:"op"`
	Value   any    `json:"value"`
}

func (s *Server) rulesAPI() {
	handle(s, "GET", "/rules", "listRules", "The rules and what is wrong with them", s.listRules)
	handle(s, "POST", "/rules/check", "checkRule", "What a rule is, without running it", s.checkRule)
	handle(s, "POST", "/rules/backtest", "backtest", "When a rule would have raised its alarm", inTurn(s, s.backtest))
	handle(s, "POST", "/rules/rows", "ruleRows", "The query for the records of one window of one group", s.ruleRows)
	handle(s, "POST", "/rules/compare", "compareRules", "What another version of a rule would have done differently", inTurn(s, s.compareRules))
	handle(s, "POST", "/rules/advise", "adviseRule", "What a rule's history says about its settings", inTurn(s, s.adviseRule))
	s.exportAPI()
	handle(s, "POST", "/rules/explain", "explainRule", "Why a rule was in alarm at some time, or why it was not", inTurn(s, s.explainRule))
	handle(s, "POST", "/rules/make-test", "makeTest", "A test of what a rule saw at some time; the page saves it", inTurn(s, s.makeTest))
	handle(s, "GET", "/alarms", "alarms", "When the rules would have been in alarm", inTurn(s, s.alarms))
}

func (s *Server) listRules(ctx context.Context, _ *struct{}) ([]RuleListed, error) {
	out := []RuleListed{}
	for _, info := range s.bench.Rules(ctx, nil) {
		out = append(out, RuleListed{info, problemsOf(info.Err())})
	}
	return out, nil
}

// problemsOf lists problems that are part of an answer; there may be none.
func problemsOf(err error) []Problem {
	if err == nil {
		return []Problem{}
	}
	return problems(err)
}

func (s *Server) checkRule(_ context.Context, in *struct{ Body workbench.RuleChoice }) (RuleChecked, error) {
	c := s.bench.CheckRule(in.Body)
	return RuleChecked{c, problemsOf(c.Err)}, nil
}

func (s *Server) backtest(ctx context.Context, in *struct{ Body workbench.BacktestRun }) (BacktestReply, error) {
	t, err := s.bench.RunBacktest(ctx, in.Body)
	if err != nil {
		return BacktestReply{}, err
	}
	return backtestReply(t), nil
}

func backtestReply(t workbench.Backtested) BacktestReply {
	r := t.Report
	out := BacktestReply{
		Rule: r.Rule, Dataset: t.Rule.Plan.Dataset, From: r.From, To: r.To, Windows: r.Windows, Records: r.Records, Late: r.Late, Overflows: r.Overflows,
		Episodes: []BacktestEpisode{}, Transitions: []BacktestTransition{}, Datapoints: make([]BacktestDatapoint, 0, len(r.Datapoints)),
		Measures: []string{}, Watched: []string{}, GroupBy: []string{}, Thresholds: []BacktestThreshold{},
		Seconds: t.Seconds, Scanned: t.Scanned, SQL: t.Rule.SQL(),
	}
	for _, e := range r.Episodes {
		out.Episodes = append(out.Episodes, BacktestEpisode{Key: anyValues(e.Key), Start: e.Start, End: e.End, Peak: anyValues(e.Peak), Summary: t.Sentence(e)})
	}
	out.Score, out.AsArrived = scoreReply(r.Score), arrivedReply(r.AsArrived)
	out.Transitions = transitionsReply(r.Transitions)
	for _, d := range r.Datapoints {
		out.Datapoints = append(out.Datapoints, datapoint(d))
	}
	for _, m := range t.Rule.Plan.Measures {
		out.Measures = append(out.Measures, m.Name)
	}
	for _, w := range t.Rule.Watched {
		out.Watched = append(out.Watched, w.Name)
	}
	for _, k := range t.Rule.Plan.Keys {
		out.GroupBy = append(out.GroupBy, k.Name)
	}
	for _, h := range t.Rule.Thresholds() {
		out.Thresholds = append(out.Thresholds, BacktestThreshold{h.Measure, string(h.Op), h.Value})
	}
	return out
}

func episodesReply(list []rule.Episode) []BacktestEpisode {
	out := make([]BacktestEpisode, 0, len(list))
	for _, e := range list {
		out = append(out, BacktestEpisode{Key: anyValues(e.Key), Start: e.Start, End: e.End, Peak: anyValues(e.Peak)})
	}
	return out
}

func transitionsReply(list []rule.Transition) []BacktestTransition {
	out := make([]BacktestTransition, 0, len(list))
	for _, c := range list {
		out = append(out, BacktestTransition{At: c.At, Key: anyValues(c.Key), From: string(c.From), To: string(c.To), Reason: c.Reason})
	}
	return out
}

// maxChanged bounds how many windows a reply lists.
const maxChanged = 1000

func arrivedReply(a *rule.AsArrived) *BacktestArrived {
	if a == nil {
		return nil
	}
	out := &BacktestArrived{
		Watermark: a.Watermark, Late: a.Late, Dropped: a.Dropped, Revised: transitionsReply(a.Revised), Changed: []BacktestChanged{}, Changes: len(a.Changed),
		Final: episodesReply(a.Final), Gone: episodesReply(a.Gone), Came: episodesReply(a.Came),
	}
	for _, c := range a.Changed[:min(len(a.Changed), maxChanged)] {
		w := BacktestChanged{Start: c.Start, End: c.End, Key: anyValues(c.Key), Values: anyValues(c.Values), OnTimeBreaching: truthOf(c.OnTimeBreaching), Breaching: truthOf(c.Breaching)}
		if c.OnTime != nil {
			w.OnTime = anyValues(c.OnTime)
		}
		out.Changed = append(out.Changed, w)
	}
	return out
}

// truthOf is nil for null.
func truthOf(v plan.Value) *bool {
	if v.IsNull() {
		return nil
	}
	yes := v.True()
	return &yes
}

func scoreReply(s *rule.Score) *BacktestScore {
	if s == nil {
		return nil
	}
	return &BacktestScore{s.Incidents, s.Found, s.True, s.False, s.Unjudged, s.Precision, s.Recall, s.Delay, s.Missed, episodesReply(s.FalseAlarms)}
}

func outcomeReply(o rule.Outcome) RuleOutcome {
	return RuleOutcome{o.Episodes, o.Seconds, o.Night, o.PerWeek, scoreReply(o.Score)}
}

func (s *Server) compareRules(ctx context.Context, in *struct{ Body workbench.CompareRun }) (RuleComparison, error) {
	c, err := s.bench.Compare(ctx, in.Body)
	if err != nil {
		return RuleComparison{}, err
	}
	out := RuleComparison{
		A: outcomeReply(c.A), B: outcomeReply(c.B), Gone: episodesReply(c.Gone), Came: episodesReply(c.Came), Kept: c.Kept,
		Both: make([]RulePair, 0, len(c.Both)), Windows: c.Windows, Differing: len(c.Differ), Differ: []RuleDiffers{},
	}
	for _, p := range c.Both {
		pair := episodesReply([]rule.Episode{p.A, p.B})
		out.Both = append(out.Both, RulePair{pair[0], pair[1]})
	}
	for _, d := range c.Differ[:min(len(c.Differ), maxChanged)] {
		out.Differ = append(out.Differ, RuleDiffers{d.Start, d.End, anyValues(d.Key), judgedReply(d.A), judgedReply(d.B)})
	}
	return out, nil
}

func judgedReply(j *rule.Judged) *RuleJudged {
	if j == nil {
		return nil
	}
	return &RuleJudged{anyValues(j.Values), truthOf(j.Breaching)}
}

func (s *Server) adviseRule(ctx context.Context, in *struct{ Body workbench.AdviseRun }) (RuleAdvice, error) {
	a, err := s.bench.Advise(ctx, in.Body)
	if err != nil {
		return RuleAdvice{}, err
	}
	out := RuleAdvice{
		Rule: a.Rule, From: a.From, To: a.To, Verdict: a.Verdict, Notes: a.Notes, Breaching: a.Breaching, Missing: a.Missing,
		Now: outcomeReply(a.Now), Labelled: a.Labelled, Tried: []RuleAttempt{}, Trends: []RuleTrend{},
	}
	attempt := func(t rule.Attempt) RuleAttempt {
		return RuleAttempt{t.Set, outcomeReply(t.Outcome), t.FalseAlarms, t.Misses}
	}
	for _, t := range a.Tried {
		out.Tried = append(out.Tried, attempt(t))
	}
	if a.Suggested != nil {
		t := attempt(*a.Suggested)
		out.Suggested = &t
	}
	for _, t := range a.Trends {
		out.Trends = append(out.Trends, RuleTrend{anyValues(t.Key), t.Measure, t.Limit, t.Now, t.PerDay, t.Reaches, t.Days})
	}
	return out, nil
}

// RuleExplained says why an alarm was as it was.
type RuleExplained struct {
	State    string     `json:"state"`
	Since    *time.Time `json:"since"`
	Sentence string     `json:"sentence"`
}

func (s *Server) explainRule(ctx context.Context, in *struct{ Body workbench.Moment }) (RuleExplained, error) {
	x, err := s.bench.Explain(ctx, in.Body)
	return RuleExplained{string(x.State), x.Since, x.Sentence}, err
}

func (s *Server) makeTest(ctx context.Context, in *struct{ Body workbench.Moment }) (workbench.MadeTest, error) {
	return s.bench.MakeTest(ctx, in.Body, false)
}

func datapoint(d rule.Datapoint) BacktestDatapoint {
	out := BacktestDatapoint{Start: d.Start, End: d.End, Key: anyValues(d.Key), Values: anyValues(d.Values)}
	if !d.Breaching.IsNull() {
		yes := d.Breaching.True()
		out.Breaching = &yes
	}
	return out
}

func anyValues[M ~map[string]plan.Value](m M) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

func (s *Server) ruleRows(_ context.Context, in *struct{ Body workbench.RuleWindow }) (workbench.ComposedQuery, error) {
	return s.bench.RuleRows(in.Body)
}

func (s *Server) alarms(ctx context.Context, in *struct {
	From    time.Time `query:"from"`
	To      time.Time `query:"to"`
	Dataset string    `query:"dataset"`
},
) ([]workbench.AlarmEpisode, error) {
	return s.bench.Alarms(ctx, in.From, in.To, in.Dataset)
}
