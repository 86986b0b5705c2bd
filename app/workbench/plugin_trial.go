package workbench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/pipeline"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/plugins"
)

// Trial is what a plugin made of some input.
type Trial struct {
	Plugin      string    `json:"plugin"`
	Version     string    `json:"version"`
	SHA256      string    `json:"sha256"`
	Functions   []TrialOf `json:"functions"`
	LoadMS      float64   `json:"load_ms"`
	MemoryBytes int64     `json:"memory_bytes"`
}

// TrialOf is what one of its functions made of it.
type TrialOf struct {
	Name    string      `json:"name"`
	Kind    string      `json:"kind"`
	Records []TrialStep `json:"records"`
	// MS is the time of all records together, the second time round: the first
	// warms up.
	MS float64 `json:"ms"`
	// Unsteady are the numbers of records, from 1, of which it made another thing
	// when it was run again: it cannot be relied on.
	Unsteady []int `json:"unsteady"`
}

// TrialStep is one record before and after.
type TrialStep struct {
	In       string   `json:"in"`
	Out      []string `json:"out"`
	Rejected string   `json:"rejected,omitempty"`
}

// trialLimit bounds what a trial reads.
const trialLimit = 64 << 20

// TryPlugin runs a plugin's file by itself over the records in a file: JSON
// lines for a transform or a function, anything for a decoder.
func TryPlugin(ctx context.Context, file, input string, config map[string]any) (Trial, error) {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return Trial{}, engine.Errorf(engine.NotFound, "open "+file, "%w", err)
	}
	text, err := readBounded(input, trialLimit)
	if err != nil {
		return Trial{}, err
	}
	host, err := plugins.NewHost(ctx, plugins.Options{})
	if err != nil {
		return Trial{}, err
	}
	defer host.Close(context.WithoutCancel(ctx))
	started := time.Now()
	p, err := host.Load(ctx, strings.TrimSuffix(filepath.Base(file), ".wasm"), wasm, plugins.Settings{Config: config})
	if err != nil {
		return Trial{}, err
	}
	defer p.Close(context.WithoutCancel(ctx))
	about := p.Info()
	t := Trial{Plugin: about.Name, Version: about.Version, SHA256: about.SHA256, LoadMS: ms(time.Since(started))}
	again, err := host.Load(ctx, t.Plugin, wasm, plugins.Settings{Config: config})
	if err != nil {
		return t, err
	}
	defer again.Close(context.WithoutCancel(ctx))
	for _, f := range about.Functions {
		of := TrialOf{Name: f.Name, Kind: f.Kind, Unsteady: []int{}}
		first, err := tryFunction(ctx, p, f, text)
		if err != nil {
			return t, fmt.Errorf("%s %s: %w", f.Kind, f.Name, err)
		}
		started = time.Now()
		if of.Records, err = tryFunction(ctx, p, f, text); err != nil {
			return t, fmt.Errorf("%s %s: %w", f.Kind, f.Name, err)
		}
		of.MS = ms(time.Since(started))
		fresh, err := tryFunction(ctx, again, f, text)
		if err != nil {
			return t, fmt.Errorf("%s %s: %w", f.Kind, f.Name, err)
		}
		for i := range of.Records {
			if !reflect.DeepEqual(first[i], of.Records[i]) || !reflect.DeepEqual(fresh[i], of.Records[i]) {
				of.Unsteady = append(of.Unsteady, i+1)
			}
		}
		t.Functions = append(t.Functions, of)
	}
	t.MemoryBytes = p.Stats().Memory
	return t, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, engine.Errorf(engine.NotFound, "read "+path, "%w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, engine.Errorf(engine.Unavailable, "read "+path, "%w", err)
	}
	if int64(len(b)) > limit {
		return nil, engine.Errorf(engine.Invalid, "read "+path, "it is larger than %d MB", limit>>20).WithHint("try the plugin on a part of it")
	}
	return b, nil
}

func tryFunction(ctx context.Context, p *plugins.Plugin, f plugins.Function, text []byte) ([]TrialStep, error) {
	switch f.Kind {
	case plugins.KindDecoder:
		return tryDecoder(ctx, p, text)
	case plugins.KindFunction:
		return tryScalar(ctx, p, f, jsonLines(text))
	}
	s, err := newStage(f.Name, p)
	if err != nil {
		return nil, err
	}
	return tryStage(ctx, s, jsonLines(text))
}

func jsonLines(text []byte) [][]byte {
	var out [][]byte
	scan := bufio.NewScanner(bytes.NewReader(text))
	scan.Buffer(nil, len(text)+1)
	for scan.Scan() {
		if line := bytes.TrimSpace(scan.Bytes()); len(line) > 0 {
			out = append(out, bytes.Clone(line))
		}
	}
	return out
}

func tryStage(ctx context.Context, s *stage, records [][]byte) ([]TrialStep, error) {
	outcomes, err := pipeline.Through(ctx, s, engine.Mapping{Envelope: schema.DefaultEnvelope()}, records)
	if err != nil {
		return nil, err
	}
	var out []TrialStep
	for i, o := range outcomes {
		step := TrialStep{In: string(records[i]), Out: []string{}, Rejected: o.Rejected}
		for _, r := range o.Records {
			step.Out = append(step.Out, string(r))
		}
		out = append(out, step)
	}
	return out, nil
}

func tryDecoder(ctx context.Context, p *plugins.Plugin, text []byte) ([]TrialStep, error) {
	var out []TrialStep
	lines := jsonLines(text)
	next := 0
	if d := decoderOf(p.Info()); d.Framing == plugins.FramingLine {
		// One line at a time says which record is made of which.
		for ; next < len(lines); next++ {
			step := TrialStep{In: string(lines[next]), Out: []string{}}
			if err := decodeInto(ctx, p, lines[next], &step); err != nil {
				return nil, err
			}
			out = append(out, step)
		}
		return out, nil
	}
	step := TrialStep{In: fmt.Sprintf("%d bytes", len(text)), Out: []string{}}
	err := decodeInto(ctx, p, text, &step)
	return []TrialStep{step}, err
}

func decodeInto(ctx context.Context, p *plugins.Plugin, text []byte, step *TrialStep) error {
	err := p.Decode(ctx, bytes.NewReader(text), func(d plugins.Decoded) error {
		switch {
		case d.Problem != "":
			step.Rejected = d.Problem
		case !d.Dropped:
			step.Out = append(step.Out, string(d.JSON))
		}
		return nil
	})
	var e *engine.Error
	if errors.As(err, &e) && e.Kind == engine.Invalid {
		step.Rejected, err = e.Error(), nil
	}
	return err
}

func decoderOf(i plugins.Info) plugins.Function {
	for _, f := range i.Functions {
		if f.Kind == plugins.KindDecoder {
			return f
		}
	}
	return plugins.Function{}
}

// tryScalar takes the arguments from the members of each record by name.
func tryScalar(ctx context.Context, p *plugins.Plugin, f plugins.Function, records [][]byte) ([]TrialStep, error) {
	var fields [][]engine.Path
	columns := make([]engine.Column, len(f.Inputs))
	for i, x := range f.Inputs {
		fields = append(fields, []engine.Path{{x.Field}})
		columns[i] = engine.Column{Name: x.Field, Type: x.Kind()}
		if k := x.Kind(); k == engine.Varchar || k == engine.JSON {
			columns[i].Offsets = []uint32{0}
		}
	}
	extract := schema.NewExtractor(fields)
	var out []TrialStep
	var at []int // of the rows that are handed over
	for i, r := range records {
		out = append(out, TrialStep{In: string(r), Out: []string{"null"}})
		if !extract.Find(r) {
			out[i].Out, out[i].Rejected = []string{}, "it is no JSON object"
			continue
		}
		before := columns[0].Len()
		for c := range columns {
			extract.Append(&columns[c], c)
		}
		if f.Nulls != "pass" && anyNull(columns, before) {
			columns = cutAt(columns, before)
			continue
		}
		at = append(at, i)
	}
	v, err := p.Call(ctx, f.Name, columns, len(at))
	if err != nil {
		return nil, err
	}
	for row, i := range at {
		if why, bad := v.Errors[row]; bad {
			out[i].Out, out[i].Rejected = []string{}, why
			continue
		}
		out[i].Out = []string{string(schema.AppendValue(nil, &v.Column, row))}
	}
	return out, nil
}

func anyNull(columns []engine.Column, row int) bool {
	for i := range columns {
		if columns[i].IsNull(row) {
			return true
		}
	}
	return false
}

// cutAt takes the rows from row on away.
func cutAt(columns []engine.Column, row int) []engine.Column {
	for i := range columns {
		c := &columns[i]
		switch {
		case c.Type == engine.Varchar || c.Type == engine.JSON:
			c.Offsets = c.Offsets[:row+1]
			c.Bytes = c.Bytes[:c.Offsets[row]]
		case c.Type == engine.Double:
			c.Floats = c.Floats[:row]
		default:
			c.Ints = c.Ints[:row]
		}
		if c.Null != nil {
			c.Null = c.Null[:min(row, len(c.Null))]
		}
	}
	return columns
}

// Golden is a trial's results as a text to compare: a line each.
func (t Trial) Golden() string {
	var b strings.Builder
	for _, f := range t.Functions {
		fmt.Fprintf(&b, "# %s %s\n", f.Kind, f.Name)
		for _, r := range f.Records {
			switch {
			case r.Rejected != "":
				why, _ := json.Marshal(strings.ReplaceAll(r.Rejected, "("+t.SHA256[:12]+")", "(hash)"))
				fmt.Fprintf(&b, "rejected %s\n", why)
			case len(r.Out) == 0:
				b.WriteString("dropped\n")
			}
			for _, o := range r.Out {
				b.WriteString(o + "\n")
			}
		}
	}
	return b.String()
}
