package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// FuzzRegistry takes a dataset's type through a life, line by line: a record
// that is pulled, "!PATH TYPE" a person's word, "+SCHEMA" an import. Whatever
// the order, each version is a type that a table can have, can be written down
// and read back, and says what is new in it.
func FuzzRegistry(f *testing.F) {
	f.Add([]byte("{\"a\":[],\"b\":{},\"c\":null}\n{\"a\":[{\"x\":1}],\"b\":{\"y\":1.5}}\n!a.x varchar\n{\"A\":1}"))
	f.Add([]byte("+{\"properties\":{\"a\":{\"type\":\"integer\"}}}\n{\"a\":1.7}\n!a double\n{\"a\":1e400,\"t\":\"2026-01-01\"}"))
	f.Add([]byte("+{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}\n!b.c list(json)\n!b map(bigint)\n{\"b\":{\"c\":[1]}}"))
	f.Add([]byte("!\xf2 list(json)\n!a struct(\"\xf2\" json)"))
	f.Fuzz(func(t *testing.T, life []byte) {
		body := engine.Type{Kind: engine.Struct}
		for line := range bytes.Lines(life) {
			next, changes := lived(t, body, bytes.TrimRight(line, "\r\n"))
			if len(changes) == 0 != next.Equal(body) {
				t.Fatalf("%q: from %s to %s by %v", line, body, next, changes)
			}
			checkVersion(t, next)
			body = next
		}
	})
}

// lived is what a line of a life makes of a type.
func lived(t *testing.T, body engine.Type, line []byte) (engine.Type, []Change) {
	switch {
	case bytes.HasPrefix(line, []byte("!")):
		path, typ, _ := strings.Cut(string(line[1:]), " ")
		p, err := engine.ParsePath(path)
		if err != nil {
			return body, nil
		}
		to, err := ParseType(typ)
		if err != nil || !to.Known() || repeats(to) {
			return body, nil
		}
		next, change, err := SetType(body, p, to)
		if err != nil || change == (Change{}) {
			return body, nil
		}
		return next, []Change{change}
	case bytes.HasPrefix(line, []byte("+")):
		wanted, err := Import(line[1:])
		if err != nil {
			return body, nil
		}
		next, changes := Join(body, wanted)
		checkUp(t, body, next)
		return next, changes
	}
	c := NewConformer(body, engine.Mapping{MaxPaths: 20}, nil)
	if out := c.Conform(line); out.Reason != "" {
		return body, nil
	}
	var seen Observation
	seen.Observe(c.Line(), c.Except())
	e := EvolveWithin(20, body, &seen, func(string) bool { return true })
	checkUp(t, body, e.Body)
	if out := NewConformer(e.Body, engine.Mapping{MaxPaths: 20}, e.Refused).Conform(line); out.Unknown {
		t.Fatalf("%q has paths that %s does not know and that were not refused", line, e.Body)
	}
	return e.Body, e.Changes
}

// checkUp: without a person's word a type only moves up the lattice.
func checkUp(t *testing.T, from, to engine.Type) {
	t.Helper()
	if up, _ := Meet(from, to); !up.Equal(to) {
		t.Fatalf("%s is not above %s", to, from)
	}
}

// checkVersion: a version is one that a table can have, and survives being
// written down.
func checkVersion(t *testing.T, body engine.Type) {
	t.Helper()
	if body.Kind != engine.Struct || repeats(body) {
		t.Fatalf("no table has the type %s", body)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var back engine.Type
	if err := json.Unmarshal(text, &back); err != nil || !back.Equal(body) {
		t.Fatalf("%s comes back as %s: %v", body, back, err)
	}
	if len(body.Fields) > 0 {
		if back, err := ParseType(body.String()); err != nil || !back.Equal(body) {
			t.Fatalf("%s is read as %s: %v", body, back, err)
		}
	}
	DuckDB("logs", body)
	Hive(body)
	for _, render := range []func() ([]byte, error){
		func() ([]byte, error) { return Glue(body) },
		func() ([]byte, error) { return Avro("logs", body) },
		func() ([]byte, error) { return JSONSchema("logs", body) },
	} {
		if out, err := render(); err != nil || !json.Valid(out) {
			t.Fatalf("%s: %v\n%s", body, err, out)
		}
	}
}
