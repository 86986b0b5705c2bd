package export

import (
	"slices"
	"strings"

	"tidemark.dev/tidemark/engine"
)

// Settings say what the rules do not.
type Settings struct {
	// Values are for the target's parameters, by name.
	Values map[string]string
	// Transformed says that the records have been through the dataset's
	// plugins and policies where the target reads them.
	Transformed bool
}

// Parameter is something of the place that an artefact is for. Its default
// stands for it until somebody puts in what is there.
type Parameter struct {
	Name    string `json:"name"`
	Default string `json:"default"`
	About   string `json:"about"`
}

// Parameters lists what an artefact of a target can be told.
func Parameters(target string) []Parameter {
	for _, t := range targets {
		if t.name == target {
			return t.parameters
		}
	}
	return nil
}

// check refuses values that the target does not ask for.
func (s Settings) check(t target) error {
	var names []string
	for _, p := range t.parameters {
		names = append(names, p.Name)
	}
	for name := range s.Values {
		if slices.Contains(names, name) {
			continue
		}
		e := engine.Errorf(engine.Invalid, "export", "%s has no parameter %q", t.name, name)
		switch near := engine.Nearest(name, names); {
		case near != "":
			return e.WithHint("did you mean %s?", near)
		case len(names) == 0:
			return e.WithHint("it has none; what it needs is asked for where it is deployed")
		}
		return e.WithHint("its parameters are: %s", strings.Join(names, ", "))
	}
	return nil
}

// value is what a parameter has been given, or its default.
func (s Settings) value(of []Parameter, name string) string {
	if v, given := s.Values[name]; given {
		return v
	}
	for _, p := range of {
		if p.Name == name {
			return p.Default
		}
	}
	panic("export: there is no parameter " + name)
}
