package parity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // the processors that exported pipelines are made of
	"github.com/redpanda-data/benthos/v4/public/service"
)

// ConnectInput and ConnectOutput are the input and the outputs of a pipeline
// that Connect replays, as its parameters take them.
const (
	ConnectInput  = "tidemark_records: {}"
	ConnectOutput = "tidemark_told: {}"
)

// Told is what an exported job says of a window of a group.
type Told struct {
	// Key holds the values of the rule's keys by their names, as JSON has them,
	// numbers as json.Number.
	Key map[string]any
	End time.Time
	// State is set where the group's alarm changed its state after the window;
	// else Records entered the window.
	State   string
	Records int64
}

// Record is a record as it comes, and when.
type Record struct {
	Data []byte
	At   time.Time
}

// Connect runs an exported pipeline on the engine of Redpanda Connect, whose
// linter reads it first. Records are the messages, one after the other, and the
// pipeline ends with them; tell is called in the order in which it tells.
// Processors that are not Connect's own are not there.
func Connect(ctx context.Context, pipeline []byte, records iter.Seq2[Record, error], tell func(Told)) error {
	next, stop := iter.Pull2(records)
	defer stop()
	r := &replay{next: next, tell: tell}
	env, err := r.environment()
	if err != nil {
		return err
	}
	b := env.NewStreamBuilder()
	b.SetEnvVarLookupFunc(func(string) (string, bool) { return "", false })
	b.SetLogger(slog.New(slog.DiscardHandler))
	if err := b.SetYAML(string(pipeline)); err != nil {
		return fmt.Errorf("read the exported pipeline: %w", err)
	}
	stream, err := b.Build()
	if err != nil {
		return fmt.Errorf("build the exported pipeline: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.cancel = cancel
	err = stream.Run(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return r.failed
	}
	return err
}

// replay is the input and the outputs of a pipeline, which call it from
// goroutines of their own.
type replay struct {
	next   func() (Record, error, bool)
	tell   func(Told)
	cancel context.CancelFunc

	mu     sync.Mutex
	failed error
}

func (r *replay) environment() (*service.Environment, error) {
	env := service.NewEnvironment()
	none := service.NewConfigSpec()
	return env, errors.Join(
		env.RegisterInput("tidemark_records", none, func(*service.ParsedConfig, *service.Resources) (service.Input, error) {
			return replayInput{r}, nil
		}),
		env.RegisterOutput("tidemark_told", none, func(*service.ParsedConfig, *service.Resources) (service.Output, int, error) {
			return replayOutput{r}, 1, nil
		}))
}

// fail notes the first error, and ends the pipeline.
func (r *replay) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = err
	}
	r.cancel()
}

// replayInput hands out the records.
type replayInput struct{ *replay }

func (replayInput) Connect(context.Context) error { return nil }
func (replayInput) Close(context.Context) error   { return nil }

func (r replayInput) Read(context.Context) (*service.Message, service.AckFunc, error) {
	record, err, more := r.next()
	if err != nil {
		r.fail(err)
	}
	if err != nil || !more {
		return nil, nil, service.ErrEndOfInput
	}
	m := service.NewMessage(record.Data)
	m.MetaSetMut("arrival_time", record.At.UnixMicro())
	return m, func(context.Context, error) error { return nil }, nil
}

// replayOutput reads what the pipeline tells. Windows and alarms come to two of
// them in turn.
type replayOutput struct{ *replay }

func (replayOutput) Connect(context.Context) error { return nil }
func (replayOutput) Close(context.Context) error   { return nil }

func (r replayOutput) Write(_ context.Context, m *service.Message) error {
	if err := m.GetError(); err != nil {
		r.fail(fmt.Errorf("the exported pipeline: %w", err))
		return nil
	}
	data, err := m.AsBytes()
	if err != nil {
		r.fail(err)
		return nil
	}
	t, err := toldOf(data)
	if err != nil {
		r.fail(fmt.Errorf("read what the pipeline tells: %w", err))
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(t)
	return nil
}

func toldOf(data []byte) (t Told, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&t)
	return t, err
}
