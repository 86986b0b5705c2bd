package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tidemark.dev/tidemark/engine"
)

func policies(t interface {
	Helper()
	Fatal(...any)
}, texts ...string,
) []engine.Policy {
	t.Helper()
	var out []engine.Policy
	for i := 0; i < len(texts); i += 2 {
		p, err := engine.ParsePolicy(texts[i], texts[i+1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestProtect(t *testing.T) {
	m := engine.Mapping{Envelope: DefaultEnvelope(), Labels: []engine.Path{{"who", "id"}}}
	p := NewProtector(policies(t,
		"body.email", "mask", "body.card", "drop", "message", "truncate(3)", `labels."who.id"`, "hash",
		"body.items[].mail", "mask", "body.n", "hash", `body."a.b"`, "drop",
	), m, []byte("key"))
	h := func(text string) string { return `"` + p.Digest([]byte(text)) + `"` }
	for _, c := range []struct{ in, want string }{
		{`{"a":1}`, `{"a":1}`},
		{`{ "a" : [1, {"email":2}] }`, `{ "a" : [1, {"email":2}] }`}, // another path: not a byte changes
		{`{"email":"x","b":2}`, `{"email":"***","b":2}`},
		{`{"EMail":"x","e\u006dail":7}`, `{"EMail":"***","e\u006dail":"***"}`},
		{`{"email":null}`, `{"email":null}`},
		{`{"email":["a",{"k":"v"},null]}`, `{"email":["***","***",null]}`},
		{`{"card":1,"b":2,"card":{"x":3}}`, `{"b":2}`},
		{`{"b":2,"card":[1]}`, `{"b":2}`},
		{`{"card":1}`, `{}`},
		{`{"message":"héllo"}`, `{"message":"hél"}`},
		{`{"msg":"hello","body":"world"}`, `{"msg":"hel","body":"wor"}`},
		{`{"body":{"email":"x"}}`, `{"body":{"email":"x"}}`}, // an object fills no message
		{`{"who":{"id":"u","x":1}}`, `{"who":{"id":` + h("u") + `,"x":1}}`},
		{`{"n":12}`, `{"n":` + h("12") + `}`},
		{`{"n":"12"}`, `{"n":` + h("12") + `}`},
		{`{"items":[{"mail":"x","q":1},{"q":2},[{"mail":"y"}]]}`, `{"items":[{"mail":"***","q":1},{"q":2},[{"mail":"***"}]]}`},
		{`{"a.b":1,"a":{"b":2}}`, `{"a":{"b":2}}`},
		{`{"email":"x"},{"email":"y"} {"email":"z"}`, `{"email":"***"},{"email":"***"} {"email":"***"}`},
		{`{"email":"x"}{"email":"y"`, `{"email":"***"}{"email":"y"`},
		{`no`, `no`},
		{``, ``},
	} {
		if got := string(p.Protect([]byte(c.in))); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestProtectCounts(t *testing.T) {
	p := NewProtector(policies(t, "body.email", "mask", "body.card", "drop"), engine.Mapping{}, nil)
	for _, line := range []string{`{"email":"x"}`, `{"email":[1,2],"card":0}`, `{"email":null}`} {
		p.Protect([]byte(line))
	}
	if got := p.Seen(); got[0] != 3 || got[1] != 1 {
		t.Error(got)
	}
	if got := p.Seen(); got[0] != 0 {
		t.Error(got)
	}
}

func TestProtectColumns(t *testing.T) {
	p := NewProtector(policies(t, "body.email", "mask", "body.card", "drop", "body.people.mail", "hash"), engine.Mapping{}, nil)
	person := engine.Type{Kind: engine.Struct, Fields: []engine.Field{{Name: "mail", Type: engine.Scalar(engine.BigInt)}, {Name: "id", Type: engine.Scalar(engine.BigInt)}}}
	got := p.Columns([]engine.ForeignColumn{
		{Name: "Email", Declared: "ENUM('secret')", Type: engine.Scalar(engine.Varchar)},
		{Name: "card", Declared: "BIGINT", Type: engine.Scalar(engine.BigInt)},
		{Name: "people", Declared: "STRUCT(mail BIGINT, id BIGINT)[]", Type: engine.Type{Kind: engine.List, Elem: &person}},
		{Name: "at", Declared: "TIME", Type: engine.Scalar(engine.Varchar)},
	})
	if len(got) != 3 || got[0].Declared != "VARCHAR" || got[2].Declared != "TIME" || strings.Contains(got[1].Declared, `"mail" BIGINT`) || !strings.Contains(strings.ToLower(got[1].Declared), "mail") {
		t.Errorf("%+v", got)
	}
	if person.Fields[0].Type.Kind != engine.BigInt {
		t.Error("the file's own type was changed")
	}
}

// Whatever JSON has the value, and wherever the value stands beneath the
// path, it is gone afterwards, and what is left is JSON with everything else.
func TestProtectLeavesNothing(t *testing.T) {
	value := rapid.SampledFrom([]string{`"S3cr3t"`, `"S3cr3\u0074"`, `["S3cr3t",1]`, `{"S3cr3t":{"x":"S3cr3t"}}`, `[[{"k":"S3cr3t"}]]`})
	other := rapid.SampledFrom([]string{`1`, `null`, `"text"`, `{"mail":5,"x":[1,2]}`, `[]`, `{}`, `"a\"b"`})
	name := rapid.SampledFrom([]string{"mail", "Mail", "MAIL", `m\u0061il`})
	rapid.Check(t, func(t *rapid.T) {
		p := NewProtector(policies(t, "body.user.mail", rapid.SampledFrom(engine.PolicyKinds[:3]).Draw(t, "kind")), engine.Mapping{}, []byte("k"))
		inner := `{"a":` + other.Draw(t, "a") + `,"` + name.Draw(t, "name") + `":` + value.Draw(t, "value") + `,"z":` + other.Draw(t, "z") + `}`
		for range rapid.IntRange(0, 2).Draw(t, "lists") {
			inner = "[" + inner + "," + other.Draw(t, "beside") + "]"
		}
		line := `{"first":` + other.Draw(t, "first") + `,"user":` + inner + `}`
		out := p.Protect([]byte(line))
		if bytes.Contains(out, []byte("S3cr3")) || !json.Valid(out) {
			t.Fatalf("%s\n%s", line, out)
		}
		var before, after map[string]any
		if json.Unmarshal([]byte(line), &before) != nil || json.Unmarshal(out, &after) != nil || len(before) != len(after) {
			t.Fatalf("%s\n%s", line, out)
		}
	})
}

func FuzzProtect(f *testing.F) {
	f.Add([]byte(`{"email":"x","list":[{"card":1}]}`))
	f.Add([]byte(`{"email":"x"}{"email"`))
	p := NewProtector([]engine.Policy{
		{Path: engine.Path{"body", "email"}, Kind: engine.Mask},
		{Path: engine.Path{"body", "list", "card"}, Kind: engine.Drop},
		{Path: engine.Path{"message"}, Kind: engine.Truncate, Length: 2},
	}, engine.Mapping{Envelope: DefaultEnvelope()}, nil)
	f.Fuzz(func(t *testing.T, line []byte) {
		out := p.Protect(line)
		if json.Valid(line) && !json.Valid(out) {
			t.Fatalf("%q became %q", line, out)
		}
		if again := p.Protect(out); !bytes.Equal(again, out) && json.Valid(line) && !bytes.Contains(line, []byte{0xff}) && len(again) != len(out) {
			t.Fatalf("%q, then %q", out, again)
		}
	})
}
