package workbench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/store"
)

// RunbookReport is what a runbook found for an incident, as far as it has run.
type RunbookReport struct {
	store.Runbook
	HTML     string `json:"html" doc:"A page that needs nothing else; show it in a frame without rights."`
	Markdown string `json:"markdown"`
}

// Report is the report of an incident's run, or of the newest with 0.
func (b *Workbench) Report(ctx context.Context, id string, run int64) (RunbookReport, error) {
	i, err := b.Store.FindIncident(ctx, id)
	if err != nil {
		return RunbookReport{}, err
	}
	runs, err := b.Store.Runbooks(ctx, i.ID)
	if err != nil {
		return RunbookReport{}, err
	}
	for _, r := range runs {
		if run == 0 || r.ID == run {
			return b.report(ctx, i, r)
		}
	}
	return RunbookReport{}, engine.Errorf(engine.NotFound, "show a report", "no runbook has run for incident %s", i.ID).
		WithHint("tidemark incidents runbook %s runs that of its rule", i.ID)
}

func (b *Workbench) report(ctx context.Context, i store.IncidentRow, r store.Runbook) (RunbookReport, error) {
	out := RunbookReport{Runbook: r}
	result := &notebook.Result{Title: r.File, File: r.File, To: r.To, From: r.To}
	if steps, err := b.runbookSteps(ctx, r); err == nil {
		result = steps.Result()
	}
	front := notebook.CellResult{Kind: notebook.Markdown, Text: reportFront(i, r)}
	result.Cells = append([]notebook.CellResult{front}, result.Cells...)
	out.HTML, out.Markdown = string(notebook.HTML(result)), string(notebook.MarkdownOf(result))
	return out, ctx.Err()
}

// reportFront says what a report is about, and how far the run came.
func reportFront(i store.IncidentRow, r store.Runbook) string {
	state := map[string]string{"done": "It ran to its end.", "pending": "It has not begun.", "running": fmt.Sprintf("It is running: %d of %d cells are done.", r.Steps, r.Cells)}[r.State]
	if r.State == "failed" {
		state = "It failed: " + literal(r.Error)
	}
	what := literal(i.Rule)
	if group := anyText(i.Key); group != "" {
		what += " (" + literal(group) + ")"
	}
	lasted := "since " + i.Start.Format(time.RFC3339)
	if i.End != nil {
		lasted = i.Start.Format(time.RFC3339) + " to " + i.End.Format(time.RFC3339)
	}
	lines := []string{"Incident " + i.ID + ": " + what + ", " + lasted + "."}
	if i.Summary != "" {
		lines = append(lines, literal(i.Summary))
	}
	return strings.Join(append(lines, state), "\n\n")
}

// literal keeps a text from being taken for Markdown.
func literal(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_[]<>#|~&", r) {
			b.WriteByte('\\')
		}
		if r == '\n' || r == '\r' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
