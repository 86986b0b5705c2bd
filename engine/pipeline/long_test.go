package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"tidemark.dev/tidemark/engine"
	"tidemark.dev/tidemark/engine/format"
	"tidemark.dev/tidemark/engine/schema"
)

// A record that is too long to be kept stands in quarantine with its length.
func TestTooLongRecordKeepsItsLength(t *testing.T) {
	b := newBench(t)
	long := `{"m":"` + strings.Repeat("x", format.MaxRecord) + `"}`
	counts := b.pull(b.options(), b.object("a.ndjson", `{"n":1}`+"\n"+long+"\n"+`{"n":2}`+"\n"))
	if counts.Records != 2 || counts.Quarantined != 1 || counts.Read != 3 {
		t.Errorf("%+v", counts)
	}
	b.want(`SELECT reason, bytes, raw IS NULL FROM tidemark.quarantine`, fmt.Sprintf("the record is longer than 64 MiB | %d | true", len(long)))
}

// A name that is too long for a column stays in rest, at every depth, and what
// stands beside it is typed.
func TestLongNamesStayInRest(t *testing.T) {
	b := newBench(t)
	fits, long := strings.Repeat("f", schema.MaxPath), strings.Repeat("k", schema.MaxPath+1)
	b.pull(b.options(), b.object("a.ndjson", fmt.Sprintf(`{"n":1,%q:2,%q:3,"o":{"x":4,%q:5},"l":[{%q:6}]}`, fits, long, fits, long)))
	v, _ := b.Schema("logs")
	for _, f := range v.Body.Fields {
		if len(f.Name) > schema.MaxPath {
			t.Errorf("%.20s… of %d bytes is a column", f.Name, len(f.Name))
		}
	}
	b.want(`SELECT body.n, body."`+fits+`", body.o.x, len(json_keys(rest)) FROM logs`, "1 | 2 | 4 | 3")
	if _, ok := v.Body.Field("l"); ok {
		if l, _ := v.Body.Field("l"); l.Kind == engine.List && l.Known() {
			t.Errorf("l is %.80s", l)
		}
	}
}
