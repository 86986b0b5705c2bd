package server

import (
	"context"
	"time"

	"tidemark.dev/tidemark/app/workbench"
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
