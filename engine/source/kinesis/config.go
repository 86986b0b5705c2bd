package kinesis

import (
	"context"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// Config says which stream is read and how.
type Config struct {
	// Name is what the workspace calls the source.
	Name string
	// Stream is a name or an ARN.
	Stream   string
	Endpoint string
	Region   string
	Profile  string
	// Start is where a tail without checkpoints begins.
	Start Start
	// Polite halves the pace, for streams with little room left.
	Polite bool
	// FanOut names a registered consumer to read through, with a pipe of its
	// own (enhanced fan-out); empty polls.
	FanOut string

	Clock engine.Clock
	// Wait sleeps; nil is the machine's time.
	Wait func(context.Context, time.Duration) error
	// Jitter gives a number in [0, 1) for the next pause; nil is random.
	Jitter func() float64
}

// Start is where to begin: at the tip, at the oldest record, or at a time.
type Start struct {
	kind string
	at   time.Time
}

// The starts that need no time.
var (
	Latest  = Start{kind: "latest"}
	Horizon = Start{kind: "trim_horizon"}
)

// At begins with the first record that arrived at t or later.
func At(t time.Time) Start { return Start{"at", t} }

// ParseStart reads latest, trim_horizon or a time; empty is latest.
func ParseStart(text string) (Start, error) {
	switch strings.ToLower(text) {
	case "", "latest":
		return Latest, nil
	case "trim_horizon":
		return Horizon, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return Start{}, engine.Errorf(engine.Invalid, "read start: "+text, "it is neither latest, trim_horizon nor a time").
			WithHint("write latest, trim_horizon, or a time as in 2026-01-31T12:00:00Z")
	}
	return At(t), nil
}
