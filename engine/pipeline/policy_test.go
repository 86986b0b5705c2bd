package pipeline_test

import (
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// Policies hold for what streams bring as for what is pulled, and what cannot
// be stored keeps no bytes.
func TestTailAppliesPolicies(t *testing.T) {
	f := newTide(t, 1)
	const secret = "hunter2@example.com"
	for _, record := range []string{`{"n":1,"email":"` + secret + `"}`, `{"n":2,"email":["` + secret + `"]}`, `{"n":3,"email":"` + secret} {
		f.Put("app", "k", []byte(record))
	}
	o := f.live()
	o.Policies = []engine.Policy{{Path: engine.Path{"body", "email"}, Kind: engine.Mask}}
	o.Key, o.Private = []byte("key"), true
	f.tail(o, 2)
	for _, table := range []string{"logs", "tidemark.quarantine", "tidemark.conflicts", "tidemark.schemas"} {
		for _, row := range f.rows("SELECT t::VARCHAR FROM " + table + " AS t") {
			if strings.Contains(row, "hunter2") {
				t.Errorf("%s: %s", table, row)
			}
		}
	}
}
