package workbench

import (
	"context"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

// RunRunbook runs a rule's runbook for an incident, now and to its end.
func (b *Workbench) RunRunbook(ctx context.Context, id, who string) (RunbookReport, error) {
	i, err := b.Store.FindIncident(ctx, id)
	if err != nil {
		return RunbookReport{}, err
	}
	r, err := b.runbookAgain(ctx, i, who)
	if err != nil {
		return RunbookReport{}, err
	}
	run, err := b.Store.AddRunbook(ctx, r, b.clock.Now())
	if err != nil {
		return RunbookReport{}, err
	}
	b.runDueRunbooks(ctx)
	if ctx.Err() != nil {
		return RunbookReport{}, ctx.Err()
	}
	return b.Report(ctx, i.ID, run)
}

// StartRunbook is RunRunbook for who does not wait for it.
func (b *Workbench) StartRunbook(ctx context.Context, id, who string) (IncidentDetail, error) {
	i, err := b.Store.FindIncident(ctx, id)
	if err != nil {
		return IncidentDetail{}, err
	}
	r, err := b.runbookAgain(ctx, i, who)
	if err != nil {
		return IncidentDetail{}, err
	}
	if _, err := b.Store.AddRunbook(ctx, r, b.clock.Now()); err != nil {
		return IncidentDetail{}, err
	}
	b.runbooks.due.Store(true)
	b.changed(incidentsTable)
	return b.Incident(ctx, i.ID)
}

// runbookAgain looks at an incident from where it stands now.
func (b *Workbench) runbookAgain(ctx context.Context, i store.IncidentRow, who string) (engine.Runbook, error) {
	spec := b.specs()[i.Rule]
	if spec.Runbook.Value == "" {
		return engine.Runbook{}, noRunbook(i.Rule)
	}
	if !b.Current().Trusted {
		return engine.Runbook{}, engine.Errorf(engine.Invalid, "run a runbook", "the workspace is not trusted").WithHint("run tidemark trust")
	}
	r := b.runbookFor(asIncident(i), spec.Runbook.Value)
	r.Who = who
	var err error
	r.To, err = b.lookTo(ctx, i)
	return r, err
}

func asIncident(i store.IncidentRow) engine.Incident {
	return engine.Incident{ID: i.ID, Rule: i.Rule, Key: jsonOf(i.Key), Start: i.Start, End: i.End, Severity: i.Severity, Labels: i.Labels}
}

func noRunbook(name string) error {
	return engine.Errorf(engine.Invalid, "run a runbook", "rule %s names no runbook", name).WithHint("write runbook: notebooks/NAME.md into it")
}

// EpisodeReport runs a rule's runbook on what was, and gives its report. An
// incident that it lies in gets the report; an episode that only a backtest
// knows has nothing to attach it to.
func (b *Workbench) EpisodeReport(ctx context.Context, name string, at time.Time, group, who string) (RunbookReport, error) {
	f := store.IncidentFilter{Rule: name, From: at, Limit: 1000}
	if !at.IsZero() {
		f.To = at.Add(time.Microsecond)
	}
	list, err := b.Store.Incidents(ctx, f)
	if err != nil {
		return RunbookReport{}, err
	}
	var fits []store.IncidentRow
	for _, i := range list {
		if group == "" || anyText(i.Key) == group {
			fits = append(fits, i)
		}
	}
	if len(fits) > 1 && !at.IsZero() {
		return RunbookReport{}, ambiguous(name, at, anyText(fits[0].Key), anyText(fits[1].Key))
	}
	if len(fits) > 0 {
		return b.RunRunbook(ctx, fits[0].ID, who)
	}
	return b.backtestReport(ctx, name, at, group)
}

func ambiguous(name string, at time.Time, one, other string) error {
	return engine.Errorf(engine.Invalid, "run a runbook", "%s was in alarm for several groups at %s", name, at.UTC().Format(time.RFC3339)).
		WithHint("choose one: --key '%s', --key '%s'", one, other)
}

// backtestReport finds the episode by a backtest, and keeps nothing.
func (b *Workbench) backtestReport(ctx context.Context, name string, at time.Time, group string) (RunbookReport, error) {
	report, compiled, err := b.Backtest(ctx, name, rule.BacktestOptions{})
	if err != nil {
		return RunbookReport{}, err
	}
	if compiled.Spec.Runbook.Value == "" {
		return RunbookReport{}, noRunbook(name)
	}
	var found *store.IncidentRow
	for _, e := range report.Episodes {
		if !at.IsZero() && (at.Before(e.Start) || e.End != nil && !at.Before(*e.End)) || group != "" && pairs(e.Key) != group {
			continue
		}
		if found != nil && !at.IsZero() {
			return RunbookReport{}, ambiguous(name, at, anyText(found.Key), pairs(e.Key))
		}
		found = &store.IncidentRow{Rule: compiled.Name, Dataset: compiled.Plan.Dataset, Start: e.Start, End: e.End, Severity: compiled.Spec.Severity.Value, Labels: compiled.Spec.Labels, Key: map[string]any{}}
		for k, v := range e.Key {
			found.Key[k] = v.String()
		}
	}
	if found == nil {
		return RunbookReport{}, engine.Errorf(engine.NotFound, "run a runbook", "%s was not in alarm then", name).WithHint("tidemark rules backtest %s lists when it was", name)
	}
	return b.unkeptReport(ctx, *found)
}

func (b *Workbench) unkeptReport(ctx context.Context, i store.IncidentRow) (RunbookReport, error) {
	again, err := b.runbookAgain(ctx, i, "")
	if err != nil {
		return RunbookReport{}, err
	}
	if again.Error != "" {
		return RunbookReport{}, engine.Errorf(engine.NotFound, "run a runbook", "%s", again.Error)
	}
	r := store.Runbook{File: again.File, Text: again.Text, Params: again.Params, To: again.To, CreatedAt: b.clock.Now(), State: "done"}
	n, problems := ParseNotebook(r.File, []byte(r.Text))
	if len(problems) > 0 {
		return RunbookReport{}, problems[0]
	}
	opt, err := b.runbookOptions(n, r)
	if err != nil {
		return RunbookReport{}, err
	}
	result, err := notebook.Run(ctx, n, notebookHost{b}, opt)
	if err != nil {
		return RunbookReport{}, err
	}
	r.Cells, r.Steps = len(n.Cells), len(result.Cells)
	front := notebook.CellResult{Kind: notebook.Markdown, Text: strings.Replace(reportFront(i, r), "Incident : ", "", 1)}
	result.Cells = append([]notebook.CellResult{front}, result.Cells...)
	return RunbookReport{Runbook: r, HTML: string(notebook.HTML(result)), Markdown: string(notebook.MarkdownOf(result))}, nil
}
