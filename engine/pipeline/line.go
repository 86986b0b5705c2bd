package pipeline

import (
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

func (p *puller) setAside(o *objectRun, l line, reason, path, want, got string) {
	p.keepAside(o, l, engine.Quarantined{Reason: reason, Path: path, Want: want, Got: got})
}

func (p *puller) setProblem(o *objectRun, a problem) {
	p.keepAside(o, a.line, engine.Quarantined{Reason: a.reason, Head: a.head, Size: a.size})
}

func (p *puller) keepAside(o *objectRun, l line, q engine.Quarantined) {
	q.Source, q.Position, q.Raw, q.Size = p.opt.Source, p.position(o, l), l.raw, max(q.Size, int64(len(l.raw)))
	if p.opt.Private {
		q.Head, q.Raw, q.Size, q.Hash = "", nil, max(q.Size, int64(len(l.came))), Digest(p.opt.Key, l.came)
	}
	p.batch.quarantine(q)
	o.state.Quarantined++
	p.counts.Quarantined++
}

// conformLine stages one record, sets it aside, or puts it off until the
// batch's new paths have their types.
func (p *puller) conformLine(o *objectRun, l line) error {
	out := p.conform.Conform(l.raw)
	switch {
	case out.More:
		// Several records on one line: the first ends here.
		head, tail := l.raw[:out.Offset], l.raw[out.Offset:]
		if tail = trimSeparators(tail); len(tail) > 0 && tail[0] == '{' {
			p.counts.Read++ // the line was counted once
			if err := p.conformLine(o, line{head, l.row, l.came}); err != nil {
				return err
			}
			return p.conformLine(o, line{tail, l.row, l.came})
		}
		p.setAside(o, l, out.Reason, "", "", fmt.Sprintf("byte %d", out.Offset+1))
		return nil
	case out.Reason != "":
		p.setAside(o, l, out.Reason, "", "", fmt.Sprintf("byte %d", out.Offset+1))
		return nil
	case p.opt.leavesOut(out):
		p.counts.Dropped++
		o.state.Dropped++
		return nil
	case p.opt.Strict && p.begun && (len(out.Conflicts) > 0 || out.Unknown):
		p.setAsideStrict(o, l, out)
		return nil
	case p.opt.Strict && out.Untimed:
		p.setAside(o, l, "the schema is strict and the record has no event time", p.opt.Mapping.EventTime[0].String(), "timestamp", "no time")
		return nil
	case out.Unknown:
		p.batch.putOff(l, o.origin)
		p.storedLine(o, l, out)
		return nil
	}
	p.batch.conflicts(p.opt.Source, o.origin, out.Conflicts)
	p.storedLine(o, l, out)
	return p.batch.append(o.origin, l.row, p.opt.Store, p.conform.AppendValues)
}

func trimSeparators(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == ',' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

func (p *puller) setAsideStrict(o *objectRun, l line, out schema.Outcome) {
	if len(out.Conflicts) > 0 {
		c := out.Conflicts[0]
		p.setAside(o, l, "the schema is strict and a value has another type", c.Path, c.Want, c.Got)
		return
	}
	reason := "the schema is strict and does not have one of its paths"
	if out.Asked.Want != "" {
		reason = "the schema is strict and a value has another type"
	}
	p.setAside(o, l, reason, out.Asked.Path, out.Asked.Want, out.Asked.Got)
}

func (p *puller) storedLine(o *objectRun, l line, out schema.Outcome) {
	if p.keepMoments {
		p.moment(o, l, out)
	}
	var times span
	times.add(out)
	untimed := int64(0)
	if out.Untimed {
		untimed = 1
	}
	p.stored(o, 1, untimed, times)
}

func (p *puller) stored(o *objectRun, rows, untimed int64, times span) {
	o.state.Stored += rows
	p.counts.Records += rows
	p.counts.Untimed += untimed
	if !times.some {
		return
	}
	oldest, newest := time.UnixMicro(times.min).UTC(), time.UnixMicro(times.max).UTC()
	if o.state.MinTime.IsZero() || oldest.Before(o.state.MinTime) {
		o.state.MinTime = oldest
	}
	if newest.After(o.state.MaxTime) {
		o.state.MaxTime = newest
	}
}

// leavesOut reports whether a record lies on the other side of a seam.
func (o *Options) leavesOut(out schema.Outcome) bool {
	if !out.HasTime || o.From.IsZero() && o.Before.IsZero() {
		return false
	}
	return !o.From.IsZero() && out.EventTime < o.From.UnixMicro() || !o.Before.IsZero() && out.EventTime >= o.Before.UnixMicro()
}
