package plugins

import (
	"context"
	"fmt"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Scalars are the functions that the plugin gives to SQL.
func (p *Plugin) Scalars() []Function {
	var out []Function
	for _, f := range p.manifest.Functions {
		if f.Kind == KindFunction {
			out = append(out, f)
		}
	}
	return out
}

// Values is what a function of SQL made of its rows.
type Values struct {
	Column engine.Column
	// Errors tells by row why there is no value; it is nil when all rows have
	// one.
	Errors map[int]string
}

// Call runs a function of SQL over rows of columns, which are its inputs. A
// batch that breaks it is halved like one of Transform, and the rows that break
// it get an error. An error of Call's own means that ctx ended.
func (p *Plugin) Call(ctx context.Context, name string, in []engine.Column, rows int) (Values, error) {
	n := p.scalar(name)
	if n < 0 {
		return Values{}, engine.Errorf(engine.NotFound, "call "+name, "the plugin %s has no function %s any more", p.name, name)
	}
	started := time.Now()
	out, err := p.run(ctx, n, in, rows)
	if err != nil {
		return Values{}, err
	}
	p.stats.add(rows, len(out.Rejected), time.Since(started))
	v := Values{Column: out.Columns[0]}
	if len(out.Rejected) == 0 {
		return v, nil
	}
	v.Errors = map[int]string{}
	at := make([]int, rows)
	for i := range at {
		at[i] = -1
	}
	for i, src := range out.Src {
		at[src] = i
	}
	for _, x := range out.Rejected {
		at[x.Row], v.Errors[x.Row] = -1, p.blame(name)+x.Reason
	}
	v.Column = pick(&v.Column, at)
	return v, nil
}

// blame begins a message of a function.
func (p *Plugin) blame(function string) string {
	return fmt.Sprintf("%s of the plugin %s@%s: ", function, p.name, p.manifest.Version)
}

func (p *Plugin) scalar(name string) int {
	for i, f := range p.manifest.Functions {
		if f.Kind == KindFunction && f.Name == name {
			return i
		}
	}
	return -1
}
