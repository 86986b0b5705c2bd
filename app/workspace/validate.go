package workspace

import (
	"errors"
	"maps"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// Validate checks what the file can be wrong about beyond its form. The error
// joins an *engine.Error of kind Invalid for each problem, in file order.
func (c *Config) Validate() error {
	v := &validator{config: c}
	if c.Limits.Threads < 1 {
		v.wrong(c.Limits.At.Value("threads"), "threads: want at least one")
	}
	if c.Limits.Memory < 100_000_000 {
		v.wrong(c.Limits.At.Value("memory"), "memory: %s is too little", c.Limits.Memory).Hint = "write at least 100MB"
	}
	if c.Limits.Unpack < 2 {
		v.wrong(c.Limits.At.Value("unpack"), "unpack: want at least 2")
	}
	for i := range c.Sources {
		v.source(c.Sources[i].Key, &c.Sources[i].Value)
	}
	v.attached()
	v.datasetNames()
	for i := range c.Datasets {
		v.dataset(&c.Datasets[i].Value)
	}
	for i := range c.Lookups {
		v.lookup(&c.Lookups[i].Value)
	}
	for i := range c.Channels {
		v.channel(c.Channels[i].Key, &c.Channels[i].Value)
	}
	return v.join()
}

// validator collects problems.
type validator struct {
	config   *Config
	problems []*engine.Error
}

// wrong adds a problem at a place of the file; the caller may give it a Hint.
func (v *validator) wrong(at engine.Text, format string, args ...any) *engine.Error {
	e := engine.Errorf(engine.Invalid, "", format, args...)
	e.File, e.Line, e.Column, e.Excerpt = at.File, at.Line, at.Column, at.Excerpt
	v.problems = append(v.problems, e)
	return e
}

func (v *validator) join() error {
	slices.SortStableFunc(v.problems, func(a, b *engine.Error) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	errs := make([]error, len(v.problems))
	for i, e := range v.problems {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// typed checks the keys of a source or a channel against its type.
func (v *validator) typed(what string, key engine.Text, at yamlfile.At, kind string, byType map[string][]string) bool {
	keys, ok := byType[kind]
	if !ok {
		if kind == "" {
			types := slices.Sorted(maps.Keys(byType))
			v.wrong(key, "%s %s has no type", what, key.Value).Hint = "add type: " + strings.Join(types, ", ")
		}
		return false
	}
	complete := true
	for _, k := range keys[:slices.Index(keys, "type")] {
		if !at.Has(k) && at.Text.Line > 0 {
			v.wrong(key, "%s %s has no %s", what, key.Value, k).Hint = "add " + k + ": to it"
			complete = false
		}
	}
	for _, k := range at.Keys() {
		if !slices.Contains(keys, k) {
			e := v.wrong(at.Key(k), "%s: a %s %s has no key %s", key.Value, kind, what, k)
			e.Hint = "remove it; the keys are " + strings.Join(keys, ", ")
			if k == "route" {
				e.Hint = "only s3 and file sources are routed: remove it, and pull the stream's archive if you need it"
			}
		}
	}
	return complete
}

var sourceName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,62}$`)

func (v *validator) source(key engine.Text, s *Source) {
	if !sourceName.MatchString(s.Name) {
		v.wrong(key, "%q cannot be the name of a source", s.Name).Hint = "use letters, digits, _ and -, beginning with a letter"
	}
	if !v.typed("source", key, s.At, s.Type, sourceKeys) {
		return
	}
	if s.Dataset != "" {
		v.datasetName(s.At.Value("dataset"), s.Dataset)
	}
	v.route(s)
	v.endpoint(s.At.Value("endpoint"), s.Endpoint)
	v.role(s.At.Value("role_arn"), s.RoleARN)
	for k, patterns := range map[string]List{"include": s.Include, "exclude": s.Exclude} {
		for _, p := range patterns {
			v.pattern(s.At.Value(k), k, p)
		}
	}
	switch s.Type {
	case "s3":
		v.s3URL(s.At.Value("url"), "url", s.URL)
	case "kinesis":
		v.notEmpty(s.At.Value("stream"), "stream", s.Stream)
	case "file":
		v.notEmpty(s.At.Value("path"), "path", s.Path)
		v.pattern(s.At.Value("path"), "path", s.Path)
	case "replay":
		v.replay(s)
	}
}

// attached refuses a dataset whose rows would be here in part, and policies
// that work on rows as they are stored.
func (v *validator) attached() {
	here := map[string]string{}
	for _, e := range v.config.Sources {
		if !e.Value.Attach {
			here[strings.ToLower(e.Value.Dataset)] = e.Key.Value
		}
	}
	for _, e := range v.config.Sources {
		s := e.Value
		if !s.Attach {
			continue
		}
		if other, ok := here[strings.ToLower(s.Dataset)]; ok {
			v.wrong(s.At.Key("attach"), "attach: source %s stores rows in the dataset %s", other, s.Dataset).Hint = "give the attached source a dataset of its own"
		}
		if s.Format != "auto" && s.Format != "parquet" && !hasVariable(s.Format) {
			v.wrong(s.At.Value("format"), "format: only Parquet can be attached, not %s", s.Format).Hint = "take attach: true out and pull"
		}
		d, _ := findEntry(v.config.Datasets, s.Dataset)
		for _, key := range []string{"columns", "transforms", "dedup", "key"} {
			if d.At.Has(key) {
				v.wrong(d.At.Key(key), "%s: it works on rows as they are stored, and those of the attached source %s are not", key, e.Key.Value).Hint = "take " + key + " out, or attach: true"
			}
		}
	}
}

func (v *validator) replay(s *Source) {
	if !(s.Speed > 0) || math.IsInf(s.Speed, 0) {
		v.wrong(s.At.Value("speed"), "speed: want more than 0").Hint = "1 is as fast as it happened, 60 plays an hour in a minute"
	}
	of, ok := v.config.Source(s.Of)
	switch {
	case hasVariable(s.Of):
	case !ok:
		e := v.wrong(s.At.Value("of"), "of: there is no source %s", s.Of)
		e.Hint = "the sources are " + strings.Join(names(v.config.Sources), ", ")
		if near := engine.Nearest(s.Of, names(v.config.Sources)); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
	case !of.Bounded() && of.Type != "":
		v.wrong(s.At.Value("of"), "of: %s is a %s source, which has no archive to replay", s.Of, of.Type).Hint = "name an s3 or file source"
	}
}

func names[T any](entries engine.Entries[T]) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = e.Key.Value
	}
	return out
}

func (v *validator) notEmpty(at engine.Text, key, value string) {
	if value == "" {
		v.wrong(at, "%s: there is no value", key).Hint = "write one"
	}
}

func (v *validator) endpoint(at engine.Text, value string) {
	if value == "" || hasVariable(value) {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		v.wrong(at, "endpoint: %q is not the address of a server", value).Hint = "write http://host:port or https://host"
	}
}

var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)

func (v *validator) role(at engine.Text, value string) {
	if value != "" && !hasVariable(value) && !roleARN.MatchString(value) {
		v.wrong(at, "role_arn: %q is not the ARN of a role", value).Hint = "write arn:aws:iam::123456789012:role/NAME"
	}
}

func (v *validator) s3URL(at engine.Text, key, value string) {
	if hasVariable(value) {
		return
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(value, "s3://"), "/")
	if !strings.HasPrefix(value, "s3://") || bucket == "" {
		v.wrong(at, "%s: %q is not an S3 address", key, value).Hint = "write s3://bucket/prefix/"
	}
}

func (v *validator) pattern(at engine.Text, key, pattern string) {
	if !doublestar.ValidatePattern(pattern) {
		v.wrong(at, "%s: %q is not a pattern", key, pattern).Hint = "* matches within a folder, ** spans folders; close [ and {"
	}
}

// whole reports whether d is one or more of unit.
func whole(d, unit time.Duration) bool { return d >= unit && d%unit == 0 }
