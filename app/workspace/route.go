package workspace

import (
	"regexp"
	"slices"
	"strings"

	"tidemark.dev/tidemark/app/workspace/yamlfile"
	"tidemark.dev/tidemark/engine"
)

// DefaultTables is how many datasets a source may be routed to.
const DefaultTables = 100

// Route spreads the records of a source over several datasets.
type Route struct {
	At     yamlfile.At
	Path   string `yaml:"path" doc:"The path in the record whose value names the dataset."`
	Name   string `yaml:"name" doc:"The name of the dataset, with the path in braces where the value stands: app_{type}. The default is the value alone."`
	Tables int    `yaml:"tables" doc:"How many datasets it may make besides the source's own. The default is 100."`
}

// SetScalar reads a path alone.
func (r *Route) SetScalar(t engine.Text) error {
	r.Path = t.Value
	return nil
}

func (r *Route) fill() {
	setDefault(&r.Name, r.placeholder())
	if !r.At.Has("tables") {
		setDefault(&r.Tables, DefaultTables)
	}
}

func (r *Route) placeholder() string { return "{" + r.Path + "}" }

// Dataset names the dataset of a value: its letters in lower case and its
// digits, and underscores in place of all else, with one before a first digit.
// It is "" for a value of which no table can be made.
func (r *Route) Dataset(value string) string {
	if value == "" {
		return ""
	}
	name := strings.ReplaceAll(r.Name, r.placeholder(), strings.Map(safe, value))
	if name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	if !datasetName.MatchString(name) || slices.Contains(reservedNames, strings.ToLower(name)) || rollupName.MatchString(name) {
		return ""
	}
	return name
}

// rollupName is what the rollups of another dataset are called.
var rollupName = regexp.MustCompile(`_[0-9]+[a-z]+$`)

func safe(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r - 'A' + 'a'
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		return r
	}
	return '_'
}

// May reports whether records may be routed to a dataset.
func (r *Route) May(dataset string) bool {
	if r.Path == "" {
		return false
	}
	before, after, _ := strings.Cut(strings.ToLower(r.Name), strings.ToLower(r.placeholder()))
	dataset = strings.ToLower(dataset)
	return len(dataset) > len(before)+len(after) && strings.HasPrefix(dataset, before) && strings.HasSuffix(dataset, after)
}

func (v *validator) route(s *Source) {
	if !s.At.Has("route") {
		return
	}
	r, at := &s.Route, s.At.Value("route")
	place := func(key string) engine.Text {
		if r.At.Has(key) {
			return r.At.Value(key)
		}
		return at
	}
	v.notEmpty(place("path"), "route", r.Path)
	v.rawPath(place("path"), "route", r.Path)
	switch {
	case r.Path == "" || hasVariable(r.Name) || hasVariable(r.Path):
	case strings.Count(r.Name, r.placeholder()) != 1:
		v.wrong(place("name"), "route: the name %q has no place for the value", r.Name).Hint = "write " + r.placeholder() + " where it stands: app_" + r.placeholder()
	case !datasetName.MatchString(strings.ReplaceAll(r.Name, r.placeholder(), "x")):
		v.wrong(place("name"), "route: %q cannot be the name of a dataset", r.Name).Hint = "use letters, digits and _ around " + r.placeholder()
	}
	if r.Tables < 1 {
		v.wrong(place("tables"), "route: tables: want at least one")
	}
	if s.Attach {
		v.wrong(s.At.Key("route"), "route: objects that are attached stay whole").Hint = "take attach: true out and pull"
	}
}
