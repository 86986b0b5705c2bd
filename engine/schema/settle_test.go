package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tidemark.dev/tidemark/engine"
)

func TestSettle(t *testing.T) {
	number, text := engine.Scalar(engine.BigInt), engine.Scalar(engine.Varchar)
	a := func(t engine.Type) engine.Type { return engine.StructOf(engine.Field{Name: "a", Type: t}) }
	unknown := engine.Type{}
	for _, c := range []struct {
		name       string
		from, to   engine.Type
		rest       string
		body, left string // "" and "" for no change
	}{
		{"null", a(unknown), a(number), `{"a":null}`, `{"a":null}`, ``},
		{"an empty list", a(unknown), a(engine.ListOf(text)), `{"a":[]}`, `{"a":[]}`, ``},
		{"an empty object", a(unknown), a(a(text)), `{"a":{}}`, `{"a":{}}`, ``},
		{"beside others", a(unknown), a(number), `{"b.c":1.10,"a":null,"d":"x"}`, `{"a":null}`, `{"b.c":1.10,"d":"x"}`},
		{"a path that is new", a(unknown), engine.StructOf(engine.Field{Name: "z", Type: number}), `{"z":null}`, `{"z":null}`, ``},
		{"below", a(a(unknown)), a(a(number)), `{"a.a":null}`, `{"a":{"a":null}}`, ``},
		{"a list of nulls", a(engine.ListOf(unknown)), a(engine.ListOf(number)), `{"a":[null]}`, `{"a":[null]}`, ``},
		{"a list of part", a(engine.ListOf(a(unknown))), a(engine.ListOf(a(number))), `{"a":[{"a":null,"b":[]}]}`, `{"a":[{"a":null,"b":null}]}`, `{"a":[{"a":null,"b":[]}]}`},
		{"an object around it opens", a(a(unknown)), a(engine.StructOf(engine.Field{Name: "a"}, engine.Field{Name: "b", Type: number})), `{"a.a":null}`, `{"a":{"a":null}}`, `{"a.a":null}`},

		{"no type yet", a(unknown), a(engine.ListOf(unknown)), `{"a":[]}`, "", ""},
		{"a conflict", a(unknown), a(number), `{"a":[]}`, "", ""},
		{"a scalar stays where it is", a(unknown), a(text), `{"a":"x"}`, "", ""},
		{"a raw text", a(unknown), engine.StructOf(engine.Field{Name: "_raw", Type: text}), `{"_raw":"{}"}`, "", ""},
		{"another path", a(unknown), a(number), `{"b":null}`, "", ""},
		{"nothing", a(unknown), a(number), `{}`, "", ""},
		{"nothing new", a(number), a(number), `{"a":null}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewSettler(c.from, c.to)
			for range 2 { // it keeps nothing from one row to the next
				body, left, changed := s.Settle([]byte(c.rest))
				if !changed {
					body, left = nil, nil
				}
				if diff := cmp.Diff([]string{c.body, c.left}, []string{string(body), string(left)}); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if !NewSettler(a(number), a(number)).Idle() || NewSettler(a(unknown), a(number)).Idle() {
		t.Error("what there is to do is told wrong")
	}
}
