package workspace

import (
	"runtime"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Config is what tidemark.yaml says. It is plain data; Default fills what the
// file leaves out and Validate says what is wrong with it.
type Config struct {
	At       yamlfile.At
	Name     string                  `yaml:"name" doc:"The name of the workspace."`
	Sources  engine.Entries[Source]  `yaml:"sources" doc:"Where records come from, by name."`
	Datasets engine.Entries[Dataset] `yaml:"datasets" doc:"Tables that records are stored in, by name. An undeclared one has the defaults."`
	Lookups  engine.Entries[Lookup]  `yaml:"lookups" doc:"What records are looked up in, by name: transforms of datasets name them beside plugins."`
	Channels engine.Entries[Channel] `yaml:"channels" doc:"Where notifications go, by name."`
	Limits   Limits                  `yaml:"limits" doc:"What the workspace may use of this machine."`
}

// Limits bounds what the workspace may use of the machine.
type Limits struct {
	At      yamlfile.At
	Memory  yamlfile.Size `yaml:"memory" doc:"Memory of the database: 2GB."`
	Threads int           `yaml:"threads" doc:"Threads of the database; the default is one a core."`
	Temp    yamlfile.Size `yaml:"temp" doc:"Disk space for intermediate results: 20GB."`
	Unpack  int           `yaml:"unpack" doc:"How many times its size a compressed object may unpack to, past 64MB; the default is 250."`
	Fetch   yamlfile.Size `yaml:"fetch" doc:"What one query may fetch from attached sources; the default is 1GB."`
}

// Default is the configuration of a workspace that says nothing.
func Default() Config {
	return Config{Limits: Limits{
		Memory:  2_000_000_000,
		Threads: runtime.NumCPU(),
		Temp:    20_000_000_000,
		Fetch:   1_000_000_000,
		Unpack:  250,
	}}
}

// decodeConfig reads tidemark.yaml over the defaults. Without lookup no
// variable is expanded, and values that contain one are left unread where
// they must be more than text.
func decodeConfig(file string, src []byte, lookup LookupEnv) (Config, error) {
	c := Default()
	d := yamlfile.Decoder{File: file, Unknown: hasVariable}
	if lookup != nil {
		d.Expand, d.Unknown = lookup.expand, nil
	}
	if err := d.Decode(src, &c); err != nil {
		return Config{}, err
	}
	c.fill()
	return c, c.Validate()
}

// fill gives everything its name and its defaults.
func (c *Config) fill() {
	for i := range c.Sources {
		c.Sources[i].Value.fill(c.Sources[i].Key.Value)
	}
	for i := range c.Datasets {
		c.Datasets[i].Value.fill(c.Datasets[i].Key.Value)
	}
	for i := range c.Lookups {
		c.Lookups[i].Value.Name = c.Lookups[i].Key.Value
	}
	for i := range c.Channels {
		c.Channels[i].Value.Name = c.Channels[i].Key.Value
	}
}

// Source finds a source by name.
func (c *Config) Source(name string) (Source, bool) { return findEntry(c.Sources, name) }

// Dataset gives the dataset of that name: as declared, or with the defaults
// that an undeclared one has.
func (c *Config) Dataset(name string) Dataset {
	if d, ok := findEntry(c.Datasets, name); ok {
		return d
	}
	var d Dataset
	d.fill(name)
	return d
}

// Channel finds a channel by name.
func (c *Config) Channel(name string) (Channel, bool) { return findEntry(c.Channels, name) }

func findEntry[T any](entries engine.Entries[T], name string) (value T, ok bool) {
	for _, e := range entries {
		if e.Key.Value == name {
			return e.Value, true
		}
	}
	return value, false
}
