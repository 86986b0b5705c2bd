package workbench

import (
	"context"
	"errors"
	"os"
	"time"

	"tidemark.dev/tidemark/app/workspace"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
)

// SourceReport is what a test of a source found.
type SourceReport struct {
	Name    string         `json:"name"`
	Type    string         `json:"type"`
	Dataset string         `json:"dataset"`
	OK      bool           `json:"ok"`
	Objects int64          `json:"objects"`
	Bytes   int64          `json:"bytes"`
	Newest  *time.Time     `json:"newest,omitempty"`
	Samples []SampleReport `json:"samples"`
	// Stream is what a kinesis source is; nil for others.
	Stream *StreamReport `json:"stream,omitempty"`
	Error  string        `json:"error,omitempty"`
	Hint   string        `json:"hint,omitempty"`
	Kind   engine.Kind   `json:"kind,omitempty"`
}

// StreamReport is a stream that was reached.
type StreamReport struct {
	ARN            string    `json:"arn"`
	Created        time.Time `json:"created"`
	RetentionHours float64   `json:"retention_hours"`
	Open           int       `json:"open"`   // shards that take records
	Closed         int       `json:"closed"` // that were split or merged
}

// SampleReport is one object of a source, looked at.
type SampleReport struct {
	Key         string   `json:"key"`
	Bytes       int64    `json:"bytes"`
	Format      string   `json:"format"`
	Compression []string `json:"compression"`
	// Confidence is how sure the format is, from 0 to 1, and Reasons why.
	Confidence float64         `json:"confidence"`
	Reasons    []format.Reason `json:"reasons"`
	// Partitions are what the key says of all records; they become labels.
	Partitions []engine.Partition `json:"partitions"`
	Error      string             `json:"error,omitempty"`
}

// testSamples is how many objects of a source are looked into.
const testSamples = 3

// TestSources reaches sources, counts their objects and looks into a few.
func (b *Workbench) TestSources(ctx context.Context, names []string) ([]SourceReport, error) {
	if !b.Current().Trusted {
		return nil, workspace.ErrUntrusted(b.Current().Root, "test the sources")
	}
	sources, err := b.chosen(names)
	if err != nil {
		return nil, err
	}
	return b.testSources(ctx, sources)
}

// TestSource is TestSources for one that is not in the workspace.
func (b *Workbench) TestSource(ctx context.Context, c workspace.Source) ([]SourceReport, error) {
	w := b.Current()
	if !w.Trusted {
		return nil, workspace.ErrUntrusted(w.Root, "test the source")
	}
	return b.testSources(ctx, []workspace.Source{c})
}

func (b *Workbench) testSources(ctx context.Context, sources []workspace.Source) ([]SourceReport, error) {
	out := []SourceReport{}
	for _, c := range sources {
		r := SourceReport{Name: c.Name, Type: c.Type, Dataset: c.Dataset, Samples: []SampleReport{}}
		if err := b.testSource(ctx, c, &r); err != nil {
			if engine.KindOf(err) == engine.Canceled {
				return nil, err
			}
			var known *engine.Error
			r.Error, r.Kind = err.Error(), engine.KindOf(err)
			if errors.As(err, &known) {
				r.Hint = known.Hint
			}
		}
		r.OK = r.Error == ""
		out = append(out, r)
	}
	return out, nil
}

func (b *Workbench) testSource(ctx context.Context, c workspace.Source, r *SourceReport) error {
	switch c.Type {
	case "kinesis":
		return b.testStream(ctx, c, r)
	case "replay":
		of, ok := b.Current().Config.Source(c.Of)
		if !ok {
			return engine.Errorf(engine.NotFound, "test "+c.Name, "there is no source %s", c.Of).WithHint("of names the source to replay")
		}
		return b.testSource(ctx, of, r)
	}
	a, err := b.openSource(ctx, c)
	if err != nil {
		return err
	}
	var first []engine.Object
	err = a.List(ctx, func(o engine.Object) bool {
		r.Objects++
		r.Bytes += o.Size
		if r.Newest == nil || o.Modified.After(*r.Newest) {
			newest := o.Modified.UTC()
			r.Newest = &newest
		}
		if len(first) < testSamples {
			first = append(first, o)
		}
		return true
	})
	if err != nil {
		return err
	}
	for _, o := range first {
		s := SampleReport{Key: o.Key, Bytes: o.Size, Compression: []string{}, Reasons: []format.Reason{}, Partitions: []engine.Partition{}}
		s.Partitions = append(s.Partitions, format.Partitions(o.Key)...)
		if err := b.lookInto(ctx, a, o, &s); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.Error = err.Error()
		}
		r.Samples = append(r.Samples, s)
	}
	return nil
}

// testStream asks a stream what it is; nothing is read from it.
func (b *Workbench) testStream(ctx context.Context, c workspace.Source, r *SourceReport) error {
	s, err := b.openKinesis(ctx, c)
	if err != nil {
		return err
	}
	found, err := s.Look(ctx)
	if err != nil {
		return err
	}
	r.Stream = &StreamReport{
		ARN: found.ARN, Created: found.Created.UTC(), RetentionHours: found.Retention.Hours(),
		Open: len(found.Open), Closed: len(found.Closed),
	}
	return nil
}

func (b *Workbench) lookInto(ctx context.Context, a *archive, o engine.Object, s *SampleReport) error {
	local, err := a.fetch(ctx, o)
	if err != nil {
		return err
	}
	if local.Release != nil {
		defer local.Release()
	}
	f := local.Stream
	if f == nil {
		if f, err = os.Open(local.Path); err != nil {
			return err
		}
	}
	defer f.Close()
	stream, err := b.formats().Open(f, format.Hint{Want: a.config.Format, Key: o.Key, Modified: o.Modified})
	if err != nil {
		return err
	}
	defer stream.Close()
	s.Format = string(stream.Format)
	s.Confidence, s.Reasons = stream.Found.Sure, append(s.Reasons, stream.Found.Why...)
	s.Compression = append(s.Compression, stream.Layers...)
	return nil
}

// Health is how the datasets and sources of a workspace are; its JSON is part
// of the contract.
type Health struct {
	Datasets []DatasetHealth `json:"datasets"`
	Sources  []SourceHealth  `json:"sources"`
}

// DatasetHealth is how one dataset is.
type DatasetHealth struct {
	Name             string     `json:"name"`
	State            string     `json:"state"`
	Watermark        *time.Time `json:"watermark"`
	LastEventTime    *time.Time `json:"last_event_time"`
	RecordsPerSecond *float64   `json:"records_per_second"` // null: nothing is live
	LagMS            *int64     `json:"lag_ms"`             // null: nothing is live
	Late             int64      `json:"late"`
	Quarantined      int64      `json:"quarantined"`
	Rows             int64      `json:"rows"`
	Cause            string     `json:"cause"`
	Action           string     `json:"action"`
}

// SourceHealth is how one source is, as far as can be told without asking it.
type SourceHealth struct {
	Name     string     `json:"name"`
	Type     string     `json:"type"`
	Dataset  string     `json:"dataset"`
	State    string     `json:"state"`
	Objects  int64      `json:"objects"`
	Bytes    int64      `json:"bytes"`
	PulledAt *time.Time `json:"pulled_at"`
	Cause    string     `json:"cause"`
	Action   string     `json:"action"`
}

// Health reads the state of everything from the ledger. It contacts nothing.
func (b *Workbench) Health(ctx context.Context) (Health, error) {
	h := Health{Datasets: []DatasetHealth{}, Sources: []SourceHealth{}}
	datasets, err := b.Store.Datasets(ctx)
	if err != nil {
		return h, err
	}
	for _, d := range datasets {
		s, err := b.Store.Summary(ctx, d.Name)
		if err != nil {
			return h, err
		}
		out := DatasetHealth{Name: d.Name, State: "ok", Rows: s.Rows, Late: s.Late, Quarantined: s.Quarantined, Watermark: s.Watermark, LastEventTime: s.LastEventTime}
		if s.Quarantined > 0 {
			out.State = "quarantining"
			out.Cause = s.TopReason
			out.Action = "tidemark quarantine list"
		}
		h.Datasets = append(h.Datasets, out)
	}
	h.Sources, err = b.SourcesHealth(ctx)
	return h, err
}

// SourcesHealth is the part of Health about sources.
func (b *Workbench) SourcesHealth(ctx context.Context) ([]SourceHealth, error) {
	all := []SourceHealth{}
	for _, e := range b.Current().Config.Sources {
		c := e.Value
		s, err := b.Store.SourceSummary(ctx, c.Dataset, c.Name)
		if err != nil {
			return all, err
		}
		out := SourceHealth{Name: c.Name, Type: c.Type, Dataset: c.Dataset, State: "ok", Objects: s.Objects, Bytes: s.Bytes, PulledAt: s.PulledAt}
		if s.PulledAt == nil {
			out.State, out.Cause, out.Action = "stale", "nothing was pulled from it yet", "tidemark pull "+c.Name
			if !c.Bounded() {
				out.Cause, out.Action = "it is a live source, and was never tailed", "tidemark tail "+c.Name
			}
		}
		all = append(all, out)
	}
	return all, nil
}
