package workbench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/notebook"
	"tidemark.dev/tidemark/engine/rule"
	"tidemark.dev/tidemark/engine/store"
)

const (
	// runbooksEvery is how often new runs are looked for.
	runbooksEvery = time.Second
	// maxWaiting bounds how many runs of one notebook alarms may queue.
	maxWaiting = 20
	// maxBegun is how often a cell is begun before it is held to be what ends
	// the program.
	maxBegun = 5
	// lastRunbooks is how long a tail that ends waits for what runs.
	lastRunbooks = 2 * time.Minute
	// maxStep bounds what is kept of one cell.
	maxStep = 4 << 20
)

// runbooks are run one after the other.
type runbooks struct {
	mu  sync.Mutex
	due atomic.Bool
}

// runbooksOf are what alarms start. Those that were found while catching up
// start none: what they would look at is long past.
func (b *Workbench) runbooksOf(ctx context.Context, changes []engine.IncidentChange) (out []engine.Runbook, err error) {
	var specs map[string]rule.Spec
	waiting := map[string]int{}
	for _, c := range changes {
		if c.Kind != engine.IncidentFired || c.Past {
			continue
		}
		if specs == nil {
			specs = b.specs()
			todo, err := b.Store.RunbooksToDo(ctx)
			if err != nil {
				return nil, err
			}
			for _, r := range todo {
				waiting[r.File]++
			}
		}
		file := specs[c.Rule].Runbook.Value
		if file == "" {
			continue
		}
		r := b.runbookFor(c.Incident, file)
		r.To = c.Start // until it begins, which looks how far things have come
		if waiting[file]++; waiting[file] > maxWaiting {
			r.Error = fmt.Sprintf("%d runs of it wait already; tidemark incidents runbook %s runs it", maxWaiting, c.ID)
		}
		out = append(out, r)
	}
	return out, nil
}

// runbookFor is the notebook as its file says it now, for an incident.
func (b *Workbench) runbookFor(i engine.Incident, file string) engine.Runbook {
	r := engine.Runbook{Incident: i.ID, File: file, Params: runbookParams(i)}
	text, err := b.readRunbook(file)
	if err != nil {
		r.Error = err.Error()
	}
	r.Text = string(text)
	return r
}

func (b *Workbench) readRunbook(file string) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(file)) {
		return nil, engine.Errorf(engine.Invalid, "", "%s is not in the workspace", file)
	}
	text, err := os.ReadFile(b.Workspace.Path(file))
	if err != nil {
		return nil, engine.Errorf(engine.NotFound, "", "%s cannot be read", file)
	}
	return text, nil
}

// runbookParams are what a notebook may take of an incident by declaring a
// parameter of the name: its labels, the values of its group, and what it is.
func runbookParams(i engine.Incident) map[string]string {
	out := map[string]string{}
	for k, v := range i.Labels {
		out[k] = v
	}
	var group map[string]any
	if json.Unmarshal([]byte(i.Key), &group) == nil {
		for k, v := range group {
			out[k], out[k[strings.LastIndexByte(k, '.')+1:]] = fmt.Sprint(v), fmt.Sprint(v)
		}
	}
	out["rule"], out["incident"], out["severity"], out["start"] = i.Rule, i.ID, i.Severity, i.Start.UTC().Format(time.RFC3339Nano)
	if i.End != nil {
		out["end"] = i.End.UTC().Format(time.RFC3339Nano)
	}
	return out
}

// RunRunbooks runs what alarms have started until ctx ends. What is not done
// then goes on with the next one who runs them.
func (b *Workbench) RunRunbooks(ctx context.Context) {
	b.runbooks.due.Store(true)
	tick := time.NewTicker(runbooksEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if b.runbooks.due.Swap(false) {
			b.runDueRunbooks(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// finishRunbooks runs what is left to its end, unless somebody wants to leave.
func (b *Workbench) finishRunbooks(ctx context.Context) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRunbooks)
	defer cancel()
	b.runDueRunbooks(last)
}

func (b *Workbench) runDueRunbooks(ctx context.Context) {
	if !b.Current().Trusted {
		return
	}
	b.runbooks.mu.Lock()
	defer b.runbooks.mu.Unlock()
	for ctx.Err() == nil {
		todo, err := b.Store.RunbooksToDo(ctx)
		if err == nil && len(todo) == 0 {
			return
		}
		if err == nil {
			err = b.runRunbook(ctx, todo[0])
		}
		if err != nil {
			if ctx.Err() == nil {
				slog.Error("a runbook could not be run", "error", err)
			}
			return
		}
	}
}

// runRunbook runs a notebook from where it is to its end, and keeps each cell
// when it is done. An error is one of keeping; how the run ended is kept, too.
func (b *Workbench) runRunbook(ctx context.Context, r store.Runbook) error {
	defer b.changed(incidentsTable)
	if r.State == "pending" {
		if err := b.aimRunbook(ctx, &r); err != nil {
			return err
		}
	}
	steps, err := b.runbookSteps(ctx, r)
	if err != nil {
		return b.endRunbook(ctx, r, nil, err)
	}
	for steps.More() {
		if cells := steps.Result().Cells; len(cells) > 0 && cells[len(cells)-1].Error != "" {
			break
		}
		if err := b.runStep(ctx, r, steps); err != nil {
			return err
		}
		b.changed(incidentsTable)
	}
	return b.endRunbook(ctx, r, steps, nil)
}

// aimRunbook makes a run that begins look at its incident as that is now: it
// may have waited, and the alarm have ended meanwhile.
func (b *Workbench) aimRunbook(ctx context.Context, r *store.Runbook) error {
	i, err := b.Store.FindIncident(ctx, r.Incident)
	if engine.KindOf(err) == engine.NotFound {
		return nil // it looks at what it was started for
	}
	if err != nil {
		return err
	}
	if r.To, err = b.lookTo(ctx, i); err != nil {
		return err
	}
	r.Params = runbookParams(asIncident(i))
	return b.Store.AimRunbook(ctx, *r)
}

// lookTo is what $to is for an incident: its end, or while it lasts how far
// the records of its dataset tell.
func (b *Workbench) lookTo(ctx context.Context, i store.IncidentRow) (time.Time, error) {
	if i.End != nil {
		return *i.End, nil
	}
	to, _, err := b.Store.Watermark(ctx, i.Dataset)
	if err == nil && !b.Store.Attached(i.Dataset) {
		var newest time.Time
		if newest, err = b.Store.NewestEvent(ctx, i.Dataset); newest.After(to) {
			to = newest
		}
	}
	if to.Before(i.Start) {
		to = i.Start
	}
	return to, err
}

// runStep runs the next cell and keeps what it gave.
func (b *Workbench) runStep(ctx context.Context, r store.Runbook, steps *notebook.Steps) error {
	n, at := steps.Result().Notebook, len(steps.Result().Cells)
	begun, err := b.Store.BeginStep(ctx, r.ID, len(n.Cells))
	if err != nil {
		return err
	}
	started := b.clock.Now()
	var result notebook.CellResult
	if begun > maxBegun {
		result = notebook.CellResult{Kind: n.Cells[at].Kind, Name: n.Cells[at].Name, Line: n.Cells[at].Line, Text: n.Cells[at].Text}
		result.Error = fmt.Sprintf("%s:%d: the program ended %d times while this cell ran", r.File, result.Line, maxBegun)
		err = steps.GoOn([]notebook.CellResult{result})
	} else {
		result, _ = steps.Next(ctx) // the result says what went wrong
	}
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), b.Store.LeaveStep(context.WithoutCancel(ctx), r.ID))
	}
	if err != nil {
		return err
	}
	text, err := keptStep(r.File, &result)
	if err != nil {
		return err
	}
	steps.Result().Cells[at] = result
	return b.Store.SaveStep(ctx, r.ID, at, text, b.clock.Now().Sub(started), b.clock.Now())
}

// keptStep writes a cell's result as it is kept; one that is too large to keep
// is a cell that failed.
func keptStep(file string, r *notebook.CellResult) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil || len(text) <= maxStep {
		return text, err
	}
	r.Table = nil
	r.Error = fmt.Sprintf("%s:%d: its rows take %d bytes, and a report keeps %d of a cell: select fewer", file, r.Line, len(text), maxStep)
	return json.Marshal(r)
}

// runbookSteps is a run where it is.
func (b *Workbench) runbookSteps(ctx context.Context, r store.Runbook) (*notebook.Steps, error) {
	n, problems := ParseNotebook(r.File, []byte(r.Text))
	if len(problems) > 0 {
		return nil, problems[0]
	}
	opt, err := b.runbookOptions(n, r)
	if err != nil {
		return nil, err
	}
	steps, err := notebook.Begin(n, notebookHost{b}, opt)
	if err != nil {
		return nil, err
	}
	kept, err := b.Store.RunbookSteps(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	done := make([]notebook.CellResult, len(kept))
	for i, text := range kept {
		if err := json.Unmarshal(text, &done[i]); err != nil {
			return nil, err
		}
	}
	return steps, steps.GoOn(done)
}

// runbookOptions make a notebook look at an incident: from as long before its
// start as the notebook's time says.
func (b *Workbench) runbookOptions(n *notebook.Notebook, r store.Runbook) (notebook.Options, error) {
	opt := notebook.Options{Findings: true, Params: map[string]string{}, To: r.To, Now: r.CreatedAt}
	length, err := n.Length()
	if err != nil {
		return opt, err
	}
	opt.From = r.To.Add(-length)
	if start, err := time.Parse(time.RFC3339Nano, r.Params["start"]); err == nil && start.Before(r.To) {
		opt.From = start.Add(-length)
	}
	for _, p := range n.Params {
		if v, ok := r.Params[p.Name]; ok {
			opt.Params[p.Name] = v
		}
	}
	return opt, nil
}

// endRunbook says how a run ended: by itself, at a cell, or before any.
func (b *Workbench) endRunbook(ctx context.Context, r store.Runbook, steps *notebook.Steps, problem error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	why, said := "", r.File+" ran: "
	if problem != nil {
		why = problem.Error()
	} else {
		said += steps.Result().Findings()
		if cells := steps.Result().Cells; len(cells) > 0 {
			why = cells[len(cells)-1].Error
		}
	}
	if why != "" {
		said = r.File + " failed: " + why
	}
	return b.Store.EndRunbook(ctx, r, why, said, b.clock.Now())
}
