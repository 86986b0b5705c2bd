package pipeline

import (
	"context"

	"tidemark.dev/tidemark/engine"
)

// Outcome is what one stage made of one record.
type Outcome struct {
	// Records are what it became: none when it was dropped.
	Records [][]byte
	// Rejected is why the stage could not take it, or "".
	Rejected string
}

// Through runs raw records through one stage by itself, and tells what became
// of each. What is no JSON object goes on as it is.
func Through(ctx context.Context, s Stage, m engine.Mapping, records [][]byte) ([]Outcome, error) {
	lines := make([]line, len(records))
	for i, raw := range records {
		lines[i] = line{raw: raw, row: int64(i)}
	}
	out := make([]Outcome, len(records))
	made, _, err := newStageRunner(s, m).run(ctx, lines, func(l line, reason string) { out[l.row].Rejected = reason })
	for _, l := range made {
		out[l.row].Records = append(out[l.row].Records, append([]byte{}, l.raw...))
	}
	return out, err
}
