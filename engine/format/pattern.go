package format

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first needed: a
// program that recognises no format does not wait for those of all of them.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
