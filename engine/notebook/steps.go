package notebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Steps runs a notebook a cell at a time, so that what is done can be kept and
// gone on with later. It is used by one goroutine.
type Steps struct{ r *runner }

// Begin prepares a notebook; no cell runs yet.
func Begin(n *Notebook, host Host, opt Options) (*Steps, error) {
	r := &runner{n: n, host: host, opt: opt, named: map[string]Cell{}, tables: map[string]*Table{}, failed: map[string]bool{}}
	r.out = &Result{Notebook: n, Title: n.Title, File: n.File, Cells: []CellResult{}}
	return &Steps{r}, r.prepare(host.Datasets(), opt)
}

// Result is what has run so far.
func (s *Steps) Result() *Result { return s.r.out }

// More reports whether there are cells that have not run.
func (s *Steps) More() bool { return len(s.r.out.Cells) < len(s.r.n.Cells) }

// GoOn takes what the first cells gave when they ran before.
func (s *Steps) GoOn(done []CellResult) error {
	for _, c := range done {
		if !s.More() {
			return engine.Errorf(engine.Conflict, "go on with "+s.r.n.File, "%d cells were done, and it has %d", len(done), len(s.r.n.Cells))
		}
		s.r.remember(s.r.n.Cells[len(s.r.out.Cells)], c)
		s.r.out.Cells = append(s.r.out.Cells, c)
	}
	return nil
}

// Next runs the next cell. Its result is there also with an error.
func (s *Steps) Next(ctx context.Context) (CellResult, error) {
	r, at := s.r, len(s.r.out.Cells)
	c := r.n.Cells[at]
	if r.opt.Progress != nil {
		r.opt.Progress(at+1, len(r.n.Cells), c.Line)
	}
	done := CellResult{Kind: c.Kind, Name: c.Name, Line: c.Line, LeftOut: r.leftOut(c)}
	var err error
	if done.LeftOut == "" {
		done, err = r.cell(ctx, c)
	}
	if err != nil {
		done.Error = err.Error()
	} else {
		r.remember(c, done)
	}
	r.out.Cells = append(r.out.Cells, done)
	return done, err
}

// remember keeps of a cell what those after it may read.
func (r *runner) remember(c Cell, done CellResult) {
	key := strings.ToLower(c.Name)
	if c.Name == "" || c.Kind != SQL && c.Kind != Check || done.LeftOut != "" {
		return
	}
	r.named[key], r.tables[key] = c, done.Table
	r.order = append(r.order, key)
	if c.Kind == Check {
		r.failed[key] = done.Failed
	}
}

// found judges the rows of a check: who only looks, and who branches, goes on.
func (r *runner) found(c Cell, out *CellResult) error {
	out.Failed = len(out.Table.Rows) > 0
	if !out.Failed || r.opt.Findings || r.n.chooses(c) {
		return nil
	}
	err := r.n.fail(c.Line, 1, "the check found "+plural(len(out.Table.Rows), "row"), "a check passes when its query gives no rows")
	var e *engine.Error
	if errors.As(err, &e) {
		e.Kind = engine.Conflict
	}
	return err
}

// Findings says in a few words what the checks found.
func (r *Result) Findings() string {
	passed, failed, names := 0, 0, []string{}
	for _, c := range r.Cells {
		switch {
		case c.Kind != Check || c.LeftOut != "":
		case c.Failed:
			failed++
			names = append(names, cmp.Or(c.Name, fmt.Sprintf("the one on line %d", c.Line)))
		default:
			passed++
		}
	}
	switch {
	case failed > 0:
		return fmt.Sprintf("%s found something (%s), %d passed", plural(failed, "check"), strings.Join(names, ", "), passed)
	case passed > 0:
		return plural(passed, "check") + " passed"
	}
	return "no checks"
}
