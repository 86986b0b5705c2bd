package workbench

import (
	"context"
	"errors"
	"fmt"

	"tidemark.dev/tidemark/engine"
)

// takeGroups orders the next n row groups, in the order of the listing.
func (b *Workbench) takeGroups(o *order, n int) error {
	for n > 0 && len(o.lots) > 0 {
		l := o.lots[0]
		now := l.groups[:min(n, len(l.groups))]
		if err := b.orderGroups(o, l, now); err != nil {
			return err
		}
		n -= len(now)
		if l.groups = l.groups[len(now):]; len(l.groups) == 0 {
			o.lots = o.lots[1:]
		}
	}
	return nil
}

// takeRows orders as many row groups as hold so many rows.
func (b *Workbench) takeRows(o *order, rows int64) error {
	n := 0
	for _, l := range o.lots {
		for _, g := range l.groups {
			if rows <= 0 {
				return b.takeGroups(o, n)
			}
			rows -= l.footer.Groups[g].Rows
			n++
		}
	}
	return b.takeGroups(o, n)
}

// orderGroups orders some row groups of an object.
func (b *Workbench) orderGroups(o *order, l *lot, groups []int) error {
	cuts, err := l.footer.Cuts(l.leaves, groups)
	if err != nil {
		return err
	}
	if !l.begun {
		o.use.ObjectsRead++
		l.begun = true
	}
	o.use.RowGroupsRead += int64(len(groups))
	for _, c := range cuts {
		one := &orderedCut{lot: l, cut: c}
		o.cuts = append(o.cuts, one)
		for _, p := range c.Pieces {
			o.use.BytesNeeded += p.Length
		}
		bytes, requests := b.away(one)
		o.use.BytesEstimated += bytes
		o.use.Requests += requests
	}
	return nil
}

// away is what of a cut is to be fetched over the network.
func (b *Workbench) away(c *orderedCut) (bytes, requests int64) {
	for _, r := range b.ranges(c) {
		if c.source.place != "" && !b.cached(c, r) {
			bytes += r.Length
			requests++
		}
	}
	return bytes, requests
}

// most estimates what all of an order would bring.
func (b *Workbench) most(o *order) error {
	o.use.BytesMost = o.use.BytesEstimated
	for _, l := range o.lots {
		cuts, err := l.footer.Cuts(l.leaves, l.groups)
		if err != nil {
			return err
		}
		for _, c := range cuts {
			bytes, _ := b.away(&orderedCut{lot: l, cut: c})
			o.use.BytesMost += bytes
		}
	}
	return nil
}

// widen delivers more of an order, until the query has all the rows that it
// wants or there is no more.
func (b *Workbench) widen(ctx context.Context, o *order, has enough) error {
	for len(o.lots) > 0 {
		if done, err := has(ctx, o.table()); done || err != nil {
			return err
		}
		if err := b.step(o); err != nil {
			o.report(ctx)
			return err
		}
		if err := b.deliver(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// step orders as many row groups again as there are, so that looking at them
// all each time costs no more than twice as much as looking once. What is over
// the budget is halved, down to one.
func (b *Workbench) step(o *order) error {
	for n := max(int(o.use.RowGroupsRead), 1); ; n /= 2 {
		undo := o.mark()
		if err := b.takeGroups(o, n); err != nil {
			return err
		}
		err := b.afford([]*order{o})
		if err == nil {
			return nil
		}
		undo()
		var e *engine.Error
		if n == 1 && errors.As(err, &e) {
			e.Err = fmt.Errorf("the rows that its LIMIT asks for are not in the %d of %d row groups read so far: %w", o.use.RowGroupsRead, o.use.RowGroups, e.Err)
		}
		if n == 1 {
			return err
		}
	}
}

// mark remembers how far an order is, and gives the way back.
func (o *order) mark() (undo func()) {
	was, lots := *o, make([]lot, len(o.lots))
	for i, l := range o.lots {
		lots[i] = *l
	}
	return func() {
		*o = was
		for i := range lots {
			*o.lots[i] = lots[i]
		}
	}
}
