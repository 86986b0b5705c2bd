package rule

import (
	"runtime"
	"slices"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/plan"
)

// assembly takes windows that come by the column. What becomes of them out of
// what DuckDB computed, which is most of the work, is found on all processors
// while DuckDB makes the next ones; they are evaluated in their order.
type assembly struct {
	evaluation *evaluation
	// pieces of windows are free, or they are to be finished and wait for their
	// turn. All of them have room in each.
	free, finish, turn chan *piece
	// failed is closed when err is set, which ends the evaluation; ended is
	// closed after the last window.
	failed, ended chan struct{}
	err           error
}

// piece is some windows that came together.
type piece struct {
	columns  []engine.Column
	rows     int
	finisher *plan.Finisher
	windows  []scanned
	finished chan struct{}
}

// assemble begins; whoever calls it must call wait.
func (e *evaluation) assemble() *assembly {
	workers := runtime.GOMAXPROCS(0)
	pieces := 2*workers + 1
	a := &assembly{
		evaluation: e,
		free:       make(chan *piece, pieces), finish: make(chan *piece, pieces), turn: make(chan *piece, pieces),
		failed: make(chan struct{}), ended: make(chan struct{}),
	}
	for range pieces {
		a.free <- &piece{finisher: e.rule.Plan.NewFinisher().Lend(), finished: make(chan struct{}, 1)}
	}
	for range workers {
		go func() {
			for p := range a.finish {
				e.windows(p)
				p.finished <- struct{}{}
			}
		}()
	}
	go a.evaluate()
	return a
}

// take hands on the windows of some columns.
func (a *assembly) take(columns []engine.Column, rows int) error {
	select {
	case <-a.failed:
		return a.err
	case p := <-a.free:
		p.columns, p.rows = append(p.columns, make([]engine.Column, len(columns)-len(p.columns))...), rows
		for i := range columns {
			p.columns[i], columns[i] = columns[i], p.columns[i]
		}
		a.turn <- p
		a.finish <- p
	}
	return nil
}

// windows finishes those of a piece.
func (e *evaluation) windows(p *piece) {
	p.finisher.Again()
	p.windows = slices.Grow(p.windows[:0], p.rows)[:p.rows]
	simple := e.simple()
	for i := range p.windows {
		w := &p.windows[i]
		if simple {
			w.row, w.overflow = p.finisher.Read(p.columns, i)
			w.span = e.numbered(w.row.Window)
		} else {
			w.span, w.row, w.overflow = p.finisher.ReadPane(p.columns, i)
		}
	}
}

func (a *assembly) evaluate() {
	defer close(a.ended)
	for p := range a.turn {
		<-p.finished
		for i := range p.windows {
			if a.err != nil {
				break
			}
			if a.err = a.evaluation.next(&p.windows[i]); a.err != nil {
				close(a.failed)
			}
		}
		a.free <- p
	}
}

// wait ends when all that was taken is evaluated, and tells how that ended.
func (a *assembly) wait() error {
	close(a.finish)
	close(a.turn)
	<-a.ended
	return a.err
}
