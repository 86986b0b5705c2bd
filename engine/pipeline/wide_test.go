package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
)

// TestWideData keeps what has no room in rest, counts it, and takes it into a
// column when a person says so.
func TestWideData(t *testing.T) {
	b := newBench(t)
	opt := b.options()
	opt.Mapping.MaxPaths = 10
	var lines []string
	for i := range 40 {
		lines = append(lines, fmt.Sprintf(`{"a%d":%d,"b":%d}`, i, i, i))
	}
	counts := b.pull(opt, b.object("a.ndjson", strings.Join(lines, "\n")))
	if counts.Records != 40 {
		t.Fatalf("%+v", counts)
	}
	b.want(`SELECT path, got, count FROM tidemark.conflicts`, "* | integer | 31")
	b.want(`SELECT count(rest), sum(body.b)::BIGINT FROM logs`, "31 | 780")
	b.setType("logs", engine.Path{"body", "a39"}, engine.Scalar(engine.BigInt))
	b.want(`SELECT path, got, count FROM tidemark.conflicts`, "* | integer | 30")
	b.want(`SELECT body.a39, rest FROM logs WHERE body.a39 IS NOT NULL`, "39 | -")
}

// TestConflictsAreRecounted: a type that a person gives settles what it holds,
// and the report says what it does not.
func TestConflictsAreRecounted(t *testing.T) {
	b := newBench(t)
	b.pull(b.options(), b.object("a.ndjson", `{"n":1,"l":[1]}
{"n":2,"l":["x"]}
{"n":"three","l":[2]}
{"n":{"a":4}}
{"n":true}`))
	b.want(`SELECT path, want, got, count FROM tidemark.conflicts ORDER BY ALL`, "l[] | bigint | text | 1", "n | bigint | bool | 1", "n | bigint | object | 1", "n | bigint | text | 1")
	b.setType("logs", engine.Path{"body", "n"}, engine.Scalar(engine.Varchar))
	b.want(`SELECT path, want, got, count, example FROM tidemark.conflicts WHERE path = 'n' ORDER BY ALL`)
	b.setType("logs", engine.Path{"body", "n"}, engine.Scalar(engine.BigInt))
	b.want(`SELECT path, want, got, count, example FROM tidemark.conflicts WHERE path = 'n' ORDER BY ALL`,
		`n | bigint | text | 3 | "three"`) // a person made text of all of them
}
