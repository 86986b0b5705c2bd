package server

import (
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

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

func datapoint(d rule.Datapoint) BacktestDatapoint {
	return BacktestDatapoint{Start: d.Start, End: d.End, Key: anyValues(d.Key), Values: anyValues(d.Values), Breaching: truthOf(d.Breaching)}
}

func anyValues[M ~map[string]plan.Value](m M) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
