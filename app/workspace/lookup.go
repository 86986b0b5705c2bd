package workspace

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/lookup"
)

// Lookup adds values to records that a table or an endpoint knows of them. It
// is named among the transforms of a dataset, before or after plugins.
type Lookup struct {
	At    yamlfile.At
	Name  string `yaml:"-"`
	Table string `yaml:"table" doc:"A CSV, Parquet or NDJSON file, relative to the workspace."`
	SQL   string `yaml:"sql" doc:"A query of the workspace's tables."`
	HTTP  string `yaml:"http" doc:"An address with {NAME} of the key in its path or query: it answers a GET with a JSON object, or 404."`

	Key  engine.Entries[engine.Text] `yaml:"key" doc:"Columns of the table, or names in the address, and the path in a record that has the value."`
	Take engine.Entries[engine.Text] `yaml:"take" doc:"Paths in the record that are written, and the column, or the member of the answer, that has the value."`

	Missing  string         `yaml:"missing" enum:"keep|drop|quarantine" doc:"What becomes of a record whose key is not known; the default is keep."`
	Failure  string         `yaml:"failure" enum:"keep|drop|quarantine|stop" doc:"What becomes of a record whose question failed; the default is quarantine."`
	Fallback map[string]any `yaml:"fallback" doc:"Values for records that are kept without an answer, by the paths of take."`

	Capacity int               `yaml:"capacity" doc:"http: how many questions are on their way at once; the default is 16."`
	Timeout  time.Duration     `yaml:"timeout" doc:"http: the longest that one try may take; the default is 2s."`
	Retries  *int              `yaml:"retries" doc:"http: how often a failed question is repeated; the default is 2."`
	Cache    *int              `yaml:"cache" doc:"http: how many answers are remembered; the default is 10000, 0 is none."`
	TTL      time.Duration     `yaml:"ttl" doc:"http: for how long they are; the default is 10m."`
	Order    string            `yaml:"order" enum:"ordered|unordered" doc:"http: unordered lets records of a batch go on in the order of their answers."`
	Network  string            `yaml:"network" enum:"public|private" doc:"http: private allows addresses of private networks and of this machine."`
	Headers  map[string]string `yaml:"headers" doc:"http: headers to send along."`
}

// Lookup finds a lookup by name.
func (c *Config) Lookup(name string) (Lookup, bool) { return findEntry(c.Lookups, name) }

// Config is how the lookup asks. What Fallback has is written as JSON.
func (l Lookup) Config() lookup.Config {
	c := lookup.Config{
		Name: l.Name, Missing: l.Missing, Failure: l.Failure, Capacity: l.Capacity, Timeout: l.Timeout, TTL: l.TTL,
		Unordered: l.Order == "unordered", Fallback: map[string]json.RawMessage{},
	}
	for _, t := range l.Take {
		c.Take = append(c.Take, t.Value.Value)
		if v, has := l.Fallback[t.Key.Value]; has {
			if text, err := json.Marshal(v); err == nil {
				c.Fallback[t.Value.Value] = lookup.Compact(text)
			}
		}
	}
	c.Retries, c.Cache = orNegative(l.Retries), orNegative(l.Cache)
	return c
}

// orNegative makes of a 0 that somebody wrote a number that is no default.
func orNegative(n *int) int {
	if n == nil {
		return 0
	}
	if *n == 0 {
		return -1
	}
	return *n
}

// KeyNames are the columns of the table, or the names in the address.
func (l Lookup) KeyNames() []string {
	var out []string
	for _, k := range l.Key {
		out = append(out, k.Key.Value)
	}
	return out
}

func (v *validator) lookup(l *Lookup) {
	// The place is the key that says too little, or else the lookup.
	at := func(keys ...string) engine.Text {
		for _, key := range keys {
			if l.At.Has(key) {
				return l.At.Value(key)
			}
		}
		return l.At.Text
	}
	kinds := 0
	for _, k := range []string{l.Table, l.SQL, l.HTTP} {
		if k != "" {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		v.wrong(at("table", "sql", "http"), "lookup %s: want one of table, sql and http", l.Name)
	case len(l.Key) == 0:
		v.wrong(at("key"), "lookup %s: key is missing", l.Name).Hint = "write the column and the path that has its value: key: {id: user.id}"
	case len(l.Take) == 0:
		v.wrong(at("take"), "lookup %s: take is missing", l.Name).Hint = "write the path to fill and the column that fills it: take: {body.tier: tier}"
	}
	for _, k := range l.Key {
		v.lookupPath(l, k.Value)
	}
	for _, t := range l.Take {
		v.lookupPath(l, t.Key)
	}
	if l.HTTP == "" {
		return
	}
	if err := lookup.CheckURL(l.HTTP, l.KeyNames()); err != nil && !strings.Contains(l.HTTP, "${") {
		v.wrong(l.At.Value("http"), "lookup %s: %v", l.Name, err).Hint = "write http: https://host/path/{" + cmp.Or(strings.Join(l.KeyNames(), "}/{"), "NAME") + "}"
	}
	v.secretHeaders(l.At.Within("headers"))
	if l.Capacity < 0 || l.Capacity > 256 {
		v.wrong(l.At.Value("capacity"), "lookup %s: capacity: want 1 to 256", l.Name)
	}
	for key, n := range map[string]*int{"retries": l.Retries, "cache": l.Cache} {
		if n != nil && *n < 0 {
			v.wrong(l.At.Value(key), "lookup %s: %s: want 0 or more", l.Name, key)
		}
	}
}

func (v *validator) lookupPath(l *Lookup, path engine.Text) {
	if _, err := engine.ParsePath(path.Value); err != nil {
		v.wrong(path, "lookup %s: %q is no path", l.Name, path.Value).Hint = `write names with dots between them: user.id, "a.b".c`
	}
}
