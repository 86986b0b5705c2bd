package workbench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/export"
	"tidemark.dev/tidemark/engine/plan"
	"tidemark.dev/tidemark/engine/rule"
)

// Exported is an artefact and what there is to say about it.
type Exported struct {
	*export.Artefact
	Rules []export.Rule
	// Schemas are those of the datasets, for targets that read the records
	// themselves.
	Schemas []SchemaFile
	// LeftOut are the rules of the workspace whose datasets have no data yet.
	LeftOut []string
}

// SchemaFile is the schema of a dataset in one of its forms.
type SchemaFile struct {
	Name string
	Data []byte
}

// exportedSchemas are the forms that go with an artefact: a table of Glue, and
// what those who write or read records are held to.
var exportedSchemas = []struct{ format, suffix string }{
	{"glue", ".glue.json"}, {"jsonschema", ".schema.json"}, {"avro", ".avsc"},
}

// schemas are those of the rules' datasets.
func (b *Workbench) schemas(rules []export.Rule) (list []SchemaFile, err error) {
	seen := map[string]bool{}
	for _, r := range rules {
		name := r.Plan.Dataset
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, form := range exportedSchemas {
			data, err := b.RenderSchema(name, form.format)
			if err != nil {
				return nil, err
			}
			list = append(list, SchemaFile{name + form.suffix, data})
		}
	}
	return list, nil
}

// Document is the artefact's PARITY.md.
func (e *Exported) Document() []byte { return export.Document(e.Artefact, e.Rules) }

// Export writes rules, named by themselves or by their files, for a target;
// without names, all rules of the workspace. The copies that are quickly replayed
// are replayed; with opt, any that can be.
func (b *Workbench) Export(ctx context.Context, names []string, target string, set export.Settings, opt *ParityOptions) (*Exported, error) {
	e, err := b.export(ctx, names, target, set)
	slow := target == "connect" || target == "flink"
	if err != nil || opt == nil && (slow || !slices.Contains(ParityTargets, target)) {
		return e, err
	}
	if opt == nil {
		opt = &ParityOptions{}
	}
	for i := range e.Rules {
		if w := e.Rules[i].Plan.Window; w.Kind != plan.Tumbling || w.Zone != nil {
			continue // see Parity
		}
		p, err := b.Parity(ctx, e.Rules[i].Name, target, *opt)
		if err != nil {
			return nil, err
		}
		e.Rules[i].Replay = p.String()
	}
	return e, nil
}

// Preview writes one rule, without replaying the copy.
func (b *Workbench) Preview(ctx context.Context, name, target string, set export.Settings) (*Exported, error) {
	return b.export(ctx, []string{name}, target, set)
}

// export writes rules without replaying them.
func (b *Workbench) export(ctx context.Context, names []string, target string, set export.Settings) (*Exported, error) {
	// A target that is not there is wrong whatever the rules are.
	if err := export.Known(target); err != nil {
		return nil, err
	}
	var leftOut []string
	if len(names) == 0 {
		names, leftOut = b.rulesWithData()
	}
	if len(names) == 0 {
		return nil, engine.Errorf(engine.NotFound, "export", "there are no rules").WithHint("write one into rules/")
	}
	var rules []export.Rule
	var problems []error
	for _, name := range names {
		r, err := b.exportable(ctx, name)
		rules, problems = append(rules, r), append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	artefact, err := export.Write(target, rules, set)
	if err != nil {
		return nil, err
	}
	e := &Exported{Artefact: artefact, Rules: rules, LeftOut: leftOut}
	if target == "connect" || target == "flink" {
		e.Schemas, err = b.schemas(rules)
	}
	return e, err
}

// rulesWithData are the files of all rules, without those whose datasets have
// no data yet; when none has any, all of them.
func (b *Workbench) rulesWithData() (files, without []string) {
	for _, f := range b.Current().Rules {
		_, spec, err := b.compile(f)
		if errors.Is(err, errNoData) {
			without = append(without, spec.Rule.Value)
			continue
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return b.Current().Rules, nil
	}
	return files, without
}

// exportable reads a rule as exporters take it.
func (b *Workbench) exportable(ctx context.Context, name string) (export.Rule, error) {
	choice := RuleChoice{Name: name}
	if file := b.relative(name); slices.Contains(b.Current().Rules, file) {
		choice = RuleChoice{File: file}
	}
	file, line, text, err := b.source(choice)
	if err != nil {
		return export.Rule{}, err
	}
	r, err := b.compileText(file, line, text)
	if err != nil {
		return export.Rule{}, err
	}
	out := exportRule(r, text)
	if out.Source, err = b.exportSource(ctx, r.Plan.Dataset); err != nil {
		return out, err
	}
	out.Groups, err = b.groups(ctx, r.Plan)
	return out, err
}

func exportRule(r *rule.Rule, text []byte) export.Rule {
	sum := sha256.Sum256(text)
	out := export.Rule{
		Name: r.Name, Hash: hex.EncodeToString(sum[:6]), When: r.Spec.When.Value, Recover: r.Spec.RecoverWhen.Value,
		Severity: r.Spec.Severity.Value, Labels: r.Spec.Labels, Runbook: r.Spec.Runbook.Value, Plan: r.Plan,
		Datapoints: r.Alarm.Datapoints, Of: r.Alarm.Of, Missing: export.Missing(r.Alarm.Missing),
	}
	out.Expects = r.Spec.Expect != nil
	r.Summary.Each(func(text string, e plan.Expr, percent bool) {
		out.Summary = append(out.Summary, export.Phrase{Text: text, Expr: e, Percent: percent})
	})
	return out
}

// groups lists the groups that a plan has records of, in their order.
func (b *Workbench) groups(ctx context.Context, p *plan.Plan) (groups [][]plan.Value, err error) {
	if len(p.Keys) == 0 {
		return nil, nil
	}
	// Years do for windows: what differs between them is left out below.
	seen := &plan.Plan{Dataset: p.Dataset, Where: p.Where, Keys: p.Keys, Window: plan.Window{Size: 366 * 24 * time.Hour}}
	relation, err := b.Store.Relation(p.Dataset, seen.Columns())
	if err != nil {
		return nil, err
	}
	query, err := seen.Query(relation, plan.Range{From: time.Unix(0, 0).UTC()})
	if err != nil {
		return nil, err
	}
	rows, err := b.Store.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	finisher := seen.NewFinisher()
	for rows.Next() {
		row, _, err := finisher.Scan(rows)
		if err != nil {
			return nil, err
		}
		if n := len(groups); n == 0 || !slices.EqualFunc(groups[n-1], row.Keys, plan.Value.Equal) {
			groups = append(groups, row.Keys)
		}
	}
	return groups, rows.Err()
}
