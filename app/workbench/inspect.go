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
	sources, err := b.choose("test the sources", names, func(workspace.Source) bool { return true })
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
