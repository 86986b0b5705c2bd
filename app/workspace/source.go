package workspace

import (
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Source is where records come from. Which keys it may have depends on Type.
type Source struct {
	At   yamlfile.At
	Name string `yaml:"-"`
	Type string `yaml:"type" enum:"s3|kinesis|file|replay" doc:"What kind of source this is."`
	// Dataset is the table that its records go to.
	Dataset string `yaml:"dataset" doc:"The dataset that its records go to."`
	Format  string `yaml:"format" doc:"The format of its objects or records: auto, or the name of a format or decoder plugin."`

	URL       string `yaml:"url" doc:"s3: bucket and prefix, s3://bucket/prefix/."`
	Endpoint  string `yaml:"endpoint" doc:"s3, kinesis: another server than that of AWS, http://host:port."`
	Region    string `yaml:"region" doc:"s3, kinesis: the AWS region."`
	PathStyle bool   `yaml:"path_style" doc:"s3: the bucket stands in the path, not in the host name."`
	Profile   string `yaml:"profile" doc:"s3, kinesis: the profile of the AWS configuration files that signs requests."`
	RoleARN   string `yaml:"role_arn" doc:"s3, kinesis: the role that the credentials assume, arn:aws:iam::ACCOUNT:role/NAME."`

	Include List `yaml:"include" doc:"s3, file: only objects whose key matches one of these patterns; ** spans folders, and a pattern without a slash matches any name in the key: [team-*]."`
	Exclude List `yaml:"exclude" doc:"s3, file: no objects whose key matches one of these patterns, written as for include."`

	Route Route `yaml:"route" doc:"s3, file: a path in the record whose value names the dataset that the record goes to; records without one go to dataset."`

	Attach bool `yaml:"attach" doc:"s3, file: leave the Parquet objects where they are; queries fetch the parts they need. The default is false: pull stores them."`

	Stream string `yaml:"stream" doc:"kinesis: the name of the stream."`
	Start  Start  `yaml:"start" doc:"kinesis: where the first tail begins: latest, trim_horizon or a time."`
	Polite bool   `yaml:"polite" doc:"kinesis: ask half as often, for streams whose readers have little room left."`
	// Consumer is left out of most workspaces: polling is free.
	Consumer string `yaml:"consumer" doc:"kinesis: read through this registered consumer, with a pipe of its own (enhanced fan-out)."`

	Path string `yaml:"path" doc:"file: a path or pattern, relative to the workspace: data/**/*.ndjson.gz."`

	Of    string  `yaml:"of" doc:"replay: the source whose archive is played again."`
	Speed float64 `yaml:"speed" doc:"replay: how many times faster than it happened."`
}

// sourceKeys says which keys each type of source has; the first ones, up to
// dataset, it cannot do without.
var sourceKeys = map[string][]string{
	"s3":      {"url", "dataset", "type", "endpoint", "region", "path_style", "profile", "role_arn", "format", "include", "exclude", "route", "attach"},
	"kinesis": {"stream", "dataset", "type", "endpoint", "region", "profile", "role_arn", "start", "format", "polite", "consumer"},
	"file":    {"path", "dataset", "type", "format", "include", "exclude", "route", "attach"},
	"replay":  {"of", "dataset", "type", "speed"},
}

func (s *Source) fill(name string) {
	s.Name = name
	if s.Format == "" {
		s.Format = "auto"
	}
	if s.Start == (Start{}) {
		s.Start.Position = "latest"
	}
	s.Route.fill()
	if !s.At.Has("speed") && s.Speed == 0 {
		s.Speed = 1
	}
}

// Bounded reports whether the source has an end, so that pull takes it; tail
// takes the others.
func (s *Source) Bounded() bool { return s.Type == "s3" || s.Type == "file" }

// Start is where the first tail of a stream begins.
type Start struct {
	// Position is latest, trim_horizon or at.
	Position string
	// Time is set when Position is at.
	Time time.Time
}

// SetScalar reads latest, trim_horizon or a time.
func (s *Start) SetScalar(t engine.Text) error {
	if t.Value == "latest" || t.Value == "trim_horizon" {
		s.Position = t.Value
		return nil
	}
	at, err := time.Parse(time.RFC3339, t.Value)
	if err != nil {
		e := t.At(0, "start: %q is no place to begin", t.Value)
		return e.WithHint("write latest, trim_horizon or a time such as 2026-01-31T12:00:00Z")
	}
	s.Position, s.Time = "at", at
	return nil
}

// List is a list that a file may also write as its only element.
type List []string

// SetScalar makes a list of one element, or of none.
func (l *List) SetScalar(t engine.Text) error {
	*l = nil
	if t.Value != "" {
		*l = List{t.Value}
	}
	return nil
}

// Location is where the source reads from: a path, an address, a stream, or
// the source that a replay plays.
func (s *Source) Location() string {
	switch s.Type {
	case "file":
		return s.Path
	case "kinesis":
		return s.Stream
	case "replay":
		return s.Of
	}
	return s.URL
}
