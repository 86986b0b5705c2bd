package workspace

import (
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Dataset says how the records of one table are read, kept and aged.
type Dataset struct {
	At         yamlfile.At
	Name       string                      `yaml:"-"`
	EventTime  string                      `yaml:"event_time" doc:"The path in the record that says when it happened."`
	Envelope   Envelope                    `yaml:"envelope" doc:"Which paths in the record become envelope columns."`
	Labels     []string                    `yaml:"labels" doc:"Paths in the record that become labels."`
	Watermark  Watermark                   `yaml:"watermark" doc:"When a moment is considered complete."`
	Schema     string                      `yaml:"schema" enum:"infer|strict" doc:"infer: the schema follows the data. strict: what does not fit is quarantined."`
	MaxPaths   int                         `yaml:"max_paths" doc:"How many paths become columns by themselves; the rest of a record stays in rest. The default is 1000."`
	Transforms []string                    `yaml:"transforms" doc:"Plugins that every record goes through, in order."`
	Columns    engine.Entries[engine.Text] `yaml:"columns" doc:"Policies applied before anything is stored, by path in the table: drop, mask, hash or truncate(20)."`
	Late       Late                        `yaml:"late" doc:"What happens to windows when late records arrive."`
	Rollups    []time.Duration             `yaml:"rollups" doc:"Which aggregate tables are kept: [1m, 10m, 1h, 1d]."`
	Quantiles  List                        `yaml:"quantiles" doc:"Paths of numbers whose quantiles the rollups keep, to one percent of their value: [body.duration_ms]."`
	Distinct   List                        `yaml:"distinct" doc:"Paths whose different values the rollups count: [body.user.id]."`
	Dedup      string                      `yaml:"dedup" doc:"The path whose value is unique: the first record with it wins."`
	Key        List                        `yaml:"key" doc:"The paths that name what a row is about: of each key the version of the latest event time is kept."`
	Deleted    string                      `yaml:"deleted" doc:"With key: a record with true, d, delete or deleted at this path deletes its key."`
	Seam       *time.Time                  `yaml:"seam" doc:"The event time at which a tail takes over from a pull of the same stream."`
	Quota      *Quota                      `yaml:"quota" doc:"How much a live source may bring in."`
	Retention  Retention                   `yaml:"retention" doc:"How long rows stay in the database, and where they go then."`
}

// Envelope maps paths in the record to envelope columns.
type Envelope struct {
	At      yamlfile.At
	Service string `yaml:"service" doc:"The path of the service's name."`
	Level   string `yaml:"level" doc:"The path of the severity."`
	Message string `yaml:"message" doc:"The path of the text for people."`
	TraceID string `yaml:"trace_id" doc:"The path of the trace id."`
	SpanID  string `yaml:"span_id" doc:"The path of the span id."`
}

// Map lists the mapped columns: envelope column to path in the record.
func (e *Envelope) Map() map[string]string {
	m := map[string]string{}
	for column, path := range map[string]string{
		"service": e.Service, "level": e.Level, "message": e.Message, "trace_id": e.TraceID, "span_id": e.SpanID,
	} {
		if path != "" {
			m[column] = path
		}
	}
	return m
}

// Watermark says how the watermark follows event time.
type Watermark struct {
	At        yamlfile.At
	Strategy  string        `yaml:"strategy" enum:"max_lateness|median|percentile" doc:"How the watermark follows event time."`
	Lateness  time.Duration `yaml:"lateness" doc:"How far the watermark stays behind."`
	Idle      time.Duration `yaml:"idle" doc:"After how long without records a shard no longer holds the watermark back."`
	MaxFuture time.Duration `yaml:"max_future" doc:"Event times further ahead of arrival than this do not move the watermark."`
	P         float64       `yaml:"p" doc:"percentile: which one, between 0 and 1."`
}

// Late says what late records do to windows.
type Late struct {
	At      yamlfile.At
	Allowed time.Duration `yaml:"allowed" doc:"How long after its end a window still takes records."`
	Mode    string        `yaml:"mode" enum:"update|discard|side" doc:"update the panes, discard the record for them, or keep it aside."`
}

// Quota bounds how much a live source may bring in.
type Quota struct {
	At               yamlfile.At
	By               string  `yaml:"by" doc:"The path by whose value the quota is counted."`
	RecordsPerSecond float64 `yaml:"records_per_second" doc:"How many records a second each value may bring."`
	Over             string  `yaml:"over" enum:"sample|drop|block" doc:"What happens to records over the quota."`
}

// Retention says how rows age.
type Retention struct {
	At      yamlfile.At
	Hot     time.Duration `yaml:"hot" doc:"How long rows stay in the database; 0 is forever."`
	Archive string        `yaml:"archive" doc:"Where older rows go as Parquet: s3://bucket/prefix/ or a folder."`
}

// Defaults of a dataset.
const (
	DefaultLateness  = 10 * time.Minute
	DefaultIdle      = time.Minute
	DefaultMaxFuture = 5 * time.Minute
)

func (d *Dataset) fill(name string) {
	d.Name = name
	setDefault(&d.Schema, "infer")
	w := &d.Watermark
	w.Fill()
	setDefault(&d.Late.Mode, "update")
	if !d.Late.At.Has("allowed") {
		setDefault(&d.Late.Allowed, w.Lateness)
	}
	if !d.At.Has("rollups") && d.Rollups == nil {
		d.Rollups = []time.Duration{time.Minute}
	}
	if d.Quota != nil {
		setDefault(&d.Quota.Over, "sample")
	}
}

// Fill puts defaults where the file says nothing.
func (w *Watermark) Fill() {
	setDefault(&w.Strategy, "max_lateness")
	if !w.At.Has("lateness") {
		setDefault(&w.Lateness, DefaultLateness)
	}
	if !w.At.Has("idle") {
		setDefault(&w.Idle, DefaultIdle)
	}
	if !w.At.Has("max_future") {
		setDefault(&w.MaxFuture, DefaultMaxFuture)
	}
}

func setDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}
