package server

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/rule"
)

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
