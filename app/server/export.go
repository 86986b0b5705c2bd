package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"tidemark.dev/tidemark/app/workbench"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/rule"
)

// ExportTarget is a system that rules can be written for.
type ExportTarget struct {
	Name       string             `json:"name"`
	About      string             `json:"about"`
	Parameters []export.Parameter `json:"parameters"`
	Replayed   bool               `json:"replayed" doc:"Whether its copies can be replayed."`
}

// ExportReply is an artefact, or why there is none.
type ExportReply struct {
	Target      string              `json:"target"`
	File        string              `json:"file"`
	Text        string              `json:"text"`
	Document    string              `json:"document" doc:"PARITY.md."`
	Differences []export.Difference `json:"differences"`
	Schemas     []ExportSchema      `json:"schemas" doc:"The schema of the records, for targets that read them; as rules export writes it beside the artefact."`
	Refusal     *export.Refusal     `json:"refusal" doc:"Why the target cannot hold the rule; null if it can."`
}

// ExportSchema is the schema of a dataset in one of its forms, a file.
type ExportSchema struct {
	File string `json:"file" doc:"DATASET.glue.json, DATASET.schema.json or DATASET.avsc."`
	Text string `json:"text"`
}

// ParityReply holds a rule against its copy, or against what the copy did.
type ParityReply struct {
	From    *time.Time    `json:"from"`
	To      *time.Time    `json:"to"`
	Windows int64         `json:"windows"`
	Agree   int64         `json:"agree"`
	Differ  []ParityPoint `json:"differ"`
	Ours    []ParityStay  `json:"ours"`
	Theirs  []ParityStay  `json:"theirs"`
}

// ParityPoint is a window after which two systems differ.
type ParityPoint struct {
	At     time.Time      `json:"at"`
	Key    map[string]any `json:"key"`
	Ours   rule.State     `json:"ours"`
	Theirs rule.State     `json:"theirs"`
	Why    string         `json:"why"`
}

// ParityStay is one stay of a group in alarm.
type ParityStay struct {
	Key   map[string]any `json:"key"`
	Start time.Time      `json:"start"`
	End   *time.Time     `json:"end"`
}

func (s *Server) exportAPI() {
	handle(s, "GET", "/export/targets", "listExportTargets", "The systems that rules can be written for", s.listExportTargets)
	handle(s, "POST", "/rules/export", "exportRule", "A rule as another system takes it, or why it cannot", inTurn(s, s.exportRule))
	handle(s, "POST", "/rules/parity", "ruleParity", "Replay what is stored with the copy of a rule", inTurn(s, s.ruleParity))
	handle(s, "POST", "/rules/history", "ruleHistory", "What a deployed copy of a rule really did", inTurn(s, s.ruleHistory))
}

func (s *Server) listExportTargets(context.Context, *struct{}) ([]ExportTarget, error) {
	var out []ExportTarget
	for _, name := range export.Targets() {
		out = append(out, ExportTarget{name, export.About(name), append([]export.Parameter{}, export.Parameters(name)...), name != "flink" && slices.Contains(workbench.ParityTargets, name)})
	}
	return out, nil
}

// ExportRun says what is exported.
type ExportRun struct {
	Rule        string            `json:"rule" doc:"Its name, or its file."`
	Target      string            `json:"target"`
	Set         map[string]string `json:"set,omitempty" doc:"Parameters of the artefact."`
	Transformed bool              `json:"transformed,omitempty" doc:"The target reads records that have been through plugins and policies."`
}

func (s *Server) exportRule(ctx context.Context, in *struct{ Body ExportRun }) (ExportReply, error) {
	out := ExportReply{Target: in.Body.Target, Differences: []export.Difference{}, Schemas: []ExportSchema{}}
	e, err := s.bench.Preview(ctx, in.Body.Rule, in.Body.Target, export.Settings{Values: in.Body.Set, Transformed: in.Body.Transformed})
	if errors.As(err, &out.Refusal) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.File, out.Text, out.Document = e.File, string(e.Data), string(e.Document())
	out.Differences = append(out.Differences, e.Differences[0]...)
	for _, f := range e.Schemas {
		out.Schemas = append(out.Schemas, ExportSchema{f.Name, string(f.Data)})
	}
	return out, nil
}

// ParityRun says what is replayed.
type ParityRun struct {
	Rule   string     `json:"rule" doc:"Its name, or its file."`
	Target string     `json:"target"`
	From   *time.Time `json:"from,omitempty"`
	To     *time.Time `json:"to,omitempty"`
}

func (s *Server) ruleParity(ctx context.Context, in *struct{ Body ParityRun }) (ParityReply, error) {
	p, err := s.bench.Parity(ctx, in.Body.Rule, in.Body.Target, workbench.ParityOptions{From: instantOf(in.Body.From), To: instantOf(in.Body.To)})
	if err != nil {
		return ParityReply{}, err
	}
	return parityReply(p), nil
}

// HistoryRun is a history of the copy of a rule.
type HistoryRun struct {
	Rule    string `json:"rule" doc:"Its name, or its file."`
	History string `json:"history" doc:"The JSON of Prometheus' query_range for ALERTS, or of DescribeAlarmHistory."`
}

func (s *Server) ruleHistory(ctx context.Context, in *struct{ Body HistoryRun }) (ParityReply, error) {
	c, err := s.bench.CompareHistory(ctx, in.Body.Rule, []byte(in.Body.History), time.Time{}, time.Time{})
	if err != nil {
		return ParityReply{}, err
	}
	return parityReply(&c.Parity), nil
}

func instantOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func parityReply(p *workbench.Parity) ParityReply {
	out := ParityReply{From: p.From, To: p.To, Windows: p.Windows, Agree: p.Agree, Differ: []ParityPoint{}, Ours: stays(p.Ours), Theirs: stays(p.Theirs)}
	for _, d := range p.Differ {
		out.Differ = append(out.Differ, ParityPoint{d.At, anyValues(d.Key), d.Ours, d.Theirs, d.Why})
	}
	return out
}

func stays(list []workbench.Stay) []ParityStay {
	out := make([]ParityStay, len(list))
	for i, s := range list {
		out[i] = ParityStay{anyValues(s.Key), s.Start, s.End}
	}
	return out
}
