package glob

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Filter says which of a source's objects belong to it by name: those that an
// include takes, if there are any, and no exclude does. Objects that come
// later join by their names alone.
//
// A pattern with a slash, other than at its end, is compared with the whole
// key and takes what lies beneath, as Pattern does; one without is compared
// with every name in the key, so that "team-*" takes folders of any depth. The
// zero Filter takes everything.
type Filter struct{ include, exclude []Pattern }

// NewFilter reads the patterns.
func NewFilter(include, exclude []string) (f Filter, err error) {
	if f.include, err = parseAll("include", include); err != nil {
		return f, err
	}
	f.exclude, err = parseAll("exclude", exclude)
	return f, err
}

func parseAll(key string, texts []string) ([]Pattern, error) {
	var out []Pattern
	for _, text := range texts {
		p, err := Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// Empty reports whether the filter takes everything.
func (f Filter) Empty() bool { return len(f.include)+len(f.exclude) == 0 }

// Takes reports whether the object of that key belongs to the source.
func (f Filter) Takes(key string) bool {
	return (len(f.include) == 0 || anyNames(f.include, key)) && !anyNames(f.exclude, key)
}

func anyNames(patterns []Pattern, key string) bool {
	for _, p := range patterns {
		if p.names(key) {
			return true
		}
	}
	return false
}

// names is the comparison of a Filter.
func (p Pattern) names(key string) bool {
	if p.text == "" || strings.Contains(p.text, "/") {
		return p.matches(key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		if doublestar.MatchUnvalidated(p.text, segment) {
			return true
		}
	}
	return false
}
