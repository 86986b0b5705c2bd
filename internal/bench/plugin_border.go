package main

import (
	"errors"
	"fmt"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/schema"
	"tidemark.dev/tidemark/plugins"
)

// borderRuns is how many batches of workBatch records one run has.
const borderRuns = 20

// pluginBorder compares handing the messages of a batch to a plugin that does
// nothing with conforming the same batch.
func (b *bench) pluginBorder() error {
	wasm, err := b.compiled("empty", "c")
	if err != nil {
		return err
	}
	host, err := plugins.NewHost(b.ctx, plugins.Options{MaxInstances: 1})
	if err != nil {
		return err
	}
	defer host.Close(b.ctx)
	p, err := host.Load(b.ctx, "empty", wasm, plugins.Settings{})
	if err != nil {
		return err
	}
	defer p.Close(b.ctx)
	lines, messages := borderRecords()
	conform, err := conformer(lines[0])
	if err != nil {
		return err
	}
	cross := func(int) error {
		for range borderRuns {
			if r, err := p.Transform(b.ctx, messages, len(lines)); err != nil || len(r.Src) != len(lines) {
				return errors.Join(err, fmt.Errorf("%d records of %d", len(r.Src), len(lines)))
			}
		}
		return nil
	}
	var rows []byte
	return b.pair("plugin-border", "conforming the batch", 0.05, cross, func(int) error {
		for range borderRuns {
			rows = rows[:0]
			for i, line := range lines {
				if out := conform.Conform(line); out.Reason != "" || out.Unknown {
					return fmt.Errorf("record %d does not conform: %s", i, out.Reason)
				}
				rows = conform.Append(rows, 1, int64(i), int64(i))
			}
		}
		return nil
	})
}

// borderRecords are records as services write them, and their messages.
func borderRecords() (lines [][]byte, messages []engine.Column) {
	messages = []engine.Column{textColumn("message")}
	for i := range workBatch {
		message := fmt.Sprintf("POST /checkout 200 in %d ms for user %d", i%900, i)
		appendText(&messages[0], message)
		lines = append(lines, fmt.Appendf(nil, `{"ts":"2026-01-09T14:05:01.%03dZ","service":"checkout","level":"INFO","message":%q,"trace_id":"5b8aa5a2d2c872e8321cf37308d69df2","region":"eu-west-1","http":{"method":"POST","route":"/checkout","status":200,"bytes":%d},"user":{"id":"u-%d","plan":"free"},"duration_ms":83.25,"version":"3.1.0","cart":{"items":3,"total":59.9,"currency":"EUR"}}`, i%1000, message, 5000+i, i))
	}
	return lines, messages
}

// conformer knows what a record has.
func conformer(line []byte) (*schema.Conformer, error) {
	m := engine.Mapping{EventTime: []engine.Path{{"ts"}}, Envelope: schema.DefaultEnvelope(), Labels: []engine.Path{{"region"}}}
	none := engine.Type{Kind: engine.Struct}
	c := schema.NewConformer(none, m, nil)
	if out := c.Conform(line); out.Reason != "" {
		return nil, errors.New(out.Reason)
	}
	var seen schema.Observation
	seen.Observe(c.Line(), c.Except())
	e := schema.Evolve(none, &seen, func(string) bool { return true })
	return schema.NewConformer(e.Body, m, e.Refused), nil
}
