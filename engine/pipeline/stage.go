package pipeline

import (
	"context"
	"fmt"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
)

// line is one record on its way through the transforms.
type line struct {
	raw []byte
	row int64 // its number in the object, from 1
	// came is the record before anything was done to it; only what is private
	// needs it.
	came []byte
}

// stageRunner runs one transform over raw lines: it takes the declared fields
// out as columns and puts what comes back in their place.
type stageRunner struct {
	stage    Stage
	private  bool // a plugin's words may hold values
	extract  *schema.Extractor
	inputs   []StageField
	outputs  []StageField
	outField []int           // of the extractor
	columns  []engine.Column // of the inputs, used again
	whole    []int           // lines that take part, used again
}

func newStageRunner(s Stage, m engine.Mapping) *stageRunner {
	r := &stageRunner{stage: s, inputs: s.Inputs(), outputs: s.Outputs()}
	var fields [][]engine.Path
	index := map[string]int{}
	for _, f := range r.inputs {
		index[f.Path.String()] = len(fields)
		fields = append(fields, m.Raw(f.Path))
	}
	for _, f := range r.outputs {
		i, ok := index[f.Path.String()]
		if !ok {
			i = len(fields)
			index[f.Path.String()] = i
			fields = append(fields, m.Raw(f.Path))
		}
		r.outField = append(r.outField, i)
	}
	r.extract = schema.NewExtractor(fields)
	for _, f := range r.inputs {
		r.columns = append(r.columns, engine.Column{Name: f.Path.String(), Type: f.Type})
	}
	return r
}

// run passes lines through the transform. Lines that are not JSON objects go
// on as they are: the conformer will say why.
func (r *stageRunner) run(ctx context.Context, lines []line, reject func(l line, reason string)) (out []line, dropped int64, err error) {
	columns := r.columns
	for i := range columns {
		c := &columns[i]
		c.Bytes, c.Offsets, c.Ints, c.Floats, c.Null = c.Bytes[:0], c.Offsets[:0], c.Ints[:0], c.Floats[:0], nil
		if c.Type == engine.Varchar || c.Type == engine.JSON {
			c.Offsets = append(c.Offsets, 0)
		}
	}
	whole := r.whole[:0]
	for i, l := range lines {
		if !r.extract.Find(l.raw) {
			continue
		}
		for c := range columns {
			r.extract.Append(&columns[c], c)
		}
		whole = append(whole, i)
	}
	r.whole = whole
	if len(whole) == 0 {
		return lines, 0, nil
	}
	result, err := r.stage.Run(ctx, columns, len(whole))
	if err != nil {
		return nil, 0, fmt.Errorf("transform %s: %w", r.stage.Name(), err)
	}
	rejected := make(map[int]bool, len(result.Rejected))
	for _, x := range result.Rejected {
		rejected[whole[x.Row]] = true
		reject(lines[whole[x.Row]], r.refusal(x.Reason))
	}
	if result.Loose {
		out, dropped = r.loose(lines, result, rejected)
		return out, dropped, nil
	}
	out = make([]line, 0, len(lines))
	next := 0 // of result.Src
	for i, at := 0, 0; i < len(lines); i++ {
		if at >= len(whole) || whole[at] != i {
			out = append(out, lines[i])
			continue
		}
		before := len(out)
		for ; next < len(result.Src) && int(result.Src[next]) == at; next++ {
			if !rejected[i] {
				out = append(out, line{r.rewrite(lines[i].raw, columns, at, result, next), lines[i].row, lines[i].came})
			}
		}
		if len(out) == before && !rejected[i] {
			dropped++
		}
		at++
	}
	return out, dropped, nil
}

// loose takes the records in the order of the result. Those that did not take
// part go first. A piece is committed whole, so that its order is free.
func (r *stageRunner) loose(lines []line, result StageResult, rejected map[int]bool) (out []line, dropped int64) {
	took, came := map[int]bool{}, map[int]bool{}
	for _, i := range r.whole {
		took[i] = true
	}
	for i, l := range lines {
		if !took[i] {
			out = append(out, l)
		}
	}
	for row, at := range result.Src {
		i := r.whole[at]
		if came[i] = true; !rejected[i] {
			out = append(out, line{r.rewrite(lines[i].raw, r.columns, int(at), result, row), lines[i].row, lines[i].came})
		}
	}
	for _, i := range r.whole {
		if !came[i] && !rejected[i] {
			dropped++
		}
	}
	return out, dropped
}

func (r *stageRunner) refusal(why string) string {
	if r.private {
		return fmt.Sprintf("the transform %s could not take it", r.stage.Name())
	}
	return fmt.Sprintf("the transform %s could not take it: %s", r.stage.Name(), why)
}

// rewrite puts an output row's values into its source line; values that did
// not change are left as they are.
func (r *stageRunner) rewrite(raw []byte, in []engine.Column, at int, result StageResult, row int) []byte {
	var changes []schema.Replacement
	for c := range r.outputs {
		column := &result.Columns[c]
		if f := r.outField[c]; f < len(in) && sameValue(&in[f], at, column, row) {
			continue
		} else if f >= len(in) && column.IsNull(row) {
			continue
		}
		changes = append(changes, schema.Replacement{Field: r.outField[c], JSON: schema.AppendValue(nil, column, row)})
	}
	if len(changes) == 0 {
		return raw
	}
	r.extract.Find(raw)
	return r.extract.Rewrite(changes)
}

func sameValue(a *engine.Column, i int, b *engine.Column, j int) bool {
	if a.Type != b.Type || a.IsNull(i) != b.IsNull(j) {
		return false
	}
	if a.IsNull(i) {
		return true
	}
	switch a.Type {
	case engine.Varchar, engine.JSON:
		return string(a.Text(i)) == string(b.Text(j))
	case engine.Double:
		return a.Floats[i] == b.Floats[j]
	}
	return a.Ints[i] == b.Ints[j]
}
