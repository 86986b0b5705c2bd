package window

import (
	"context"

	"tidemark.dev/tidemark/engine/plan"
)

// firing is a pane whose values are not computed yet.
type firing struct {
	pane Pane
	cell plan.Cell
}

// show fires a pane of a window; fire computes it.
func (p *Panes) show(o *open, timing Timing) {
	pane := Pane{Window: o.span, Timing: timing, Index: o.index, Final: !p.at.Before(p.config.closes(o.span.End))}
	cell := o.whole(p.seq)
	switch p.config.Accumulation {
	case Discarding:
		cell = o.fresh(p.seq)
	case Retracting:
		for _, s := range o.standing {
			old := pane
			old.Window, old.Index, old.Retraction, old.Final = s.Span, s.Index, true, false
			s.Cell.Keys = o.keys
			p.firing = append(p.firing, firing{old, s.Cell})
		}
	}
	p.except(o, &cell)
	if p.config.Accumulation == Retracting {
		kept := cell
		kept.Keys = nil // they are the window's
		o.standing = []standing{{o.span, o.index, kept}}
	}
	p.firing = append(p.firing, firing{pane, cell})
	o.index++
	o.mark(p.seq, p.session())
}

// except leaves out the rows that the session must not count.
func (p *Panes) except(o *open, cell *plan.Cell) {
	for _, l := range p.lost {
		if l.Group == o.group && l.Span.Start.Before(o.span.End) && o.span.Start.Before(l.Span.End) {
			cell.Except = append(cell.Except, plan.Piece{Span: l.Span, After: l.After})
			cell.ExceptUpTo = append(cell.ExceptUpTo, l.UpTo)
		}
	}
}

// cellsAtOnce bounds the work of one query.
const cellsAtOnce = 500

// fire computes the panes that were shown, in their order.
func (p *Panes) fire(ctx context.Context) ([]Pane, error) {
	firing := p.firing
	p.firing = nil
	var panes []Pane
	for len(firing) > 0 {
		chunk := firing[:min(cellsAtOnce, len(firing))]
		firing = firing[len(chunk):]
		cells := make([]plan.Cell, len(chunk))
		for i, f := range chunk {
			cells[i] = f.cell
		}
		rows, err := p.records.Cells(ctx, cells)
		if err != nil {
			return nil, err
		}
		for i, f := range chunk {
			f.pane.Row = rows[i]
			panes = append(panes, f.pane)
		}
	}
	return panes, nil
}
